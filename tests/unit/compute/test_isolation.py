"""What a program can reach, tried by a program. Skipped where the machine offers no namespaces."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import isolation
from potager.compute.process.executor import ProcessExecutor

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, name="_namespaces")
async def namespaces(executor: ProcessExecutor) -> None:
    found = await executor.isolation()
    if found.level != "namespaces":
        pytest.skip(f"no namespaces here: {found.why}")


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder of the host that no private /tmp covers."""
    folder = Path(tempfile.mkdtemp(prefix=".outside-", dir=HERE))
    yield folder
    shutil.rmtree(folder)


async def test_a_job_is_at_home_in_opt_ml(bench: Any) -> None:
    seen = await bench.found("describe")
    assert seen["ml"] == seen["cwd"] == "/opt/ml"
    assert seen["host"] == "algo-1"
    assert seen["environment"]["HOME"] == "/tmp"
    assert seen["umask"] == 0o022


async def test_a_job_has_no_power_and_no_way_to_get_it_back(bench: Any) -> None:
    status = (await bench.found("describe"))["status"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"


async def test_a_job_sees_its_own_processes_only(bench: Any) -> None:
    seen = await bench.found("describe")
    assert set(seen["pids"]) == {1, 2}
    assert seen["groups"] in ([], [os.getgid()])


async def test_no_secret_stands_in_the_block_that_the_process_was_made_with(bench: Any, monkeypatch: Any) -> None:
    seen = await bench.found("describe")
    assert "AWS_" not in seen["block"]
    assert "POTAGER_" not in seen["block"]


async def test_the_data_folder_is_empty_to_a_job(bench: Any, outside: Path) -> None:
    (outside / "keys.json").write_text("secret")
    steps = [("read", outside / "keys.json"), ("list", outside), ("write", outside / "new"), ("unmount", outside)]
    read, listed, written, unmounted = await bench.attempt(*steps, hidden=[outside])
    assert read == "FileNotFoundError"
    assert listed == []
    assert written == "OSError"
    assert unmounted != 0
    assert os.listdir(outside) == ["keys.json"]


async def test_the_data_folder_may_hold_the_jobs_own_folder(bench: Any, outside: Path) -> None:
    (outside / "keys.json").write_text("secret")
    steps = [("read", outside / "keys.json"), ("list", outside), ("write", "/opt/ml/model/made")]
    found = await bench.attempt(*steps, hidden=[outside], folder=outside / "jobs" / "a")
    assert found == ["FileNotFoundError", [], 1]


async def test_a_hidden_folder_around_python_still_lets_it_import(bench: Any) -> None:
    hidden = Path(sys.base_prefix).parent
    imported, listed = await bench.attempt(("import", "sqlite3.dump"), ("list", hidden), hidden=[hidden])
    assert imported is True
    assert listed == [Path(sys.base_prefix).name]


async def test_a_job_writes_in_its_folder_and_in_tmp_only(bench: Any, outside: Path) -> None:
    allowed = ["/opt/ml/model/a", "/opt/ml/output/a", "/opt/ml/new", "/tmp/a", "/var/tmp/b", "/dev/shm/a"]
    refused = [outside / "a", "/opt/a", "/etc/a", "/a", "/dev/a", "/run/a", "/proc/sys/kernel/hostname", "/usr/a"]
    refused += ["/proc/sysrq-trigger", "/sys/kernel/uevent_helper", Path.home() / "a", HERE / "a"]
    found = await bench.attempt(*(("write", path) for path in [*allowed, *refused]))
    assert found[: len(allowed)] == [1] * len(allowed)
    assert {type(one) for one in found[len(allowed) :]} == {str}


async def test_what_a_job_leaves_in_tmp_is_not_the_hosts(bench: Any) -> None:
    name = f"/tmp/{os.urandom(8).hex()}"
    await bench.attempt(("write", name))
    assert not os.path.exists(name)


async def test_inputs_can_be_read_and_not_changed(bench: Any, outside: Path) -> None:
    blob = outside / "blob"
    blob.write_text("a,b")
    work = bench.make("attempt")
    inside = work.ml / "input" / "data" / "train" / "a.csv"
    os.link(blob, inside) if blob.stat().st_dev == inside.parent.stat().st_dev else shutil.copy(blob, inside)
    name = "/opt/ml/input/data/train/a.csv"
    steps = [["read", name], ["open to write", name], ["make executable", name], ["remove", name]]
    (work.ml / "input" / "attempts.json").write_text(str(steps).replace("'", '"'))
    await bench.finish(work)
    answers = (work.ml / "output" / "found.json").read_text()
    assert answers == '["a,b", "OSError", "OSError", "OSError"]'


async def test_a_read_only_folder_of_the_job_cannot_be_changed(bench: Any) -> None:
    folder = bench.data / "jobs" / "given"
    steps = [("write", "/opt/ml/model/a"), ("write", "/opt/ml/output/a")]
    found = await bench.attempt(*steps, folder=folder, read_only=[folder / "ml" / "model"])
    assert found == ["OSError", 1]


async def test_a_folder_beside_the_hidden_one_can_be_shared(bench: Any, outside: Path) -> None:
    shared = outside / "cache"
    shared.mkdir()
    (shared / "weights").write_text("1 2 3")
    steps = [("read", shared / "weights"), ("write", shared / "weights"), ("list", outside)]
    found = await bench.attempt(*steps, hidden=[outside], read_only=[shared])
    assert found == ["1 2 3", "OSError", ["cache"]]


async def test_the_disk_itself_cannot_be_opened(bench: Any) -> None:
    nodes = [name for name in os.listdir("/dev") if Path("/dev", name).is_block_device()]
    nodes += [name for name in ("mem", "kmsg", "fuse", "loop-control") if Path("/dev", name).exists()]
    found = await bench.attempt(*(("open to write", f"/dev/{name}") for name in nodes))
    assert "opened" not in found


async def test_the_devices_that_programs_need_are_there(bench: Any) -> None:
    names = ("null", "zero", "full", "random", "urandom")
    found = await bench.attempt(*(("open to write", f"/dev/{name}") for name in names if name != "full"))
    assert set(found) == {"opened"}


async def test_homes_are_not_to_be_seen(bench: Any) -> None:
    homes = [path for path in ("/root", "/home") if os.path.isdir(path)]
    found = await bench.attempt(*(("list", path) for path in homes))
    secrets = [name for listed in found for name in listed if name in (".ssh", ".aws", ".bash_history")]
    assert secrets == []


async def test_without_network_a_job_talks_only_to_itself(bench: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        steps = [("talk to itself", ""), ("connect", address), ("connect", "192.0.2.1:80")]
        assert await bench.attempt(*steps) == ["connected", "ConnectionRefusedError", "OSError"]


async def test_with_network_a_job_reaches_the_hosts(bench: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert await bench.attempt(("connect", address), network=True) == ["connected"]


async def test_a_job_cannot_signal_the_host_or_become_another(bench: Any) -> None:
    found = await bench.attempt(("kill", os.getpid()), ("become", 65534))
    assert found == ["ProcessLookupError", "PermissionError"]


async def test_a_user_namespace_of_its_own_opens_nothing(bench: Any, outside: Path) -> None:
    assert await bench.attempt(("break out", outside), hidden=[outside]) == [[]]


def test_what_is_in_force_reads_well() -> None:
    assert str(isolation.Isolation("namespaces")) == "namespaces"
    assert str(isolation.Isolation("process", "no user namespaces")) == "process (no user namespaces)"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_user_without_rights_gets_the_same_walls(tmp_path: Path) -> None:
    """The interpreter may stand where only root reads, so this forks a shim that gives its rights up, as a zygote's
    child would have none."""
    script = """
import ctypes, json, os, sys
from pathlib import Path
from potager.compute.process import isolation, shim
from potager.compute.workload import Workload
import tests.unit.compute.programs, encodings.idna, contextlib, sqlite3, random, tempfile
data, outside = Path(sys.argv[1]), Path(sys.argv[2])
folder = data / "jobs" / "a"
for path in (folder / "run", folder / "ml" / "input" / "data", folder / "ml" / "output"):
    path.mkdir(parents=True)
steps = [["read", str(data / "secret")], ["write", str(outside / "a")], ["write", "/opt/ml/a"], ["write", "/tmp/a"],
         ["write", "/opt/ml/input/data/a"], ["kill", str(os.getpid())], ["talk to itself", ""]]
(folder / "ml" / "input" / "attempts.json").write_text(json.dumps(steps))
work = Workload("a", folder, "tests.unit.compute.programs:attempt", data / "log", hidden=(data,))
(folder / "run" / "workload.json").write_text(work.dumps())
for path in [data, *data.rglob("*"), outside]:
    os.chown(path, 65534, 65534)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable, as a program is after an exec
level = isolation.probe()
(folder / "level").write_text(str(level))
if level.level == "namespaces":
    shim.mind(folder, level, lambda error: None)
"""
    data, outside = Path(tempfile.mkdtemp(prefix="potager-")), Path(tempfile.mkdtemp(prefix=".outside-", dir=HERE))
    try:
        (data / "secret").write_text("secret")
        command = [sys.executable, "-c", script, str(data), str(outside)]
        done = subprocess.run(command, cwd=HERE.parents[2], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        folder = data / "jobs" / "a"
        if (folder / "level").read_text() != "namespaces":
            pytest.skip(f"users without rights get no namespaces here: {(folder / 'level').read_text()}")
        answers = json.loads((folder / "ml" / "output" / "found.json").read_text())
        said = (data / "log").read_text()
        assert answers.pop(1) in ("OSError", "FileNotFoundError"), said  # a checkout below /tmp is not seen at all
        assert answers == ["FileNotFoundError", 1, 1, "OSError", "ProcessLookupError", "connected"], said
        assert not list(outside.iterdir())
    finally:
        shutil.rmtree(data)
        shutil.rmtree(outside)


async def test_a_folder_of_read_only_data_may_be_writable_all_the_same(bench: Any) -> None:
    folder = bench.data / "jobs" / "writes"
    train = folder / "ml" / "input" / "data" / "train"
    steps = [("write", "/opt/ml/input/data/train/new"), ("write", "/opt/ml/input/data/new")]
    written, refused = await bench.attempt(*steps, folder=folder, writable=[train])
    assert written == 1
    assert refused == "OSError"
    assert os.listdir(train) == ["new"]
