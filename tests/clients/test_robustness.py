"""Models that crash, hang or do not load, through boto3: what fails, what it says, and that all else is answered."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import potager
from tests.clients.road import until
from tests.clients.test_sklearn_endpoint import reason
from tests.clients.test_updates import CANARY
from tests.clients.traffic import Traffic

SCRIPT = """
import os, time

def model_fn(model_dir):
    print("loaded", flush=True)

def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    if text == "die":
        os._exit(3)
    while text == "hang":
        time.sleep(1)
    return NAME, "text/plain"
"""
BROKEN = """
for number in range(200):
    print("reading shard", number, flush=True)
raise RuntimeError("no such weights")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[potager.Local]:
    """A server whose limits are short."""
    with potager.local(invocation_timeout=2, alarm_interval=1) as running:
        yield running


@pytest.fixture(scope="module")
def traffic(server: Any) -> Traffic:
    made = Traffic(server)
    made.runtime = server.client(
        "sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
    )
    return made


def refused(traffic: Traffic, endpoint: str, text: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        traffic.ask(endpoint, text)
    return dict(caught.value.response)


def answers(traffic: Traffic, endpoint: str) -> bool:
    try:
        return bool(traffic.ask(endpoint))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ServiceUnavailable", error
        return False


def loads(traffic: Traffic, endpoint: str) -> int:
    return traffic.said(endpoint, "AllTraffic").splitlines().count("loaded")


def test_a_worker_that_crashes_fails_its_request_once_and_is_replaced_while_others_are_answered(
    traffic: Traffic,
) -> None:
    config = traffic.config("crash", traffic.variant(traffic.model("crash", SCRIPT), count=2))
    endpoint = traffic.endpoint("crash", config)
    with ThreadPoolExecutor(1) as pool:
        death = pool.submit(refused, traffic, endpoint, "die")
        said = [traffic.ask(endpoint) for _ in range(30) if not death.done()]
        failed = death.result()
    assert set(said) <= {"crash"}  # none of them had an error
    assert (failed["Error"]["Code"], failed["OriginalStatusCode"]) == ("ModelError", 500)
    assert "The worker died while it had the request." in failed["OriginalMessage"]
    assert f"/aws/sagemaker/Endpoints/{endpoint}" in failed["Error"]["Message"]
    assert traffic.ask(endpoint) == "crash"  # the other instance
    until(lambda: loads(traffic, endpoint) == 3, "the new worker")
    assert traffic.show(endpoint)["EndpointStatus"] == "InService"
    traffic.road.delete(endpoint)


def test_a_worker_that_hangs_is_ended_at_the_limit_and_the_endpoint_answers_again(traffic: Traffic) -> None:
    endpoint = traffic.endpoint("hang", traffic.config("hang", traffic.variant(traffic.model("hang", SCRIPT))))
    failed = refused(traffic, endpoint, "hang")
    assert failed["Error"]["Code"] == "ModelError"
    assert failed["OriginalMessage"] == "The model did not answer within 2 seconds."
    until(lambda: answers(traffic, endpoint), "the new worker's answer")
    assert loads(traffic, endpoint) == 2
    traffic.road.delete(endpoint)


def test_an_endpoint_of_which_one_variant_does_not_load_fails_with_its_reason_and_the_end_of_its_log(
    traffic: Traffic,
) -> None:
    variants = [
        traffic.variant(traffic.model("fine", SCRIPT), "fine"),
        traffic.variant(traffic.model("torn", BROKEN), "torn"),
    ]
    endpoint = f"{traffic.road.prefix}-half"
    traffic.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=traffic.config("half", *variants))
    why = reason(traffic.road, endpoint)
    assert why.startswith("The primary container for production variant torn did not pass the ping health check.")
    assert "RuntimeError: no such weights" in why
    assert "Its log ends: ..." in why
    assert "reading shard 199 | Traceback" in why
    assert why.endswith('inference.py", line 5, in <module> | raise RuntimeError("no such weights")')
    assert len(why) <= 1024
    with pytest.raises(ClientError, match="is Failed"):
        traffic.ask(endpoint, TargetVariant="fine")
    traffic.road.delete(endpoint)


def test_an_alarm_that_is_set_by_hand_rolls_a_canary_back(server: Any, traffic: Traffic) -> None:
    alarm, cloudwatch = f"{traffic.road.prefix}-alarm", server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="Mine",
        MetricName="Wrong",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    old, new = (
        traffic.config(f"ring-{each}", traffic.variant(traffic.model(f"ring-{each}", SCRIPT), count=2))
        for each in ("old", "new")
    )
    endpoint = traffic.endpoint("ring", old)
    routing = CANARY["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] | {"WaitIntervalInSeconds": 3600}
    deployment = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=deployment)
    until(lambda: traffic.ask(endpoint) == "ring-new", "the canary's first answer")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    until(lambda: traffic.show(endpoint)["EndpointStatus"] == "InService", "the way back")
    shown = traffic.show(endpoint)
    assert shown["EndpointConfigName"] == old
    assert alarm in shown["FailureReason"]
    assert {traffic.ask(endpoint) for _ in range(8)} == {"ring-old"}
    cloudwatch.delete_alarms(AlarmNames=[alarm])
    traffic.road.delete(endpoint)
