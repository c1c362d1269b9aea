"""Logs read while they are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel import logfile
from potager.kernel.errors import Invalid, NotFound
from potager.kernel.names import Scope
from potager.store import search as searching
from potager.store.logs import Logs
from potager.store.search import Found

HERE = Scope("000000000000", "us-east-1")
GROUP, STREAM = "/aws/sagemaker/TrainingJobs", "job/algo-1-1700000000"


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


def append(logs: Logs, *events: tuple[int, str], group: str = GROUP, stream: str = STREAM) -> Path:
    path = logs.path(HERE, group, stream)
    with path.open("ab") as file:
        file.writelines(logfile.encode(at, text) for at, text in events)
    return path


def whole(logs: Logs, group: str = GROUP, stream: str = STREAM) -> list[tuple[int, str]]:
    return list(logs.lines(logs.path(HERE, group, stream)))


async def search(logs: Logs, *streams: str, matches: Callable[[str], bool] = len, **more: Any) -> Found:
    return await logs.search(HERE, GROUP, streams, matches, **more)


def numbered(count: int, first: int = 0) -> list[tuple[int, str]]:
    return [(1000 + 10 * number, f"line {number}\nü") for number in range(first, first + count)]


async def test_the_newest_events_come_first_and_backward_tokens_lead_to_the_oldest(logs: Logs) -> None:
    append(logs, *numbered(10))
    page = await logs.events(HERE, GROUP, STREAM, limit=4)
    assert page.events == numbered(4, 6)
    before = await logs.events(HERE, GROUP, STREAM, limit=4, token=page.backward)
    assert before.events == numbered(4, 2)
    first = await logs.events(HERE, GROUP, STREAM, limit=4, token=before.backward)
    assert first.events == numbered(2)
    end = await logs.events(HERE, GROUP, STREAM, limit=4, token=first.backward)
    assert (end.events, end.backward) == ([], first.backward)


async def test_forward_tokens_lead_to_what_is_written_later(logs: Logs) -> None:
    append(logs, *numbered(5))
    page = await logs.events(HERE, GROUP, STREAM, limit=3, from_head=True)
    assert page.events == numbered(3)
    rest = await logs.events(HERE, GROUP, STREAM, token=page.forward)
    assert rest.events == numbered(2, 3)
    end = await logs.events(HERE, GROUP, STREAM, token=rest.forward)
    assert (end.events, end.forward) == ([], rest.forward)
    append(logs, *numbered(2, 5))
    assert (await logs.events(HERE, GROUP, STREAM, token=end.forward)).events == numbered(2, 5)
    assert end.forward.startswith("f/")
    assert end.backward.startswith("b/")


async def test_a_torn_last_line_is_not_there_until_it_is_whole(logs: Logs) -> None:
    path = append(logs, *numbered(1))
    line = logfile.encode(2000, "torn")
    with path.open("ab") as file:
        file.write(line[:8])
    page = await logs.events(HERE, GROUP, STREAM, from_head=True)
    assert page.events == numbered(1)
    assert (await logs.streams(HERE, GROUP))[0].last_event == 1000
    assert whole(logs) == numbered(1)
    with path.open("ab") as file:
        file.write(line[8:])
    assert (await logs.events(HERE, GROUP, STREAM, token=page.forward)).events == [(2000, "torn")]


@given(data=st.data())
@settings(deadline=None)
async def test_start_and_end_bound_the_events_as_if_all_were_looked_at(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    logs = Logs(tmp_path_factory.mktemp("logs"))
    times = sorted(data.draw(st.lists(st.integers(0, 30), max_size=20)))
    events = [(at, f"{number}" * (number % 3 * 9000 + 1)) for number, at in enumerate(times)]
    append(logs, *events)
    start = data.draw(st.none() | st.integers(0, 31))
    end = data.draw(st.none() | st.integers(0, 31))
    expected = [event for event in events if (start or 0) <= event[0] < (99 if end is None else end)]
    for from_head in (True, False):
        found: list[tuple[int, str]] = []
        token: str | None = None
        while True:
            page = await logs.events(
                HERE, GROUP, STREAM, start=start, end=end, limit=3, from_head=from_head, token=token
            )
            if not page.events:
                break
            found = found + page.events if from_head else page.events + found
            token = page.forward if from_head else page.backward
        assert found == expected


async def test_groups_and_streams_are_found_whatever_they_are_called(logs: Logs) -> None:
    names = ["plain", "a/b/c", ".", "..", "with%percent", "ünï", "x.log", "+", "long-" + "y/ü" * 160]
    for name in names:
        append(logs, (1000, "x"), group="g" + name, stream=name)
    assert [group.name for group in await logs.groups(HERE)] == sorted("g" + name for name in names)
    for name in names:
        assert [stream.name for stream in await logs.streams(HERE, "g" + name)] == [name]
        assert whole(logs, "g" + name, name) == [(1000, "x")]
    assert [group.name for group in await logs.groups(HERE, "gp")] == ["gplain"]
    assert await logs.groups(Scope("000000000000", "eu-west-1")) == []


async def test_a_stream_tells_its_first_and_last_event(logs: Logs) -> None:
    append(logs, *numbered(3))
    stream = (await logs.streams(HERE, GROUP, "job/"))[0]
    assert (stream.name, stream.created, stream.first_event, stream.last_event) == (STREAM, 1.0, 1000, 1020)
    assert await logs.streams(HERE, GROUP, "other/") == []
    logs.path(HERE, GROUP, "empty").touch()
    assert (await logs.streams(HERE, GROUP, "empty"))[0].first_event is None
    assert (await logs.events(HERE, GROUP, "empty")).events == []


async def test_what_is_absent_is_not_found_and_made_up_tokens_are_refused(logs: Logs) -> None:
    for ask in (
        logs.names(HERE, GROUP),
        logs.streams(HERE, GROUP),
        logs.events(HERE, GROUP, STREAM),
        search(logs, STREAM),
    ):
        with pytest.raises(NotFound, match="log group"):
            await ask
    append(logs, *numbered(1))
    with pytest.raises(NotFound, match="log stream"):
        await logs.events(HERE, GROUP, "other")
    with pytest.raises(NotFound, match="log stream"):
        await search(logs, STREAM, "other")
    for token in ("made up", "f/99999/s", "b/-1/s"):
        with pytest.raises(Invalid):
            await logs.events(HERE, GROUP, STREAM, token=token)
    assert list(logs.lines(Path("/nowhere/at/all"))) == []


async def test_a_page_ends_at_a_mebibyte(logs: Logs) -> None:
    events = [(number, "x" * 200_000) for number in range(12)]
    append(logs, *events)
    page = await logs.events(HERE, GROUP, STREAM, from_head=True)
    assert len(page.events) == 6
    assert len((await logs.events(HERE, GROUP, STREAM)).events) == 6


@given(data=st.data())
@settings(deadline=None)
async def test_a_search_pages_through_many_streams_as_if_all_their_events_were_sorted(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    logs = Logs(tmp_path_factory.mktemp("logs"))
    names = ["b", "a/1", "ü/2"]
    every: list[tuple[int, str, str]] = []
    for name in names:
        times = sorted(data.draw(st.lists(st.integers(0, 8), max_size=8)))
        events = [(at, f"{name} {number} " + "-" * (number % 2 * 70_000)) for number, at in enumerate(times)]
        append(logs, *events, stream=name)
        every += [(at, name, text) for at, text in events]
    start, end = data.draw(st.integers(0, 9)), data.draw(st.none() | st.integers(0, 9))
    odd = data.draw(st.booleans())
    expected = [
        event
        for event in sorted(every, key=lambda event: event[:2])
        if start <= event[0] <= (99 if end is None else end) and ("--" in event[2] or not odd)
    ]
    found: list[tuple[int, str, str]] = []
    token: str | None = None
    while True:
        page = await search(
            logs, *names, matches=lambda text: "--" in text or not odd, start=start, end=end, token=token, limit=2
        )
        assert len(page.hits) <= 2
        found += [(hit.at, hit.stream, hit.text) for hit in page.hits]
        token = page.token
        if token is None:
            break
    assert found == expected


async def test_a_search_sees_no_torn_line_and_goes_on_where_more_was_written(logs: Logs) -> None:
    path = append(logs, *numbered(3))
    with path.open("ab") as file:
        file.write(b"2000 torn")
    page = await search(logs, STREAM, limit=2)
    assert [hit.text for hit in (await search(logs, STREAM, token=page.token)).hits] == [numbered(1, 2)[0][1]]
    with path.open("ab") as file:
        file.write(b" no more\n")
    assert [hit.at for hit in (await search(logs, STREAM, token=page.token)).hits] == [1020, 2000]


async def test_a_page_of_a_search_ends_at_a_mebibyte_of_hits_or_where_it_has_looked_enough(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(logs, *[(number, "x" * 200_000) for number in range(12)])
    assert len((await search(logs, STREAM)).hits) == 6
    assert (await search(logs, STREAM, matches=lambda _: False)).token is None
    monkeypatch.setattr(searching, "SEARCH_BYTES", 500_000)
    page = await search(logs, STREAM, matches=lambda _: False)
    assert page.hits == []
    assert page.token is not None
    assert page.token.startswith("3/")


async def test_a_search_reads_no_more_of_a_stream_than_its_page_needs(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(logs, *numbered(20_000))
    decoded = 0
    real = logfile.decode

    def counting(line: bytes) -> tuple[int, str] | None:
        nonlocal decoded
        decoded += 1
        return real(line)

    monkeypatch.setattr(logfile, "decode", counting)
    page = await search(logs, STREAM, start=1000 + 10 * 15_000, limit=1)
    assert [(hit.at, hit.text) for hit in page.hits] == numbered(1, 15_000)
    assert decoded < 100


@pytest.mark.parametrize(
    "token",
    ["made up", "²/0/" + STREAM, "9" * 5000 + "/0/x", f"1000/1/{STREAM}", f"1000/99999/{STREAM}", "1/-1/x", "1/1/"],
)
async def test_a_made_up_token_of_a_search_is_refused(logs: Logs, token: str) -> None:
    append(logs, *numbered(2))
    with pytest.raises(Invalid):
        await search(logs, STREAM, token=token)


async def test_only_the_streams_that_are_asked_for_are_opened(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        append(logs, (1000 - number, "x"), stream=f"s{number}")
    opened: list[str] = []
    real = Path.open

    def counting(path: Path, *arguments: Any) -> Any:
        opened.append(path.name)
        return real(path, *arguments)

    monkeypatch.setattr(Path, "open", counting)
    assert [stream.name for stream in await logs.streams(HERE, GROUP, limit=2)] == ["s0", "s1"]
    assert [stream.name for stream in await logs.streams(HERE, GROUP, descending=True, limit=1)] == ["s8"]
    assert opened == ["s0.log", "s1.log", "s8.log"]
    assert [stream.name for stream in await logs.streams(HERE, GROUP, by_time=True, limit=2)] == ["s8", "s7"]


async def test_no_region_leads_out_of_the_folder(logs: Logs, tmp_path: Path) -> None:
    path = logs.path(Scope("..", "../.."), "g", "s")
    assert (tmp_path / "logs") in path.resolve().parents
    assert [group.name for group in await logs.groups(Scope("..", "../.."))] == ["g"]
