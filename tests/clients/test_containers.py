"""Models of several containers behind an endpoint, through boto3: in a row, and side by side."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import ROLE, Road, until
from tests.clients.test_sklearn_endpoint import PYTHON, archive, ask, log, reason, refusal

TELLS = """
import json, os

def model_fn(model_dir):
    return os.environ["NAME"]

def transform_fn(name, body, content_type, accept):
    if body == "die in " + name:
        os._exit(1)
    if body == "fail in " + name:
        raise ValueError("it does not add up")
    heard = json.loads(body) if content_type == "application/x-heard" else []
    return json.dumps([*heard, [name, content_type, accept]]), "application/x-heard"
"""

PASSES = TELLS.replace("    heard =", "    if body[:3] == 'die': return body, content_type\n    heard =")


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def container(road: Road, name: str, script: str = TELLS, **more: Any) -> dict[str, Any]:
    """A container that tells what it was asked."""
    road.put(f"{name}/model.tar.gz", archive({"code/inference.py": script}))
    environment = {"NAME": name, **more.pop("Environment", {})}
    url = f"s3://{road.bucket}/{name}/model.tar.gz"
    return {"Image": PYTHON, "ModelDataUrl": url, "Environment": environment, **more}


def deployed(road: Road, name: str, containers: list[dict[str, Any]], mode: str | None = None) -> str:
    """An endpoint on its way whose model has these containers."""
    model = f"{road.prefix}-{name}"
    more = {"InferenceExecutionConfig": {"Mode": mode}} if mode else {}
    road.sagemaker.create_model(ModelName=model, Containers=containers, ExecutionRoleArn=ROLE, **more)
    road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=road.config(name, model))
    return model


def test_each_container_in_a_row_is_given_what_the_one_before_it_answered(server: Any, road: Road) -> None:
    containers = [
        container(road, "one"),
        container(road, "two", Environment={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}),
        container(road, "three"),
    ]
    endpoint = deployed(road, "row", containers)
    road.wait_in_service(endpoint)
    body, kind = ask(road, endpoint, "ten", "text/plain", "application/x-wished")
    assert kind == "application/x-heard"
    assert json.loads(body) == [
        ["one", "text/plain", "application/json"],
        ["two", "application/x-heard", "text/csv"],
        ["three", "application/x-heard", "application/x-wished"],
    ]
    shown = road.sagemaker.describe_model(ModelName=endpoint)
    assert shown["Containers"] == containers
    assert "PrimaryContainer" not in shown
    streams = server.client("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    ends = [stream["logStreamName"].rpartition("/")[2] for stream in streams["logStreams"]]
    assert sorted(ends) == ["container-1", "container-2", "container-3"]
    deployed_now = road.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]["DeployedImages"]
    assert [image["SpecifiedImage"] for image in deployed_now] == [PYTHON] * 3
    road.delete(endpoint)


def test_a_failure_names_the_container_and_one_that_dies_comes_back(server: Any, road: Road) -> None:
    containers = [
        container(road, "first", PASSES, ContainerHostname="first"),
        container(road, "second", ContainerHostname="second"),
    ]
    endpoint = deployed(road, "fails", containers)
    road.wait_in_service(endpoint)
    failed = refusal(road, endpoint, "fail in first")
    assert failed["OriginalMessage"] == "ValueError: it does not add up"
    assert failed["Error"]["Message"].startswith("Received server error (500) from first with message")
    failed = refusal(road, endpoint, "die in second")
    assert failed["Error"]["Message"].startswith("Received server error (500) from second with message")
    assert failed["LogStreamArn"].endswith("/second")

    def back() -> Any:
        try:
            return ask(road, endpoint, "ten")[0]
        except ClientError:
            return None

    assert [name for name, *_ in json.loads(until(back, "the second container"))] == ["first", "second"]
    with pytest.raises(ClientError, match="not invoked directly"):
        road.runtime.invoke_endpoint(EndpointName=endpoint, Body="ten", TargetContainerHostname="first")
    road.delete(endpoint)


def test_containers_side_by_side_are_asked_by_their_names(road: Road) -> None:
    containers = [
        container(road, "left", ContainerHostname="left"),
        container(road, "right", ContainerHostname="right"),
    ]
    endpoint = deployed(road, "direct", containers, "Direct")
    road.wait_in_service(endpoint)

    def asked(**target: str) -> Any:
        answer = road.runtime.invoke_endpoint(EndpointName=endpoint, Body="x", ContentType="text/plain", **target)
        return json.loads(answer["Body"].read())

    for name in ("left", "right"):
        assert asked(TargetContainerHostname=name) == [[name, "text/plain", "application/json"]]
    for target, text in (({}, "must name one of left, right"), ({"TargetContainerHostname": "up"}, "'up' is no")):
        with pytest.raises(ClientError, match=text) as caught:
            asked(**target)
        assert caught.value.response["Error"]["Code"] == "ValidationError"
    road.delete(endpoint)


def test_a_container_that_does_not_load_fails_the_endpoint_with_its_reason(road: Road) -> None:
    broken = TELLS.replace("import json, os", "import no_such_module")
    endpoint = deployed(road, "broken", [container(road, "well"), container(road, "broken", broken)])
    assert "no_such_module" in reason(road, endpoint)
    road.delete(endpoint)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, "neither given"),
        ({"Containers": [{}], "PrimaryContainer": {}}, "both given"),
        ({"Containers": [{"ContainerHostname": "a"}, {}]}, "Give one to each of them, or to none"),
        ({"Containers": [{"ContainerHostname": "a"}, {"ContainerHostname": "a"}]}, "Give each its own"),
        ({"Containers": [{}, {}], "InferenceExecutionConfig": {"Mode": "Direct"}}, "needs a ContainerHostname"),
        ({"Containers": [{}] * 16}, "less than or equal to 15"),
    ],
)
def test_containers_that_do_not_fit_together_are_refused(road: Road, members: dict[str, Any], text: str) -> None:
    image = {"Image": PYTHON}
    given = dict(members)
    if "Containers" in members:
        given["Containers"] = [image | each for each in members["Containers"]]
    if "PrimaryContainer" in members:
        given["PrimaryContainer"] = image
    with pytest.raises(ClientError, match=text) as caught:
        road.sagemaker.create_model(ModelName=f"{road.prefix}-unfit", ExecutionRoleArn=ROLE, **given)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_the_log_of_each_container_is_its_own(server: Any, road: Road) -> None:
    """Both in the endpoint's group, so that one look shows what all of them said."""
    prints = TELLS.replace("    heard =", "    print('asked', name)\n    heard =")
    endpoint = deployed(road, "logs", [container(road, "p", prints), container(road, "q", prints)])
    road.wait_in_service(endpoint)
    ask(road, endpoint, "ten")
    said = log(server, endpoint)
    assert "asked p" in said
    assert "asked q" in said
    road.delete(endpoint)


def test_a_batch_transform_sends_its_records_through_all_containers(road: Road) -> None:
    adds = """
    def model_fn(model_dir):
        import os
        return int(os.environ["ADDS"])

    def transform_fn(adds, body, content_type, accept):
        if "x" in body:
            raise ValueError("no number")
        return "\\n".join(str(int(line) + adds) for line in body.split()), "text/csv"
    """
    containers = [
        container(road, f"adds-{number}", textwrap.dedent(adds), Environment={"ADDS": str(number)})
        for number in (1, 10, 100)
    ]
    model = f"{road.prefix}-batch"
    road.sagemaker.create_model(ModelName=model, Containers=containers, ExecutionRoleArn=ROLE)
    road.put("batch/in/a.csv", "1\n2\n")
    road.put("batch/in/b.csv", "3\n")

    def transformed(name: str, prefix: str) -> dict[str, Any]:
        road.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{road.bucket}/{prefix}"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={"S3OutputPath": f"s3://{road.bucket}/batch/out", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            ModelClientConfig={"InvocationsMaxRetries": 0},
        )

        def ended() -> Any:
            job = road.sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] not in ("InProgress", "Stopping") else None

        return until(ended, "the transform job's end")

    job = transformed(model, "batch/in/")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    outputs = [
        road.s3.get_object(Bucket=road.bucket, Key=f"batch/out/{name}.csv.out")["Body"].read() for name in ("a", "b")
    ]
    assert outputs == [b"112\n113\n", b"114\n"]
    road.put("batch/bad/c.csv", "x\n")
    assert transformed(f"{model}-bad", "batch/bad/")["TransformJobStatus"] == "Failed"
    side_by_side = f"{road.prefix}-direct-batch"
    named = [each | {"ContainerHostname": f"c{number}"} for number, each in enumerate(containers)]
    road.sagemaker.create_model(
        ModelName=side_by_side, Containers=named, ExecutionRoleArn=ROLE, InferenceExecutionConfig={"Mode": "Direct"}
    )
    model = side_by_side
    with pytest.raises(ClientError, match="of the mode Direct"):
        transformed(f"{side_by_side}-job", "batch/in/")
