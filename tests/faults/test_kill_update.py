"""`kill -9` of the server while an endpoint's traffic shifts: the next one goes on from where it stood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.clients.road import until
from tests.clients.traffic import Traffic


def policy(kind: str, wait: int, **size: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **size}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


def answers(traffic: Traffic, endpoint: str) -> set[str]:
    """Who answers twenty requests that are answered; those to a route that is coming up again are not counted."""
    found: list[str] = []

    def enough() -> bool:
        try:
            found.append(traffic.ask(endpoint))
        except traffic.runtime.exceptions.ClientError:
            found.clear()
        return len(found) == 20

    until(enough, "twenty answers")
    return set(found)


def begun(server: Any, config: dict[str, Any]) -> tuple[Traffic, str, str]:
    traffic = Traffic(server)
    old, new = (traffic.config(each, traffic.variant(traffic.model(each), count=2)) for each in ("old", "new"))
    endpoint = traffic.endpoint("shift", old)
    traffic.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=config)
    return traffic, endpoint, new


def status(traffic: Traffic, endpoint: str) -> dict[str, Any]:
    shown = traffic.show(endpoint)["PendingDeploymentSummary"]["ProductionVariants"][0]
    return {**shown["VariantStatus"][0], "count": shown["CurrentInstanceCount"]}


def test_a_canary_bakes_on_with_the_same_instances_and_the_same_traffic(fresh_server: Any) -> None:
    config = policy("CANARY", 3600, CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50})
    traffic, endpoint, new = begun(fresh_server, config)
    before = until(lambda: (seen := status(traffic, endpoint))["Status"] == "Baking" and seen, "the baking")
    assert before["StatusMessage"] == (
        "Baking for 3600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    )
    assert before["count"] == 1
    assert answers(traffic, endpoint) == {"old", "new"}
    folders = sorted((Path(fresh_server.data) / "jobs").glob("ep-*"))
    assert len(folders) == 4
    fresh_server.kill()
    fresh_server.start()
    assert answers(traffic, endpoint) == {"old", "new"}
    assert status(traffic, endpoint) == before
    shown = traffic.show(endpoint)
    assert shown["EndpointStatus"] == "Updating"
    assert shown["PendingDeploymentSummary"]["EndpointConfigName"] == new
    assert sorted((Path(fresh_server.data) / "jobs").glob("ep-*")) == folders
    assert traffic.said(endpoint, "AllTraffic").count("Isolation: ") == 4  # each instance started once


def test_a_shift_that_is_cut_off_again_and_again_ends_all_the_same(fresh_server: Any) -> None:
    config = policy("LINEAR", 1, LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 25})
    traffic, endpoint, new = begun(fresh_server, config)
    for _ in range(5):
        fresh_server.kill()
        fresh_server.start()
    traffic.road.wait_in_service(endpoint)
    shown = traffic.show(endpoint)
    assert (shown["EndpointConfigName"], shown.get("FailureReason")) == (new, None)
    assert answers(traffic, endpoint) == {"new"}
    jobs = Path(fresh_server.data) / "jobs"
    until(lambda: len(list(jobs.glob("ep-*"))) == 2, "the end of the old fleet")
