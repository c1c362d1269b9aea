"""Updates of endpoints under load, through boto3: every request is answered, by the old model or the new one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients.road import until
from tests.clients.traffic import Traffic

CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 1,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        },
        "TerminationWaitInSeconds": 1,
    }
}
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 0,
    }
}


@pytest.fixture(scope="module")
def traffic(server: Any) -> Traffic:
    return Traffic(server)


class Load:
    """Requests of a few threads, one after the other in each, none asked twice."""

    def __init__(self, server: Any, endpoint: str, threads: int = 3) -> None:
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=threads)
        self.runtime = server.client("sagemaker-runtime", config=once)
        self.endpoint = endpoint
        self.answers: Counter[str] = Counter()
        self.errors: list[Exception] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                asked = {"EndpointName": self.endpoint, "Body": b"who", "ContentType": "text/plain"}
                said = self.runtime.invoke_endpoint(**asked)["Body"].read().decode()
            except Exception as error:
                self.errors.append(error)
            else:
                self.answers[said] += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def more(self, number: int = 10) -> None:
        """Returns once so many more requests were answered."""
        enough = sum(self.answers.values()) + number
        until(lambda: self.errors or sum(self.answers.values()) >= enough, f"{number} more answers")


def test_no_request_is_lost_through_updates_weights_and_scaling(server: Any, traffic: Traffic) -> None:
    names = [traffic.model(f"say{number}") for number in range(2)]
    configs = [
        traffic.config(f"swap{number}", traffic.variant(name, "A"), traffic.variant(name, "B"))
        for number, name in enumerate(names)
    ]
    endpoint = traffic.endpoint("swap", configs[0])
    load = Load(server, endpoint)
    scale = traffic.sagemaker.update_endpoint_weights_and_capacities
    with load.running():
        for round_ in range(3):
            load.more()
            traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=configs[(round_ + 1) % 2])
            traffic.road.wait_in_service(endpoint)
            load.more()
            for weight, count in ((0.0, 2), (2.0, 1)):
                change = {"VariantName": "B", "DesiredWeight": weight, "DesiredInstanceCount": count}
                scale(EndpointName=endpoint, DesiredWeightsAndCapacities=[change])
                traffic.road.wait_in_service(endpoint)
                load.more()
    assert load.errors == []
    assert set(load.answers) == {"say0", "say1"}
    assert traffic.ask(endpoint) == "say1"
    traffic.road.delete(endpoint)


@pytest.mark.parametrize("config", [CANARY, ROLLING], ids=["canary", "rolling"])
def test_no_request_is_lost_while_traffic_shifts(server: Any, traffic: Traffic, config: dict[str, Any]) -> None:
    kind = "canary" if config is CANARY else "rolling"
    old, new = (
        traffic.config(f"{kind}-{each}", traffic.variant(traffic.model(f"{kind}-{each}"), count=2))
        for each in ("old", "new")
    )
    endpoint = traffic.endpoint(kind, old)
    load = Load(server, endpoint)
    with load.running():
        load.more()
        traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=config)
        traffic.road.wait_in_service(endpoint)
        load.more()
    assert load.errors == []
    assert set(load.answers) == {f"{kind}-old", f"{kind}-new"}
    shown = traffic.show(endpoint)
    assert shown["EndpointConfigName"] == new
    assert shown["LastDeploymentConfig"] == config
    assert "PendingDeploymentSummary" not in shown
    assert {traffic.ask(endpoint) for _ in range(6)} == {f"{kind}-new"}
    traffic.road.delete(endpoint)


def test_properties_and_the_deployment_config_are_retained(traffic: Traffic) -> None:
    old, new = (traffic.config(f"keep-{each}", traffic.variant(traffic.model(each))) for each in ("k0", "k1"))
    endpoint = traffic.endpoint("keep", old, DeploymentConfig=CANARY)
    traffic.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 3.0}],
    )
    traffic.road.wait_in_service(endpoint)
    traffic.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
        RetainDeploymentConfig=True,
    )
    traffic.road.wait_in_service(endpoint)
    shown = traffic.show(endpoint)
    (variant,) = shown["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 1.0)
    assert shown["LastDeploymentConfig"] == CANARY
    assert traffic.ask(endpoint) == "k1"
    traffic.road.delete(endpoint)


def test_an_update_whose_model_does_not_load_goes_back_with_the_reason(server: Any, traffic: Traffic) -> None:
    broken = traffic.model("broken", "raise RuntimeError('no such weights')")
    old, new = (
        traffic.config("good", traffic.variant(traffic.model("good"))),
        traffic.config("bad", traffic.variant(broken)),
    )
    endpoint = traffic.endpoint("back", old)
    load = Load(server, endpoint)
    with load.running():
        load.more()
        traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=CANARY)
        until(lambda: traffic.show(endpoint)["EndpointStatus"] == "InService", "the way back")
        load.more()
    assert load.errors == []
    assert set(load.answers) == {"good"}
    shown = traffic.show(endpoint)
    assert shown["EndpointConfigName"] == old
    assert "did not pass the ping health check" in shown["FailureReason"]
    assert "no such weights" in shown["FailureReason"]
    traffic.road.delete(endpoint)


def test_a_deployment_config_that_cannot_be_is_refused_and_changes_nothing(traffic: Traffic) -> None:
    config = traffic.config("refused", traffic.variant(traffic.model("refused")))
    endpoint = traffic.endpoint("refused", config)
    both = CANARY | ROLLING
    absent = CANARY | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "absent"}]}}
    for given, words in ((both, "Give one of them"), (absent, "alarm 'absent'")):
        with pytest.raises(ClientError, match=words):
            traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=given)
    shown = traffic.show(endpoint)
    assert (shown["EndpointStatus"], shown.get("LastDeploymentConfig")) == ("InService", None)
    traffic.road.delete(endpoint)
