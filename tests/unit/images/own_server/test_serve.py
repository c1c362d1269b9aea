"""A program of the user's that is a server: started, asked until it is well, passed requests, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from potager.images.own_server import program, serve
from potager.images.own_server.bridge import Answered, Bridge, Unanswered
from potager.images.own_server.program import Program, Unstartable

SERVER = """#!/usr/bin/env python
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self):
        Handler.asked += 1
        self.answer(200 if Handler.asked > 2 else 503, b"", "text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"die":
            os._exit(3)
        if body == b"hang up":
            self.close_connection = True
            return
        if body == b"close":
            self.close_connection = True
        status = int(body) if body.isdigit() else 200
        self.answer(status, b"%d:%s" % (id(self), body), self.headers.get("Content-Type", "none"))

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a program that the platform has found; gives its model folder."""

    def write(text: str, mode: int = 0o755, name: str = "serve") -> Path:
        file = tmp_path / "model" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        monkeypatch.setenv(serve.VARIABLE, str(file))
        return tmp_path / "model"

    return write


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """The programs that were started; none ties this process's life to its own."""
    found: list[Program] = []
    monkeypatch.setattr(Program, "tie", lambda self: found.append(self))
    return found


@pytest.fixture
def bridge(written: Callable[..., Path], started: list[Program]) -> Bridge:
    return serve.load(written(SERVER))


@pytest.fixture(autouse=True)
def nothing_left(started: list[Program]) -> Iterator[None]:
    yield
    for one in started:
        one.kill()


def test_it_is_asked_once_ping_is_200_and_the_connection_is_kept(bridge: Bridge) -> None:
    body, kind = bridge.predict(b"a,b", "text/csv", "text/plain")
    connection, _, said = body.partition(b":")
    assert (said, kind) == (b"a,b", "text/csv")
    assert bridge.predict(b"", "", "")[0].partition(b":") == (connection, b":", b"")


def test_a_connection_that_the_server_closed_is_made_anew(bridge: Bridge) -> None:
    assert bridge.predict(b"close", "", "")[0].endswith(b":close")
    assert bridge.predict(b"again", "", "")[0].endswith(b":again")


@pytest.mark.parametrize(("status", "told"), [(418, 418), (503, 503), (302, 500)])
def test_a_status_that_is_no_success_is_told_with_what_it_says(bridge: Bridge, status: int, told: int) -> None:
    with pytest.raises(Answered, match=f":{status}$") as answered:
        bridge.predict(str(status).encode(), "", "")
    assert answered.value.status == told
    assert bridge.predict(b"well", "", "")[0].endswith(b":well")


def test_a_server_that_hangs_up_gives_a_bad_gateway_and_is_asked_again(bridge: Bridge) -> None:
    with pytest.raises(Unanswered, match="gave no answer") as unanswered:
        bridge.predict(b"hang up", "", "")
    assert unanswered.value.status == 502
    assert bridge.predict(b"well", "", "")[0].endswith(b":well")


def test_without_the_bit_to_execute_the_first_line_says_what_runs_it(
    written: Callable[..., Path], started: list[Program]
) -> None:
    assert serve.load(written(SERVER, 0o644)).predict(b"a", "", "")[0].endswith(b":a")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("#!/bin/sh\nexit 7\n", 0o755, "serve ended with exit code 7 before GET /ping answered"),
        ("#!/bin/sh\nkill -9 $$\n", 0o755, "serve ended by signal 9"),
        ("echo\n", 0o644, "not executable and does not begin with #!"),
        ("#!/no/such/interpreter\n", 0o755, "serve cannot be executed: No such file"),
    ],
)
def test_a_program_that_does_not_come_up_says_why(
    written: Callable[..., Path], text: str, mode: int, said: str
) -> None:
    with pytest.raises(Unstartable, match=said):
        serve.load(written(text, mode))


def test_a_program_that_listens_elsewhere_is_ended_and_told_its_port(written: Callable[..., Path]) -> None:
    model = written("#!/bin/sh\necho $$ > ../pid\nexec sleep 60\n")
    with pytest.raises(Unstartable, match=r"did not answer 200 within 0.* SAGEMAKER_BIND_TO_PORT"):
        serve.load(model, patience=0)
    file = model.parent / "pid"
    if file.exists():  # it may have been ended before it wrote it
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text() or "0") or 2**22, 0)


def test_a_program_of_another_name_is_told_to_serve(tmp_path: Path) -> None:
    file = tmp_path / "main.sh"
    file.write_text("#!/bin/sh -e\n")
    assert program.command(file) == ["/bin/sh", "-e", str(file), "serve"]
    file.chmod(0o755)
    assert program.command(file) == [str(file), "serve"]


WORKER = """
import signal, sys
from pathlib import Path
from potager.images.own_server import serve

bridge = serve.load(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(bridge.predict(line.strip().encode(), "", ""), flush=True)
    except Exception as error:
        print(error, flush=True)
"""


def worker(model: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        assert process.poll() is None
    return process


def test_the_worker_ends_with_its_program(written: Callable[..., Path]) -> None:
    process = worker(written(SERVER))
    assert process.stdin is not None
    process.stdin.write("die\n")
    process.stdin.flush()
    assert process.wait(60) == 1
    process.communicate()


def test_the_program_gets_sigterm_when_the_worker_ends(written: Callable[..., Path], tmp_path: Path) -> None:
    told = tmp_path / "told"
    noting = f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: (open({str(told)!r}, 'w'), sys.exit(0)))\n"
    dying = SERVER.replace("HTTPServer((", noting + "HTTPServer((")
    process = worker(written(dying))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert told.exists()
    process.communicate()
