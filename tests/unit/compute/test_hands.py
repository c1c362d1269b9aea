"""A worker's threads: requests that are passed on at the same time, orders beside requests, and the end of both."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from potager.compute import frames
from potager.compute.process import serving
from potager.kernel.prediction import Answer, Query


class Meeting:
    """Passes requests on, and answers when two are there."""

    at_once = 2

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        raise AssertionError("its answer is asked")

    def answer(self, query: Query) -> Answer:
        self.barrier.wait(60)
        return Answer(query.body * 2)


class Holding:
    """Holds an order until a request was answered."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        self.asked.set()
        return body, ""

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["do"] == "fail":
            raise ValueError("no such order")
        return {"done": self.asked.wait(60)}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[Any], socket.socket]]:
    """Serves a predictor in a process of its own, and gives a connection to it."""
    pids: list[int] = []

    def start(predictor: Any) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        pid = os.fork()
        if not pid:
            try:
                serving.answer(listener, predictor)
            except SystemExit:
                os._exit(0)
            finally:
                os._exit(1)
        pids.append(pid)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(tmp_path / "socket"))
        return connection

    yield start
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def told(connection: socket.socket, count: int) -> list[tuple[int, int, bytes]]:
    """So many frames of a worker."""
    reader, found = frames.Reader(), list[tuple[int, int, bytes]]()
    while len(found) < count:
        data = connection.recv(1 << 16)
        assert data
        found += reader.feed(data)
    return found


def test_requests_are_passed_on_at_the_same_time(worker: Callable[[Any], socket.socket]) -> None:
    connection = worker(Meeting())
    for number, body in enumerate((b"a", b"b", b"c", b"d")):
        connection.sendall(frames.frame(number, frames.INVOKE, frames.headed(Query(body).head, body)))
    answers = {number: frames.parted(payload)[1] for number, kind, payload in told(connection, 4)}
    assert answers == {0: b"aa", 1: b"bb", 2: b"cc", 3: b"dd"}


def test_an_order_keeps_no_request_waiting_and_may_fail(worker: Callable[[Any], socket.socket]) -> None:
    connection = worker(Holding())
    connection.sendall(frames.frame(1, frames.CONTROL, json.dumps({"do": "hold"}).encode()))
    connection.sendall(frames.frame(2, frames.INVOKE, frames.headed(Query(b"x").head, b"x")))
    connection.sendall(frames.frame(3, frames.CONTROL, json.dumps({"do": "fail"}).encode()))
    found = told(connection, 3)
    assert [(number, kind) for number, kind, _ in found] == [
        (2, frames.RESULT),
        (1, frames.TOLD),
        (3, frames.FAILURE),
    ]
    said = json.loads(found[1][2])
    assert said.pop("resident") > 0
    assert said == {"done": True}
    assert frames.parted(found[2][2]) == (["400"], b"no such order")


def test_a_worker_that_is_told_to_end_answers_what_it_has_in_hand_first(tmp_path: Path) -> None:
    """The second request comes after SIGTERM was sent, over a pipe that the first one waits at."""
    here, there = socket.socketpair()

    class Waiting(Meeting):
        def answer(self, query: Query) -> Answer:
            there.sendall(b"!")
            there.recv(1)
            return Answer(b"late")

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    listener.listen()
    pid = os.fork()
    if not pid:
        try:
            serving.answer(listener, Waiting())
        except SystemExit:
            os._exit(0)
        finally:
            os._exit(1)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(tmp_path / "socket"))
    connection.sendall(frames.frame(1, frames.INVOKE, frames.headed(Query(b"").head, b"")))
    assert here.recv(1) == b"!"
    os.kill(pid, signal.SIGTERM)
    here.sendall(b"!")
    assert frames.parted(told(connection, 1)[0][2])[1] == b"late"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
