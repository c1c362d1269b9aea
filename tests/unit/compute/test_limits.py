from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from potager.compute.process import harness, limits
from potager.compute.process.output import Output
from potager.compute.workload import Workload
from potager.kernel import logfile

ROOT = Path(__file__).parents[3]

UNGROUPED = """
import sys
from pathlib import Path
import tests.unit.compute.programs
from potager.compute.process import isolation, limits, shim
limits.Group.make = lambda *_: None
shim.mind(Path(sys.argv[1]), isolation.probe(), lambda error: None)
"""


@pytest.fixture
def group() -> Iterator[limits.Group]:
    group = limits.Group.make(f"test-{os.getpid()}", 64 * 2**20)
    if group is None:
        pytest.skip("no control group can be made here")
    yield group
    group.kill()
    group.remove()


def test_a_group_is_empty_until_a_process_is_put_in(group: limits.Group) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert group.add(child.pid)
        assert str(child.pid) in (group.path / "cgroup.procs").read_text().split()
        group.kill()
        assert child.wait() == -9
    assert not group.exhausted()


def test_sweeping_removes_groups_that_nobody_is_in(group: limits.Group) -> None:
    limits.sweep()
    assert not group.path.exists()


def test_a_process_that_is_gone_cannot_join(group: limits.Group) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not group.add(child.pid)


def test_without_a_group_the_shim_watches_and_kills(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "a"
    for path in (folder / "run", folder / "ml"):
        path.mkdir(parents=True)
    work = Workload("a", folder, "tests.unit.compute.programs:eat", tmp_path / "log", memory_bytes=150 * 2**20)
    (folder / "run" / "workload.json").write_text(work.dumps())
    command = [sys.executable, "-c", UNGROUPED, str(folder)]
    done = subprocess.run(command, cwd=ROOT, timeout=60, check=False, capture_output=True, text=True)
    assert '"out of memory"' in (folder / "run" / "exit.json").read_text(), done.stderr


def test_the_descendants_of_a_process_are_found() -> None:
    text = "import os, time\nif os.fork() == 0: print('up', flush=True); time.sleep(1000)\nos.wait()"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = limits.descendants(os.getpid())
        assert child.pid in found
        (grandchild,) = limits.descendants(child.pid)
        assert grandchild in found
        assert limits.resident(os.getpid()) > 2**20
        os.kill(grandchild, 9)


def test_no_more_threads_than_cpus() -> None:
    assert limits.threads(1) == 1
    assert limits.threads(10**6) == limits.threads(None)


def test_a_full_disk_loses_lines_and_does_not_stop() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    output = Output(Path("/dev/full"))
    output.take(b"one\ntwo\n")
    output.close()
    assert output.dropped > 0


def test_a_line_comes_together_from_its_pieces(tmp_path: Path) -> None:
    output = Output(tmp_path / "deep" / "log")
    for piece in (b"a", b"b\nc", b"", b"d", b"\n\nlast"):
        output.take(piece)
    output.close()
    lines = (tmp_path / "deep" / "log").read_bytes().splitlines(keepends=True)
    assert [event and event[1] for event in map(logfile.decode, lines)] == ["ab", "cd", "", "last"]


def test_keys_stay_out_of_a_programs_environment() -> None:
    server = {
        "PATH": "/bin",
        "AWS_SECRET_ACCESS_KEY": "s",
        "POTAGER_SECRET_ACCESS_KEY": "s",
        "LC_ALL": "C",
        "HTTPS_PROXY": "p",
        "DATABASE_URL": "s",
    }
    assert harness.clean(server, network=False) == {"PATH": "/bin", "LANG": "C.UTF-8", "LC_ALL": "C"}
    assert harness.clean(server, network=True)["HTTPS_PROXY"] == "p"


FORKED = """
import os, sys
held = bytearray(os.urandom(1 << 20) * 64)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    print("forked", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not say")
def test_pages_that_a_child_shares_with_its_parent_count_by_their_part():
    with subprocess.Popen(
        [sys.executable, "-c", FORKED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "forked\n"
        assert limits.resident(parent.pid) > 64 * 2**20
        assert limits.own(parent.pid) < 48 * 2**20
        parent.communicate("")
