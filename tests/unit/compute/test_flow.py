"""Answers that come in parts, from a worker's predictor to whoever takes them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from potager.compute import frames
from potager.compute.channel import Channel
from potager.compute.faults import ModelError, Overrun, WorkerHung, WorkerLost
from potager.compute.flow import Flow
from potager.kernel.prediction import Query
from tests.unit.compute.test_channel import serve

LONG = 60.0


@pytest.fixture(params=[False], ids=["process"])
def isolate(request: Any) -> bool:
    return request.param


async def begin(channel: Channel, body: str, timeout: float = LONG, limit: float = LONG) -> Flow:
    return await channel.stream(Query(body.encode(), attributes="a=b"), timeout, limit)


async def about(channel: Channel) -> tuple[int, int]:
    """How many parts have been made, and how many streams have ended."""
    made, ended = (await channel.invoke(Query(b""), LONG)).body.split()
    return int(made), int(ended)


async def test_parts_come_as_they_are_made(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    ends: list[object] = []
    flow = await begin(channel, "5 3")
    flow.then(ends.append)
    assert (flow.answer.content_type, flow.answer.attributes) == ("text/x-parts", "a=b")
    assert [part async for part in flow] == [bytes([number]) * 3 for number in range(5)]
    flow.then(ends.append)
    assert ends == [None, None]
    assert channel.outstanding == 0


async def test_a_stream_without_parts_and_one_of_large_ones(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    assert [part async for part in await begin(channel, "0 0")] == []
    parts = [part async for part in await begin(channel, f"3 {3 * frames.WINDOW}")]
    assert b"".join(parts) == b"".join(bytes([number]) * 3 * frames.WINDOW for number in range(3))
    assert max(map(len, parts)) <= frames.PIECE


async def test_a_model_that_does_not_stream_answers_in_one_part(bench: Any) -> None:
    _, channel = await serve(bench)
    assert [part async for part in await begin(channel, "whole")] == [b"whole"]


async def test_nothing_is_made_ahead_of_a_slow_client_and_others_are_answered_meanwhile(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    size = frames.WINDOW // 16
    slow = await begin(channel, f"1000 {size}")
    quick = [part async for part in await begin(channel, "3 1")]
    assert len(quick) == 3
    made, ended = await about(channel)
    assert made <= 16 + 3 + 1
    assert ended == 1
    taken = [await anext(slow) for _ in range(100)]
    assert len(taken) == 100
    made, _ = await about(channel)
    assert made <= 116 + 3 + 1
    await slow.aclose()


async def test_to_close_a_stream_ends_it_in_the_worker(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    flow = await begin(channel, "1000000 1000")
    await anext(flow)
    await flow.aclose()
    made, ended = await about(channel)
    assert ended == 1
    assert (made, 1) == await about(channel)
    assert [part async for part in flow] == []


async def test_a_connection_that_ends_takes_its_streams_with_it(bench: Any) -> None:
    work, channel = await serve(bench, "streamer")
    await begin(channel, "1000000 1000")
    channel.close()
    again = await bench.executor.connect(work.folder)
    assert (await about(again))[1] == 1


async def test_what_fails_before_the_first_part_is_raised_at_once(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    with pytest.raises(ModelError, match="no more words") as caught:
        await begin(channel, "0 0 fail")
    assert caught.value.fields["OriginalStatusCode"] == 400
    assert channel.outstanding == 0


@pytest.mark.parametrize(("then", "error"), [("fail", ModelError), ("die", WorkerLost)])
async def test_a_stream_that_breaks_off_says_why(bench: Any, then: str, error: type[Exception]) -> None:
    _, channel = await serve(bench, "streamer")
    ends: list[object] = []
    flow = await begin(channel, f"2 1 {then}")
    flow.then(ends.append)
    assert [await anext(flow), await anext(flow)] == [b"\0", b"\1"]
    with pytest.raises(error):
        await anext(flow)
    assert [type(each) for each in ends] == [error]


@pytest.mark.parametrize(
    ("timeout", "limit", "error", "hung"), [(0.1, LONG, WorkerHung, True), (LONG, 0.1, Overrun, False)]
)
async def test_a_stream_that_stalls_is_given_up(
    bench: Any, timeout: float, limit: float, error: type[Exception], hung: bool
) -> None:
    _, channel = await serve(bench, "streamer")
    with pytest.raises(error):
        await begin(channel, "0 0 hang", timeout, limit)
    assert channel.hung == hung
    assert channel.outstanding == 0


async def test_to_give_up_before_the_first_part_ends_the_stream(bench: Any) -> None:
    _, channel = await serve(bench, "streamer")
    waiting = asyncio.create_task(begin(channel, "0 0 hang"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert channel.outstanding == 0


@pytest.mark.parametrize(
    "sent",
    [
        [(frames.BEGUN, b"\x00")],
        [(frames.BEGUN, frames.headed(("a/b\r\nx: y",), b"1"))],
        [(frames.RESULT, frames.headed(("a/b",), b"1"))],
        [(frames.FAILURE, b"")],
        [(frames.BEGUN, frames.headed(("a/b",), b"1")), *[(frames.PART, bytes(frames.PIECE))] * 8],
    ],
)
async def test_a_worker_is_not_trusted_in_its_parts(sent: list[tuple[int, bytes]]) -> None:
    told: list[bytes] = []
    flow = Flow(7, told.append, LONG, LONG)
    for kind, payload in sent:
        flow.feed(kind, payload)
    with pytest.raises(ModelError):
        await anext(flow)
    assert told == [frames.frame(7, frames.CANCEL)]
