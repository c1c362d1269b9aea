"""`kill -9` of the server under serverless endpoints: nothing runs on that nobody wants."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.clients.gates import Gates
from tests.clients.road import until
from tests.clients.test_serverless import deploy


def test_workers_that_came_with_requests_end_with_the_next_server_and_kept_ones_go_on(fresh_server: Any) -> None:
    gates = Gates(fresh_server)
    passing, kept = deploy(gates, "passing"), deploy(gates, "kept", kept=1)
    _, first = gates.ask(kept)
    held = gates.hold(passing)
    gates.until_asked(1)
    assert len(gates.folders()) == 2
    fresh_server.kill()
    for call in held.calls:
        try:
            call.result()
        except (BotoCoreError, ClientError):
            continue
        raise AssertionError("an answer came from a server that was killed")
    fresh_server.start()
    assert len(gates.folders()) == 1

    assert answer(gates, kept)[1] == first
    assert len(gates.folders()) == 1
    assert answer(gates, passing)[0] == "now"
    for endpoint in (passing, kept):
        gates.road.delete(endpoint)
    assert not gates.folders()


def answer(gates: Gates, endpoint: str) -> tuple[str, str]:
    """The first answer of an endpoint that is coming back up."""

    def asked() -> tuple[str, str] | None:
        try:
            return gates.ask(endpoint)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
            return None

    return until(asked, f"an answer of {endpoint}")


def test_a_server_killed_while_a_serverless_endpoint_comes_up_brings_it_up(fresh_server: Any) -> None:
    gates = Gates(fresh_server)
    model = gates.model("early")
    gates.road.sagemaker.create_endpoint_config(
        EndpointConfigName=model,
        ProductionVariants=[
            {
                "VariantName": "v",
                "ModelName": model,
                "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
            }
        ],
    )
    gates.road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=model)
    fresh_server.kill()
    fresh_server.start()
    gates.road.wait_in_service(model)
    assert gates.ask(model)[0] == "now"
    gates.road.delete(model)
    assert not gates.folders()
