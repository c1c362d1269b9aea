"""Asynchronous endpoints through boto3: requests that wait, and answers that are objects."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.gates import Gates
from tests.clients.receiver import receiver
from tests.clients.road import until

NAME = "AllTraffic"


@pytest.fixture(scope="module")
def gates() -> Iterator[Gates]:
    """On a server of its own, whose workers are all this module's."""
    with potager.local() as running:
        yield Gates(running)


def deploy(gates: Gates, name: str, **more: Any) -> str:
    """An asynchronous endpoint in service; `more` of its OutputConfig."""
    model = gates.model(name)
    given = {"VariantName": NAME, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    output = {"S3OutputPath": f"s3://{gates.road.bucket}/{name}/out", "S3FailurePath": bad(gates, name), **more}
    gates.road.sagemaker.create_endpoint_config(
        EndpointConfigName=model, ProductionVariants=[given], AsyncInferenceConfig={"OutputConfig": output}
    )
    gates.road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=model)
    gates.road.wait_in_service(model)
    return model


def bad(gates: Gates, name: str) -> str:
    return f"s3://{gates.road.bucket}/{name}/bad"


def send(gates: Gates, endpoint: str, text: str = "now", **more: Any) -> dict[str, Any]:
    """A request whose input is an object."""
    key = f"in/{uuid.uuid4().hex}"
    gates.road.s3.put_object(Bucket=gates.road.bucket, Key=key, Body=text, ContentType="text/plain")
    return gates.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{gates.road.bucket}/{key}", **more
    )


def read(gates: Gates, uri: str) -> tuple[str, str] | None:
    """An object's text and content type, None while it is not there."""
    try:
        answer = gates.road.s3.get_object(Bucket=gates.road.bucket, Key=uri.split("/", 3)[3])
    except gates.road.s3.exceptions.NoSuchKey:
        return None
    return answer["Body"].read().decode(), answer["ContentType"]


def result(gates: Gates, sent: dict[str, Any]) -> str:
    """The answer to a request, once it is there."""
    return until(lambda: read(gates, sent["OutputLocation"]), "an answer")[0]


def failure(gates: Gates, sent: dict[str, Any]) -> str:
    return until(lambda: read(gates, sent["FailureLocation"]), "a failure")[0]


def code(caught: Any) -> str:
    return caught.value.response["Error"]["Code"]


def scale(gates: Gates, endpoint: str, count: int) -> None:
    wanted = [{"VariantName": NAME, "DesiredInstanceCount": count}]
    gates.road.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=wanted
    )
    gates.road.wait_in_service(endpoint)


def test_an_answer_comes_to_lie_where_the_acknowledgement_says(gates: Gates) -> None:
    endpoint = deploy(gates, "answers")
    config = gates.road.sagemaker.describe_endpoint(EndpointName=endpoint)["AsyncInferenceConfig"]
    assert config["OutputConfig"]["S3OutputPath"].startswith(f"s3://{gates.road.bucket}/answers/out")
    sent = send(gates, endpoint, InferenceId="mine-1")
    assert sent["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert sent["InferenceId"] == "mine-1"
    assert sent["OutputLocation"].startswith(f"s3://{gates.road.bucket}/answers/out/")
    assert sent["OutputLocation"].endswith(".out")
    assert sent["FailureLocation"].startswith(bad(gates, "answers"))
    text, kind = until(lambda: read(gates, sent["OutputLocation"]), "an answer")
    assert (text.split()[0], kind) == ("now", "text/plain")
    assert read(gates, sent["FailureLocation"]) is None
    named = send(gates, endpoint, S3OutputPathExtension="north/east", Filename="a.txt")
    assert named["OutputLocation"] == f"s3://{gates.road.bucket}/answers/out/north/east/a.txt"
    assert result(gates, named).startswith("now ")
    gates.road.delete(endpoint)


def test_a_body_may_be_in_the_request(gates: Gates) -> None:
    endpoint = deploy(gates, "inline")
    ask = gates.runtime.invoke_endpoint_async
    sent = ask(EndpointName=endpoint, Body=b"inside", ContentType="text/plain")
    assert result(gates, sent).startswith("inside ")
    assert uuid.UUID(sent["InferenceId"])
    for wrong in ({}, {"Body": b"x", "InputLocation": "s3://b/k"}, {"InputLocation": "https://example.com/k"}):
        with pytest.raises(ClientError) as caught:
            ask(EndpointName=endpoint, **wrong)
        assert code(caught) == "ValidationError"
    gates.road.delete(endpoint)


def test_what_the_model_refuses_and_what_cannot_be_read_fails(gates: Gates) -> None:
    endpoint = deploy(gates, "fails")
    refused = send(gates, endpoint, "refuse")
    assert "such a request is refused" in failure(gates, refused)
    assert read(gates, refused["OutputLocation"]) is None
    missing = gates.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{gates.road.bucket}/nothing"
    )
    assert "cannot be read" in failure(gates, missing)
    slow = send(gates, endpoint, "hold", InvocationTimeoutSeconds=1)
    assert "InvocationTimeoutSeconds" in failure(gates, slow)
    assert result(gates, send(gates, endpoint)).startswith("now ")
    gates.road.delete(endpoint)


def test_a_request_whose_worker_dies_is_given_to_the_next_one_and_not_for_ever(gates: Gates) -> None:
    endpoint = deploy(gates, "dies")
    deadly, harmless = send(gates, endpoint, "die"), send(gates, endpoint)
    assert "died" in failure(gates, deadly)
    assert result(gates, harmless).startswith("now ")
    gates.road.delete(endpoint)


def test_requests_wait_while_there_is_no_instance(gates: Gates) -> None:
    endpoint = deploy(gates, "zero")
    scale(gates, endpoint, 0)
    until(lambda: not gates.folders(), "no instance")
    sent = [send(gates, endpoint, f"r{number}") for number in range(3)]
    assert all(read(gates, each["OutputLocation"]) is None for each in sent)
    scale(gates, endpoint, 1)
    assert [result(gates, each).split()[0] for each in sent] == ["r0", "r1", "r2"]
    gates.road.delete(endpoint)


def test_requests_of_an_endpoint_that_is_deleted_fail(gates: Gates) -> None:
    endpoint = deploy(gates, "deleted")
    scale(gates, endpoint, 0)
    sent = send(gates, endpoint)
    gates.road.delete(endpoint)
    assert "deleted" in failure(gates, sent)


def test_an_instance_has_as_many_requests_as_it_was_configured_for(gates: Gates) -> None:
    endpoint = deploy(gates, "bound")
    scale(gates, endpoint, 2)
    sent = [send(gates, endpoint, "hold") for _ in range(3)]
    assert len(gates.until_asked(2)) == 2
    gates.go()
    assert len({result(gates, each) for each in sent}) == 2
    gates.road.delete(endpoint)


def test_the_other_kind_of_invocation_is_refused(gates: Gates) -> None:
    endpoint = deploy(gates, "kind")
    with pytest.raises(ClientError, match="asynchronous") as caught:
        gates.ask(endpoint)
    assert code(caught) == "ValidationError"
    real = gates.model("real")
    gates.road.sagemaker.create_endpoint(EndpointName=real, EndpointConfigName=gates.road.config("real", real))
    gates.road.wait_in_service(real)
    with pytest.raises(ClientError, match="not an asynchronous endpoint") as caught:
        send(gates, real)
    assert code(caught) == "ValidationError"
    with pytest.raises(ClientError, match="not found"):
        send(gates, "nowhere")
    gates.road.delete(real)
    gates.road.delete(endpoint)


def test_answers_are_encrypted_where_a_key_is_named(gates: Gates) -> None:
    key = gates.server.client("kms").create_key()["KeyMetadata"]["Arn"]
    endpoint = deploy(gates, "sealed", KmsKeyId=key)
    sent = send(gates, endpoint)
    assert result(gates, sent).startswith("now ")
    shown = gates.road.s3.head_object(Bucket=gates.road.bucket, Key=sent["OutputLocation"].split("/", 3)[3])
    assert (shown["ServerSideEncryption"], shown["SSEKMSKeyId"]) == ("aws:kms", key)
    gates.road.delete(endpoint)


def test_topics_are_told_of_answers_and_failures(gates: Gates) -> None:
    sns = gates.server.client("sns")
    with receiver() as hook:
        topics: dict[str, str] = {}
        for name in ("good", "bad"):
            topics[name] = sns.create_topic(Name=f"{gates.road.prefix}-{name}")["TopicArn"]
            sns.subscribe(TopicArn=topics[name], Protocol="http", Endpoint=hook.url)
            sns.confirm_subscription(TopicArn=topics[name], Token=hook.message()["Token"])
        included = ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]
        config = {"SuccessTopic": topics["good"], "ErrorTopic": topics["bad"], "IncludeInferenceResponseIn": included}
        endpoint = deploy(gates, "told", NotificationConfig=config)
        good, wrong = send(gates, endpoint, CustomAttributes="a=1"), send(gates, endpoint, "refuse")
        notices = [json.loads(hook.message()["Message"]) for _ in range(2)]
        told = {notice["inferenceId"]: notice for notice in notices}
        assert told[good["InferenceId"]]["invocationStatus"] == "Completed"
        assert told[good["InferenceId"]]["responseParameters"]["outputLocation"] == good["OutputLocation"]
        assert told[good["InferenceId"]]["requestParameters"]["customAttributes"] == "a=1"
        assert "responseBody" in told[good["InferenceId"]]
        assert told[wrong["InferenceId"]]["invocationStatus"] == "Failed"
        assert "error (500)" in told[wrong["InferenceId"]]["failureReason"]
        gates.road.delete(endpoint)


def test_an_asynchronous_configuration_needs_a_place_for_answers(gates: Gates) -> None:
    model = gates.model("nowhere")
    given = {"VariantName": NAME, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    with pytest.raises(ClientError, match="S3OutputPath"):
        gates.road.sagemaker.create_endpoint_config(
            EndpointConfigName=model, ProductionVariants=[given], AsyncInferenceConfig={"OutputConfig": {}}
        )
    gates.road.sagemaker.delete_model(ModelName=model)
