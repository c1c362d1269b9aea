"""What becomes of captured requests where their destination takes nothing, is gone, or cannot keep up."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from potager.deploy.capture import recorder, terms
from potager.deploy.capture.recorder import Recorder
from potager.deploy.router import Exchange, Watcher
from potager.kernel.errors import LimitReached, NotFound, WireError
from potager.kernel.prediction import Answer, Query

NEW_YEAR = 1_767_225_600.0  # 2026-01-01T00:00:00Z


class Shelf:
    """Objects by their keys; raises what it is told to, once each."""

    def __init__(self) -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Exception] = []

    async def keep(self, bucket: str, key: str, content: bytes, *, wish: object = None) -> None:
        if self.faults:
            raise self.faults.pop()
        self.kept[f"{bucket}/{key}"] = [json.loads(line) for line in content.splitlines()]

    @property
    def bodies(self) -> list[str]:
        return [line["captureData"]["endpointInput"]["data"] for lines in self.kept.values() for line in lines]


def config(**changes: Any) -> dict[str, Any]:
    return {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["TEXT/CSV"]},
    } | changes


def watcher(made: Recorder, **changes: Any) -> Watcher:
    row: Any = SimpleNamespace(name="e")
    found = made.watch(row, {"capture": config(**changes)})
    assert found is not None
    return found


def exchange(body: str, at: float = NEW_YEAR, **more: Any) -> Exchange:
    return Exchange(Query(body.encode(), "text/csv"), "v", at, 0.1, **({"answer": Answer(b"1")} | more))


def recording() -> tuple[Recorder, Shelf]:
    shelf: Any = Shelf()
    return Recorder(shelf, 3600.0), shelf


async def test_an_hour_has_a_folder_of_its_own() -> None:
    made, shelf = recording()
    tell = watcher(made)
    for at in (-0.5, 1.25, 2.0):
        tell(exchange(str(at), NEW_YEAR + at))
    await made.close()
    assert [key.rsplit("-", 5)[0] for key in shelf.kept] == [
        "b/e/v/2025/12/31/23/59-59-500",
        "b/e/v/2026/01/01/00/00-01-250",
    ]
    assert shelf.bodies == ["-0.5", "1.25", "2.0"]


async def test_nothing_is_lost_while_the_destination_takes_nothing() -> None:
    made, shelf = recording()
    tell = watcher(made)
    tell(exchange("a"))
    shelf.faults = [LimitReached("the disk is full")]
    await made.flush()
    assert not shelf.kept
    tell(exchange("b"))
    await made.close()
    assert shelf.bodies == ["a", "b"]


@pytest.mark.parametrize("error", [NotFound("no such bucket"), TypeError("a mistake of ours")])
async def test_a_destination_that_is_gone_takes_no_room_from_others(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_HELD", 2 * recorder.OVERHEAD)
    made, shelf = recording()
    tell = watcher(made)
    tell(exchange("a"))
    shelf.faults = [error]
    await made.flush()
    tell(exchange("b"))
    await made.close()
    assert shelf.bodies == ["b"]


async def test_what_does_not_fit_into_memory_is_passed_over(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(recorder, "MOST_HELD", 2 * recorder.OVERHEAD)
    made, shelf = recording()
    tell = watcher(made)
    for body in "abc":
        tell(exchange(body))
    await made.close()
    assert shelf.bodies == ["a"]
    assert "2 requests passed over" in caplog.text


async def test_requests_without_an_answer_are_not_captured() -> None:
    made, shelf = recording()
    watcher(made)(exchange("a", answer=None, error=WireError("ModelError")))
    await made.close()
    assert not shelf.kept


async def test_the_sample_is_as_large_as_asked() -> None:
    made, shelf = recording()
    some, none = watcher(made, InitialSamplingPercentage=25), watcher(made, InitialSamplingPercentage=0)
    for number in range(2000):
        some(exchange(f"some{number}"))
        none(exchange("none"))
    await made.close()
    assert 350 < len(shelf.bodies) < 650
    assert "none" not in shelf.bodies


def test_terms_are_aws_defaults() -> None:
    assert not terms.enabled(None)
    assert terms.enabled(config())
    assert not terms.enabled(config(EnableCapture=False))
    read = terms.read(config(DestinationS3Uri="s3://b/c/", CaptureOptions=[{"CaptureMode": "Output"}]))
    assert (read.bucket, read.prefix, read.inputs, read.outputs) == ("b", "c/", False, True)
    assert [read.encoding(kind) for kind in ("text/CSV; charset=utf-8", "application/json", "")] == [
        "CSV",
        "BASE64",
        "BASE64",
    ]
