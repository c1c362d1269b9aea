from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from potager.compute import frames
from potager.compute.channel import Channel
from potager.compute.faults import ModelError, WorkerHung, WorkerLost
from potager.compute.process.executor import ProcessExecutor
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


async def serve(bench: Any, program: str = "echo", **changes: Any) -> tuple[Any, Channel]:
    """A server, and a channel to it that is ready."""
    work = bench.make(program, kind="server", **changes)
    await bench.executor.start(work)
    channel = await bench.executor.connect(work.folder)
    await channel.ready(20)
    return work, channel


async def test_a_server_answers(bench: Any) -> None:
    _, channel = await serve(bench)
    assert await channel.invoke(Query(b"1,2", "text/csv", "text/csv"), 20) == Answer(b"1,2", "text/csv")
    assert await channel.invoke(Query(b"types", "text/csv", "application/json"), 20) == Answer(
        b"text/csv -> application/json",
        "application/json",
    )


async def test_an_empty_body_and_a_large_one_come_back_whole(bench: Any) -> None:
    _, channel = await serve(bench)
    large = os.urandom(6 * 2**20)
    assert (await channel.invoke(Query(b"", "a/b", "a/b"), 20)).body == b""
    assert (await channel.invoke(Query(large, "a/b", "a/b"), 20)).body == large


async def test_many_requests_may_be_under_way(bench: Any) -> None:
    _, channel = await serve(bench)
    bodies = [str(number).encode() * number for number in range(500)]
    answers = await asyncio.gather(*(channel.invoke(Query(body, "a/b", "a/b"), 20) for body in bodies))
    assert [answer.body for answer in answers] == bodies
    assert channel.outstanding == 0


async def test_a_request_that_was_not_sent_when_its_worker_was_lost_counts_as_not_delivered() -> None:
    ours, far = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(Channel, sock=ours)
    asked = [asyncio.ensure_future(channel.invoke(Query(b"1"), 20)) for _ in range(2)]
    loop.call_soon(channel.connection_lost, None)  # before the second one goes out, in the next round
    lost = await asyncio.gather(*asked, return_exceptions=True)
    assert [one.delivered for one in lost if isinstance(one, WorkerLost)] == [True, False]
    channel.close()
    far.close()


async def test_requests_have_a_limit_each_by_one_timer() -> None:
    ours, far = socket.socketpair()
    ours.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(Channel, sock=ours)
    asked = [asyncio.ensure_future(channel.invoke(Query(b"1"), seconds)) for seconds in (20, 0.02, 0.01)]
    for late in asked[1:]:
        with pytest.raises(WorkerHung):
            await asyncio.wait_for(late, 20)
    assert not asked[0].done()
    assert channel.outstanding == 1
    channel.close()
    with pytest.raises(WorkerLost):
        await asyncio.wait_for(asked[0], 20)
    far.close()


async def test_what_the_predictor_refuses_is_the_clients_fault(bench: Any) -> None:
    _, channel = await serve(bench)
    with pytest.raises(ModelError, match=r"client error \(400\).*'x' is not a number") as caught:
        await channel.invoke(Query(b"bad", "text/csv", "text/csv"), 20)
    assert (caught.value.code, caught.value.status) == ("ModelError", 424)
    assert caught.value.fields["OriginalStatusCode"] == 400
    assert caught.value.fields["OriginalMessage"] == "row 1, column 2: 'x' is not a number"


async def test_what_breaks_in_the_predictor_is_the_models_fault_and_in_the_log(bench: Any) -> None:
    work, channel = await serve(bench)
    with pytest.raises(ModelError, match=r"server error \(500\).*KeyError: 'weights'") as caught:
        await channel.invoke(Query(b"broken", "text/csv", "text/csv"), 20)
    assert caught.value.fields["OriginalStatusCode"] == 500
    assert await channel.invoke(Query(b"next", "a/b", "a/b"), 20) == Answer(b"next", "a/b")
    bench.executor.stop(work.folder)
    await bench.finish(work)
    assert bench.lines(work)[-1] == "KeyError: 'weights'"


async def test_a_predictor_may_say_the_status_of_its_refusal_and_the_log_stays_silent(bench: Any) -> None:
    work, channel = await serve(bench)
    with pytest.raises(ModelError, match=r"client error \(415\).*\"text/html is not supported\"") as caught:
        await channel.invoke(Query(b"unsupported", "text/html", "text/csv"), 20)
    assert caught.value.fields["OriginalStatusCode"] == 415
    bench.executor.stop(work.folder)
    await bench.finish(work)
    assert not any("Unsupported" in line for line in bench.lines(work))


async def test_a_worker_that_dies_fails_its_requests_once(bench: Any) -> None:
    work, channel = await serve(bench)
    with pytest.raises(WorkerLost, match="died while it had the request") as caught:
        await channel.invoke(Query(b"die", "a/b", "a/b"), 20)
    assert caught.value.delivered
    await asyncio.wait_for(channel.closed(), 20)
    assert not channel.alive
    with pytest.raises(WorkerLost, match="has ended") as caught:
        await channel.invoke(Query(b"1", "a/b", "a/b"), 20)
    assert not caught.value.delivered
    assert (await bench.finish(work)).code == 9


async def test_a_worker_that_does_not_answer_counts_as_hung(bench: Any) -> None:
    work, channel = await serve(bench)
    with pytest.raises(WorkerHung, match=r"within 0\.05 seconds"):
        await channel.invoke(Query(b"hang", "a/b", "a/b"), 0.05)
    assert channel.hung
    assert channel.alive
    bench.executor.stop(work.folder, grace=0)
    assert (await bench.finish(work)).reason == "stopped"


async def test_a_model_that_cannot_load_ends_the_worker_with_a_reason(bench: Any) -> None:
    work = bench.make("unloadable", kind="server")
    await bench.executor.start(work)
    with pytest.raises(WorkerLost):
        await (await bench.executor.connect(work.folder)).ready(20)
    end = await bench.finish(work)
    assert end.code == 1
    assert (work.ml / "output" / "failure").read_text().startswith("FileNotFoundError: no model in ")
    assert bench.lines(work)[-1].startswith("FileNotFoundError: no model in ")


async def test_another_server_takes_a_worker_over(bench: Any) -> None:
    work, channel = await serve(bench)
    channel.close()
    await channel.closed()
    other = ProcessExecutor()
    again = await other.connect(work.folder)
    assert await again.invoke(Query(b"1", "a/b", "a/b"), 20) == Answer(b"1", "a/b")
    await other.close()


async def test_two_channels_to_one_worker_keep_their_answers_apart(bench: Any) -> None:
    work, first = await serve(bench)
    second = await bench.executor.connect(work.folder)
    asked = [(channel, os.urandom(9)) for channel in (first, second) for _ in range(50)]
    answers = await asyncio.gather(*(channel.invoke(Query(body, "a/b", "a/b"), 20) for channel, body in asked))
    assert [answer.body for answer in answers] == [body for _, body in asked]


async def test_closing_a_channel_fails_what_is_under_way_and_leaves_the_worker(bench: Any) -> None:
    work, channel = await serve(bench)
    asked = asyncio.create_task(channel.invoke(Query(b"hang", "a/b", "a/b"), 20))
    await asyncio.sleep(0)
    channel.close()
    with pytest.raises(WorkerLost):
        await asked
    assert bench.executor.observe(work.folder) == bench.executor.observe(work.folder)


async def test_sigterm_ends_a_server_well(bench: Any) -> None:
    work, _ = await serve(bench)
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "stopped")
    assert not (work.run / "socket").exists()


async def test_connecting_to_nothing_says_so(executor: ProcessExecutor, tmp_path: Path) -> None:
    with pytest.raises(WorkerLost, match="does not run"):
        await executor.connect(tmp_path)
    with pytest.raises(WorkerLost, match="does not listen"):
        await Channel.open(tmp_path / "socket")


async def test_a_socket_may_lie_deeper_than_an_address_can_say(bench: Any) -> None:
    folder = bench.data / "/".join(["a-rather-long-folder-name"] * 8)
    _, channel = await serve(bench, folder=folder)
    assert await channel.invoke(Query(b"1", "a/b", "a/b"), 20) == Answer(b"1", "a/b")


async def test_a_body_past_the_channels_limit_is_refused(bench: Any) -> None:
    _, channel = await serve(bench)
    with pytest.raises(WireError, match="does not fit") as caught:
        await channel.invoke(Query(bytes(frames.MAX), "a/b", "a/b"), 20)
    assert caught.value.status == 413
    assert channel.alive


async def test_nonsense_on_the_socket_ends_that_connection_only(bench: Any) -> None:
    work, channel = await serve(bench)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        folder = os.open(work.run, os.O_RDONLY)
        await loop.sock_connect(sock, f"/proc/self/fd/{folder}/socket")
        os.close(folder)
        await loop.sock_sendall(sock, b"\xff" * 64)
        assert await asyncio.wait_for(loop.sock_recv(sock, 10), 20) == b""
    assert await channel.invoke(Query(b"1", "a/b", "a/b"), 20) == Answer(b"1", "a/b")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (frames.RESULT, frames.headed(("text/csv\r\nset-cookie: a=b",), b"1")),
        (frames.RESULT, frames.headed(("text/csv", "one\x00two"), b"1")),
        (frames.RESULT, b"\x00"),
        (frames.RESULT, b"\x00\x01\xff"),
        (frames.FAILURE, frames.headed(("999",), b"no")),
        (frames.FAILURE, frames.headed(("no status",), b"no")),
        (frames.PONG, b""),
    ],
)
async def test_a_worker_is_not_trusted_in_what_it_answers(kind: int, payload: bytes) -> None:
    ours, far = socket.socketpair()
    ours.setblocking(False)
    _, channel = await asyncio.get_running_loop().create_unix_connection(Channel, sock=ours)
    for asked in (channel.invoke(Query(b"1"), 20), channel.control({"do": "list"}, 20)):
        answer = asyncio.ensure_future(asked)
        await asyncio.sleep(0)
        far.sendall(frames.frame(channel._number, kind, payload))  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(ModelError) as caught:
            await answer
        assert caught.value.fields["OriginalStatusCode"] == 500
    assert channel.outstanding == 0
    channel.close()
    far.close()
