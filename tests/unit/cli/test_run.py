from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from potager.cli import environment, folder
from potager.cli.child import Child

Start = Callable[..., Child]

TELL = "import json, os; print(json.dumps(dict(os.environ)))"
FETCH = """
import json, sys, urllib.request
print(json.loads(urllib.request.urlopen(sys.argv[1]).read())["headers"]["host"])
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def potager(stub: Sequence[str], data: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `potager run -- ...` to its end."""

    def call(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [*stub, "run", "--data", str(data), "--", *argv]
        return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True)

    return call


Potager = Callable[..., subprocess.CompletedProcess[str]]


def python(code: str, *argv: str) -> tuple[str, ...]:
    return sys.executable, "-c", code, *argv


def test_the_exit_status_is_the_commands(potager: Potager) -> None:
    assert potager("true").returncode == 0
    assert potager(*python("raise SystemExit(7)")).returncode == 7
    assert potager(*python("import os; os.kill(os.getpid(), 9)")).returncode == 128 + 9


def test_a_command_that_is_not_there_is_told_as_a_shell_would(potager: Potager, tmp_path: Path) -> None:
    result = potager("no-such-command")
    assert (result.returncode, result.stderr) == (127, "potager run: no-such-command: no such command.\n")
    assert potager(str(tmp_path)).returncode == 126


def test_no_command_is_an_error_of_usage(potager: Potager) -> None:
    result = potager()
    assert result.returncode == 2
    assert "COMMAND" in result.stderr


def test_output_and_arguments_pass_through_as_they_are(potager: Potager) -> None:
    result = potager(
        *python("import sys; print(sys.argv[1:]); print('e', file=sys.stderr)", "--data", "a b", "-h", "$X")
    )
    assert (result.stdout, result.stderr) == ("['--data', 'a b', '-h', '$X']\n", "e\n")


def test_a_server_lives_as_long_as_the_command(potager: Potager, data: Path) -> None:
    said = json.loads(potager(*python(TELL)).stdout)
    assert said["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert not folder.held(data)
    assert not (data / "server.json").exists()


def test_a_server_that_is_up_is_used_and_left_up(start: Start, potager: Potager) -> None:
    server = start("--region", "eu-west-1")
    said = json.loads(potager(*python(TELL), AWS_PROFILE="work", AWS_ENDPOINT_URL_S3="http://elsewhere").stdout)
    assert {name: said[name] for name in environment.of(server.data)} == environment.of(server.data)
    assert said["AWS_ENDPOINT_URL"] == server.url
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3"} & said.keys()
    assert folder.running(server.data)


def test_a_server_that_cannot_start_is_told_with_its_reason(potager: Potager) -> None:
    result = potager("true", POTAGER_STUB="broken")
    assert result.returncode == 1
    assert "the stub is broken" in result.stderr


def test_awss_https_names_land_on_the_server(potager: Potager) -> None:
    result = potager(*python(FETCH, "https://claims.s3.us-east-1.amazonaws.com/raw.csv"))
    assert (result.stdout, result.stderr) == ("claims.s3.us-east-1.amazonaws.com\n", "")


def test_our_own_endpoint_is_reached_although_the_environment_has_a_proxy(potager: Potager) -> None:
    code = "import os, sys\nsys.argv.append(os.environ['AWS_ENDPOINT_URL'])" + FETCH
    result = potager(*python(code), HTTP_PROXY="http://127.0.0.1:1", NO_PROXY="*.internal", no_proxy="")
    assert result.stdout.startswith("127.0.0.1:")


def test_the_command_is_told_of_the_proxy_in_both_spellings(potager: Potager) -> None:
    said = json.loads(
        potager(*python(TELL), HTTPS_PROXY="http://corporate:3128", HTTP_PROXY="http://corporate:3128").stdout
    )
    assert said["HTTPS_PROXY"] == said["https_proxy"]
    assert urlsplit(said["HTTPS_PROXY"]).hostname == "127.0.0.1"
    assert said["HTTP_PROXY"] == "http://corporate:3128"
    assert said["NO_PROXY"] == said["no_proxy"]


def test_the_sdks_telemetry_is_off_unless_its_user_has_a_configuration(potager: Potager, tmp_path: Path) -> None:
    tell = python("import os; print(open(os.environ['SAGEMAKER_USER_CONFIG_OVERRIDE']).read())")
    assert "TelemetryOptOut: true" in potager(*tell, HOME=str(tmp_path), XDG_CONFIG_HOME="").stdout
    own = tmp_path / "own.yaml"
    own.write_text("mine")
    assert potager(*tell, SAGEMAKER_USER_CONFIG_OVERRIDE=str(own)).stdout.strip() == "mine"
    usual = tmp_path / ".config/sagemaker/config.yaml"
    usual.parent.mkdir(parents=True)
    usual.touch()
    said = json.loads(potager(*python(TELL), HOME=str(tmp_path), XDG_CONFIG_HOME="").stdout)
    assert "SAGEMAKER_USER_CONFIG_OVERRIDE" not in said


def test_nothing_is_left_in_the_temporary_folder(potager: Potager, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    said = json.loads(potager(*python(TELL), TMPDIR=str(temporary)).stdout)
    assert said["AWS_CA_BUNDLE"].startswith(str(temporary))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_passed_on(stub: Sequence[str], data: Path, number: int) -> None:
    code = f"""
import signal, sys
def caught(*_): print("caught", flush=True); sys.exit(3)
signal.signal({number}, caught)
print("waiting", flush=True)
signal.pause()
"""
    command = [*stub, "run", "--data", str(data), "--", *python(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.stdout.readline() == b"caught\n"
        assert process.wait() == 3
    assert not folder.held(data)


def test_a_signal_that_is_ignored_stays_ignored(stub: Sequence[str], data: Path) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    command = ["nohup", *stub, "run", "--data", str(data), "--", *python(code)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.stdout == "True\n"


def test_two_at_once_share_one_folder(stub: Sequence[str], data: Path) -> None:
    command = [
        *stub,
        "run",
        "--data",
        str(data),
        "--",
        *python("import sys; print('up', flush=True); sys.stdin.read()"),
    ]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
    for process in both:
        process.communicate()
        assert process.returncode == 0
