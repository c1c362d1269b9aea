"""Jobs that are commands: executed as they are given, inside the same walls."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from potager.compute.workload import Workload

ECHO = (
    "import json, os, sys, signal; json.dump({'argv': sys.argv[1:], 'cwd': os.getcwd(), 'python': sys.executable, "
    "'base': sys.base_prefix, "
    "'env': dict(os.environ), 'pipe': signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN}, "
    "open(os.environ['SAID'], 'w'))"
)


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


def make(bench: Any, *argv: str, **changes: Any) -> Workload:
    environment = {"SAID": "/opt/ml/output/said.json", **changes.pop("environment", {})}
    return bench.make("none", argv=argv, environment=environment, **changes)


def said(work: Workload) -> Any:
    return json.loads((work.ml / "output" / "said.json").read_text())


async def test_arguments_arrive_as_they_were_given(bench: Any) -> None:
    work = make(bench, "python", "-c", ECHO, "two words", "", "$HOME", "--a='b'")
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "exited"), bench.lines(work)
    assert said(work)["argv"] == ["two words", "", "$HOME", "--a='b'"]


@pytest.mark.parametrize("name", ["python", "python3"])
async def test_python_is_the_server_s_own_interpreter_in_an_environment_of_the_job_s(bench: Any, name: str) -> None:
    for argv in ((name, "-c", ECHO), ("/bin/sh", "-c", 'exec "$0" -c "$1"', name, ECHO)):
        work = make(bench, *argv)
        await bench.finish(work)
        assert Path(said(work)["python"]).parent == Path(said(work)["env"]["VIRTUAL_ENV"]) / "bin"
        assert said(work)["base"] == sys.base_prefix


async def test_a_command_starts_in_the_folder_of_its_code(bench: Any, isolate: bool) -> None:
    work = make(bench, "python", "-c", ECHO)
    (work.ml / "code").mkdir()
    await bench.finish(work)
    assert said(work)["cwd"] == ("/opt/ml/code" if isolate else str((work.ml / "code").resolve()))


async def test_without_code_it_starts_in_opt_ml(bench: Any, isolate: bool) -> None:
    work = make(bench, "python", "-c", ECHO)
    await bench.finish(work)
    assert said(work)["cwd"] == ("/opt/ml" if isolate else str(work.ml.resolve()))


async def test_paths_below_opt_ml_lead_to_the_job_s_folder_wherever_that_is(bench: Any, isolate: bool) -> None:
    work = make(bench, "python", "-c", ECHO, "--in=/opt/ml/input", "/opt/mlflow", environment={"AT": "/opt/ml"})
    await bench.finish(work)
    ml = "/opt/ml" if isolate else str(work.ml)
    assert said(work)["argv"] == [f"--in={ml}/input", "/opt/mlflow"]
    assert said(work)["env"]["AT"] == ml


async def test_a_command_that_is_not_there_says_so_and_exits_127(bench: Any) -> None:
    work, end = make(bench, "no-such-command", "--x"), None
    end = await bench.finish(work)
    assert (end.code, end.reason) == (127, "exited")
    assert bench.lines(work)[-1].startswith("potager: no-such-command: command not found. Looked for in PATH=")


async def test_a_file_that_cannot_be_executed_says_so_and_exits_126(bench: Any) -> None:
    work = make(bench, "/opt/ml/model/tool")
    (work.ml / "model" / "tool").write_text("no program")
    end = await bench.finish(work)
    assert end.code == 126
    assert bench.lines(work)[-1].endswith("/model/tool cannot be executed: it is not executable.")
    other = make(bench, "/opt/ml/model/tool")
    (other.ml / "model" / "tool").write_text("no program")
    (other.ml / "model" / "tool").chmod(0o755)
    end = await bench.finish(other)
    assert end.code == 126
    assert "Exec format error" in bench.lines(other)[-1]


async def test_a_signal_ends_a_command_as_it_ends_any_program(bench: Any) -> None:
    work = make(bench, "/bin/sh", "-c", "kill -9 $$")
    end = await bench.finish(work)
    assert (end.code, end.signal, end.reason) == (None, 9, "killed")


async def test_sigpipe_is_what_a_new_program_expects(bench: Any) -> None:
    work = make(bench, "/bin/sh", "-c", "yes | head -n 1; echo done")
    end = await bench.finish(work)
    assert end.code == 0
    assert bench.lines(work) == ["y", "done"]


async def test_the_log_opens_with_the_isolation_and_the_preface(bench: Any, isolate: bool) -> None:
    work = make(bench, "/bin/echo", "hello", preface=("Potager runs this",))
    await bench.finish(work)
    first, *others = bench.lines(work)
    assert others == ["Potager runs this", "hello"]
    assert first.startswith("Isolation: namespaces, no network" if isolate else "Isolation: process (as configured)")


async def test_secrets_reach_the_program_and_no_file(bench: Any) -> None:
    work = make(bench, "python", "-c", ECHO, secrets={"KEY": "s3cr3t-value"})
    (work.ml / "output" / "said.json").symlink_to("/dev/null")
    end = await bench.finish(work)
    assert end.code == 0
    assert not [path for path in work.folder.rglob("*") if path.is_file() and b"s3cr3t-value" in path.read_bytes()]
    assert "s3cr3t" not in repr(work)
    other = make(bench, "python", "-c", ECHO, secrets={"KEY": "s3cr3t-value"})
    await bench.finish(other)
    assert said(other)["env"]["KEY"] == "s3cr3t-value"
