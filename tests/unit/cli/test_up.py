from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from potager.cli import folder
from potager.cli.child import Child, NotStarted
from potager.cli.serve import listen, url
from potager.kernel.errors import InUse, Invalid
from potager.kernel.hosts import is_loopback

Start = Callable[..., Child]


def log(server: Child) -> str:
    return (server.data / "server.log").read_text()


def test_it_says_ready_once_requests_are_answered(start: Start) -> None:
    server = start()
    with urlopen(server.url) as answer:
        assert answer.status == 200
        assert "Server" not in answer.headers


def test_it_tells_people_where_things_are(start: Start) -> None:
    server = start()
    assert f"data       {server.data}" in log(server)
    assert f'potager env --data {server.data})"' in log(server)
    assert "isolation" in log(server)


def test_it_announces_itself_while_it_is_up(start: Start) -> None:
    server = start("--region", "eu-west-1", "--account-id", "123456789012")
    said = folder.running(server.data)
    assert said is not None
    assert (said.url, said.pid, said.region, said.account_id) == (server.url, server.pid, "eu-west-1", "123456789012")
    server.stop()
    assert not (server.data / "server.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(stub: tuple[str, ...], tmp_path: Path, number: int) -> None:
    with subprocess.Popen([*stub, "up", "--port", "0", "--data", tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"ready http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait() == 0
    assert not (tmp_path / "server.json").exists()


def test_it_stops_although_a_client_keeps_its_connection(start: Start) -> None:
    server = start()
    connection = HTTPConnection(urlsplit(server.url).netloc)
    connection.request("GET", "/")
    connection.getresponse().read()
    assert server.stop() == 0
    connection.close()


def test_it_stops_when_its_parent_is_gone(start: Start) -> None:
    server = start()
    process = server._process
    assert process
    assert process.stdin
    process.stdin.close()
    assert process.wait() == 0


def test_a_temporary_server_leaves_nothing(start: Start, tmp_path: Path) -> None:
    server = start(temporary=True)
    assert server.data.exists()
    server.stop()
    assert not server.data.exists()


def test_a_second_server_on_the_folder_is_refused_and_told_of_the_first(start: Start) -> None:
    first = start()
    with pytest.raises(NotStarted, match=f"process {first.pid} at {first.url}"):
        start()
    with urlopen(first.url) as answer:
        assert answer.status == 200


def test_a_killed_server_leaves_the_folder_to_the_next(start: Start) -> None:
    server = start()
    before = server.url
    server.kill()
    assert (server.data / "server.json").exists()
    assert server.start() == before
    with urlopen(server.url) as answer:
        assert answer.status == 200


def test_a_port_in_use_is_an_error_with_a_remedy(start: Start, tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(NotStarted, match=rf"Port {port} of 127\.0\.0\.1 is in use by another program.*--port 0"):
            start("--port", port)
    assert not (tmp_path / "data/keys.json").exists()


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(Invalid, match=r"Cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)
    with pytest.raises(Invalid, match=r"Host no\.such\.host\.invalid is not an address"):
        listen("no.such.host.invalid", 0)
    with listen("127.0.0.1", 0) as taken, pytest.raises(InUse):
        listen("127.0.0.1", taken.getsockname()[1])


def test_a_wildcard_address_is_reached_by_loopback_and_warned_of(start: Start) -> None:
    server = start("--host", "0.0.0.0")
    assert server.url.startswith("http://127.0.0.1:")
    assert "warning: 0.0.0.0 lets other machines in" in log(server)


def test_with_tls_nobody_is_warned_and_the_option_needs_no_value(start: Start) -> None:
    server = start("--host", "0.0.0.0", "--tls", "--log-level", "info")
    assert server.url.startswith("https://127.0.0.1:")
    assert "warning" not in log(server)


def test_an_address_of_version_6_stands_in_brackets() -> None:
    try:
        sock = listen("::1", 0)
    except Invalid:
        pytest.skip("this machine has no IPv6")
    with sock:
        assert url(sock) == f"http://[::1]:{sock.getsockname()[1]}"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_an_app_that_cannot_start_ends_the_command_with_its_reason(start: Start, tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match=r"the stub is broken(?s:.*)The server could not start"):
        start(environ=os.environ | {"POTAGER_STUB": "broken"})
    assert not (tmp_path / "data/server.json").exists()


def test_a_bad_setting_ends_the_command_before_anything_is_made(start: Start, tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="--account-id: '12' is not an account id of 12 digits"):
        start("--account-id", "12")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["server.log"]


def test_a_large_body_arrives_whole(start: Start) -> None:
    server = start()
    with urlopen(server.url, data=b"x" * 3_000_000) as answer:
        assert json.load(answer)["size"] == 3_000_000
