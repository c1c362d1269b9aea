"""`kill -9` of the server under asynchronous requests: each that was acknowledged is answered, once in effect."""

from __future__ import annotations

from typing import Any

from tests.clients.gates import Gates
from tests.clients.road import until
from tests.clients.test_async import deploy, result, scale, send


def versions(gates: Gates, uri: str) -> int:
    """How often an object was written."""
    key = uri.split("/", 3)[3]
    found = gates.road.s3.list_object_versions(Bucket=gates.road.bucket, Prefix=key)
    return len(found.get("Versions", ()))


def kept(gates: Gates) -> None:
    """Has the bucket keep what is written over."""
    gates.road.s3.put_bucket_versioning(Bucket=gates.road.bucket, VersioningConfiguration={"Status": "Enabled"})


def test_requests_under_way_and_queued_are_answered_by_the_next_server(fresh_server: Any) -> None:
    gates = Gates(fresh_server)
    kept(gates)
    endpoint = deploy(gates, "killed")
    sent = [send(gates, endpoint, "hold"), *(send(gates, endpoint, f"r{number}") for number in range(5))]
    gates.until_asked(1)
    fresh_server.kill()
    fresh_server.start()
    until(lambda: (gates.go(), len(gates.folders()) == 1)[1], "the instance")
    assert [result(gates, each).split()[0] for each in sent] == ["hold", *(f"r{number}" for number in range(5))]
    assert [versions(gates, each["OutputLocation"]) for each in sent] == [1] * 6
    gates.road.delete(endpoint)


def test_answers_go_on_however_often_the_server_is_killed(fresh_server: Any) -> None:
    gates = Gates(fresh_server)
    kept(gates)
    endpoint = deploy(gates, "often")
    sent: list[dict[str, Any]] = []
    for turn in range(4):
        sent += [send(gates, endpoint, f"r{turn}-{number}") for number in range(6)]
        fresh_server.kill()
        fresh_server.start()
    for each in sent:
        assert result(gates, each).startswith("r")
    assert {versions(gates, each["OutputLocation"]) for each in sent} == {1}
    gates.road.delete(endpoint)


def test_requests_that_wait_for_an_instance_wait_on_through_a_kill(fresh_server: Any) -> None:
    gates = Gates(fresh_server)
    endpoint = deploy(gates, "waiting")
    scale(gates, endpoint, 0)
    sent = [send(gates, endpoint, f"r{number}") for number in range(3)]
    fresh_server.kill()
    fresh_server.start()
    scale(gates, endpoint, 1)
    assert [result(gates, each).split()[0] for each in sent] == ["r0", "r1", "r2"]
    gates.road.delete(endpoint)
