"""`kill -9` of the server under inference components: copies go on, and nothing runs on that nobody wants."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.clients.road import until
from tests.clients.test_inference_components import Components


def test_copies_outlive_the_server_and_those_of_an_update_under_way_come_up_with_the_next(fresh_server: Any) -> None:
    house = Components(fresh_server, "killed")
    steady, growing = house.create("steady"), house.create("growing")
    house.becomes(steady)
    house.becomes(growing)
    before = {folder.name: folder.stat().st_ino for folder in house.folders()}
    assert len(before) == 2
    house.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=growing, DesiredRuntimeConfig={"CopyCount": 2}
    )
    fresh_server.kill()
    (house.jobs / "ic-nobodys-0000000000-0").mkdir()
    fresh_server.start()

    def answered() -> str | None:
        try:
            return house.ask(steady)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
            return None

    assert until(answered, "an answer") == "steady"
    house.becomes(growing, copies=2)
    after = {folder.name: folder.stat().st_ino for folder in house.folders()}
    assert len(after) == 3
    assert before.items() <= after.items()
    house.delete(steady, growing)
    assert not house.folders()
