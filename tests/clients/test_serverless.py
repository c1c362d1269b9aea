"""Serverless endpoints through boto3: workers that come with requests and go without."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.gates import Gates
from tests.clients.road import WAIT, until
from tests.faults.test_kill import shim

NAME = "AllTraffic"


@pytest.fixture(scope="module")
def gates() -> Iterator[Gates]:
    """On a server of its own, whose workers are all this module's."""
    with potager.local() as running:
        yield Gates(running)


@pytest.fixture
def hasty() -> Iterator[Gates]:
    """A server whose workers go after a second."""
    with potager.local(serverless_idle=1) as running:
        yield Gates(running)


def config(gates: Gates, name: str, model: str, most: int = 2, kept: int = 0, **more: Any) -> str:
    without = {"MemorySizeInMB": 1024, "MaxConcurrency": most} | ({"ProvisionedConcurrency": kept} if kept else {})
    gates.road.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": NAME, "ModelName": model, "ServerlessConfig": without}],
        **more,
    )
    return name


def deploy(gates: Gates, name: str, **bounds: int) -> str:
    """A serverless endpoint in service."""
    model = gates.model(name)
    gates.road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=config(gates, model, model, **bounds))
    gates.road.wait_in_service(model)
    return model


def variant(gates: Gates, endpoint: str) -> dict[str, Any]:
    return gates.road.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]


def code(caught: Any) -> str:
    return caught.value.response["Error"]["Code"]


def test_an_idle_endpoint_has_no_worker_and_the_next_request_starts_one(hasty: Gates) -> None:
    endpoint = deploy(hasty, "idle")
    _, first = hasty.ask(endpoint)
    until(lambda: not hasty.folders(), "an endpoint without a worker")
    assert hasty.road.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    said, second = hasty.ask(endpoint)
    assert said == "now"
    assert second != first
    hasty.road.delete(endpoint)


def test_a_worker_has_one_request_at_a_time_and_past_the_most_they_are_throttled(gates: Gates) -> None:
    endpoint = deploy(gates, "most", most=2)
    held = gates.hold(endpoint, 2)
    gates.until_asked(2)
    with pytest.raises(ClientError) as caught:
        gates.ask(endpoint)
    assert code(caught) == "ThrottlingException"
    assert "MaxConcurrency" in caught.value.response["Error"]["Message"]
    gates.go()
    answers = held.answers()
    assert {said for said, _ in answers} == {"hold"}
    assert len({worker for _, worker in answers}) == 2
    assert gates.ask(endpoint)[1] in {worker for _, worker in answers}
    gates.road.delete(endpoint)
    assert not gates.folders()


def test_what_describe_tells(gates: Gates) -> None:
    endpoint = deploy(gates, "told", most=3)
    shown = variant(gates, endpoint)
    assert shown["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 3}
    assert shown["DesiredServerlessConfig"] == shown["CurrentServerlessConfig"]
    assert shown["CurrentInstanceCount"] == 0
    given = gates.road.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)["ProductionVariants"][0]
    assert "InitialInstanceCount" not in given
    gates.road.delete(endpoint)


def test_provisioned_workers_stay_and_their_number_can_be_changed(hasty: Gates) -> None:
    endpoint = deploy(hasty, "kept", most=3, kept=1)
    held = hasty.hold(endpoint, 3)
    hasty.until_asked(3)
    hasty.go()
    assert len({worker for _, worker in held.answers()}) == 3
    until(lambda: len(hasty.folders()) == 1, "the one worker that is kept")
    hasty.road.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": NAME, "ServerlessUpdateConfig": {"MaxConcurrency": 5, "ProvisionedConcurrency": 2}}
        ],
    )
    hasty.road.wait_in_service(endpoint)
    until(lambda: len(hasty.folders()) == 2, "two workers that are kept")
    shown = variant(hasty, endpoint)["CurrentServerlessConfig"]
    assert shown == {"MemorySizeInMB": 1024, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}
    hasty.road.delete(endpoint)
    assert not hasty.folders()


def test_a_worker_that_is_killed_is_replaced_when_a_request_comes(gates: Gates) -> None:
    endpoint = deploy(gates, "killed")
    _, first = gates.ask(endpoint)
    (folder,) = gates.folders()
    os.kill(shim(folder), signal.SIGKILL)
    until(lambda: not gates.folders(), "nothing left of the worker")
    assert gates.ask(endpoint)[1] != first
    with pytest.raises(ClientError) as caught:
        gates.ask(endpoint, "die")
    assert code(caught) == "ModelError"
    assert gates.ask(endpoint)[0] == "now"
    gates.road.delete(endpoint)


def test_an_update_and_a_deletion_answer_what_they_find_under_way(gates: Gates) -> None:
    endpoint = deploy(gates, "moving")
    _, before = gates.ask(endpoint)
    held = gates.hold(endpoint)
    (old,) = gates.until_asked(1)
    other = config(gates, f"{endpoint}-2", gates.model("moved"))
    gates.road.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=other)
    gates.road.wait_in_service(endpoint)
    assert gates.ask(endpoint)[1] != before
    assert old in gates.folders()
    gates.go()
    assert held.answers() == [("hold", before)]
    until(lambda: old not in gates.folders(), "the end of the old worker")
    held = gates.hold(endpoint)
    gates.until_asked(1)
    gates.road.sagemaker.delete_endpoint(EndpointName=endpoint)
    gates.go()
    assert held.answers()[0][0] == "hold"
    gates.road.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint, WaiterConfig=WAIT)
    assert not gates.folders()


def test_a_model_that_does_not_load_fails_the_endpoint_when_it_is_created(gates: Gates) -> None:
    model = gates.model("broken", broken="yes")
    gates.road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=config(gates, model, model))
    with pytest.raises(Exception, match="terminal failure"):
        gates.road.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=model, WaiterConfig=WAIT)
    assert "broken" in gates.road.sagemaker.describe_endpoint(EndpointName=model)["FailureReason"]
    gates.road.delete(model)


@pytest.mark.parametrize(
    ("changes", "more", "named"),
    [
        ({"InstanceType": "ml.m5.large"}, {}, "InstanceType"),
        ({"InitialInstanceCount": 1}, {}, "InitialInstanceCount"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 1}}, {}, "MemorySizeInMB"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1, "ProvisionedConcurrency": 2}},
            {},
            "ProvisionedConcurrency",
        ),
        ({}, {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}}, "AsyncInferenceConfig"),
        (
            {},
            {
                "DataCaptureConfig": {
                    "EnableCapture": True,
                    "InitialSamplingPercentage": 100,
                    "DestinationS3Uri": "s3://b/o",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "Data capture",
        ),
        ({}, {"EnableNetworkIsolation": True}, "Network isolation"),
    ],
)
def test_what_aws_does_not_offer_is_refused(gates: Gates, changes: Any, more: Any, named: str) -> None:
    model = gates.model("refused")
    given = {"VariantName": NAME, "ModelName": model, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    with pytest.raises(ClientError, match=named) as caught:
        gates.road.sagemaker.create_endpoint_config(
            EndpointConfigName=f"{model}-c", ProductionVariants=[given | changes], **more
        )
    assert code(caught) == "ValidationException"
    gates.road.sagemaker.delete_model(ModelName=model)


def test_bounds_are_changed_as_the_variant_has_them(gates: Gates) -> None:
    endpoint = deploy(gates, "bounds")
    change = gates.road.sagemaker.update_endpoint_weights_and_capacities
    for wrong in ({"DesiredInstanceCount": 2}, {"ServerlessUpdateConfig": {"ProvisionedConcurrency": 9}}):
        with pytest.raises(ClientError) as caught:
            change(EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": NAME, **wrong}])
        assert code(caught) == "ValidationException"
    gates.road.delete(endpoint)
