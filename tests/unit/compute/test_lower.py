"""Files that a program finds in /opt/ml as if they were copies, while they are links to files of somebody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from potager.compute import leftovers
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Absent, Workload

IN = "/opt/ml/processing/in"


@pytest.fixture(params=["union", "links", "process"])
def way(request: Any) -> str:
    """How the files come to stand there: by a union mount, by read-only links, or by links where nothing is mounted."""
    return request.param


@pytest.fixture
def isolate(way: str) -> bool:
    return way != "process"


@pytest.fixture(autouse=True, name="_skips")
async def skips(executor: ProcessExecutor, way: str) -> None:
    found = await executor.isolation()
    if way != "process" and found.level != "namespaces":
        pytest.skip(f"no namespaces here: {found.why}")


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_text("stored\n")
    path.chmod(0o444)
    return path


def make(bench: Any, blob: Path, way: str, line: str) -> Workload:
    work = bench.make("none", argv=("/bin/sh", "-c", line))
    for name in ("a.csv", "deep/b.csv"):
        path = work.lower / "processing" / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(blob, path)
    (work.ml / "processing" / "in" / "deep").mkdir(parents=True)
    (work.ml / "processing" / "in" / "deep" / "script.sh").write_text("echo script\n")
    if way == "links":
        (work.folder / "work").touch()  # where an overlay would have to put a folder
    return work


async def test_both_are_there_and_their_folders_are_writable(bench: Any, blob: Path, way: str) -> None:
    line = f"cd {IN} && cat a.csv deep/b.csv && . deep/script.sh && echo new > deep/new && echo x >> deep/script.sh"
    work = make(bench, blob, way, f"{line} && ls deep")
    end = await bench.finish(work)
    assert end.code == 0, bench.lines(work)
    assert bench.lines(work) == ["stored", "stored", "script", "b.csv", "new", "script.sh"]
    assert (work.ml / "processing" / "in" / "deep" / "new").read_text() == "new\n"
    assert (work.ml / "processing" / "in" / "deep" / "script.sh").read_text() == "echo script\nx\n"


async def test_nothing_that_a_program_does_changes_the_file_that_is_linked(bench: Any, blob: Path, way: str) -> None:
    if way == "process" and os.geteuid() == 0:
        pytest.skip("nothing keeps root from a file's mode")
    tries = ["chmod u+w a.csv", "echo more >> a.csv", "truncate -s 0 deep/b.csv", "rm -f deep/b.csv", "mv a.csv c.csv"]
    work = make(bench, blob, way, f"cd {IN}; {'; '.join(tries)}; true")
    await bench.finish(work)
    assert (blob.read_text(), blob.stat().st_mode & 0o777) == ("stored\n", 0o444), bench.lines(work)


async def test_with_a_union_a_program_may_do_all_that_it_may_to_a_copy(bench: Any, blob: Path, way: str) -> None:
    if way != "union":
        pytest.skip("read-only there")
    line = f"cd {IN} && chmod u+w a.csv && echo more >> a.csv && rm -f deep/b.csv && cat a.csv && ls deep && rm -r deep"
    work = make(bench, blob, way, f"grep -q ' /opt/ml overlay' /proc/self/mounts || exit 77; {line}")
    end = await bench.finish(work)
    if end.code == 77:
        pytest.skip("no overlay can be mounted here")
    assert end.code == 0, bench.lines(work)
    assert bench.lines(work) == ["stored", "more", "script.sh"]
    assert (work.ml / "processing" / "in" / "a.csv").read_text() == "stored\nmore\n"
    assert blob.read_text() == "stored\n"


async def test_nothing_stays_behind(bench: Any, blob: Path, way: str) -> None:
    work = make(bench, blob, way, f"cd {IN} && mkdir shut && chmod 0 shut")
    await bench.finish(work)
    await leftovers.remove(bench.executor, work.folder)
    assert not work.folder.exists()
    assert isinstance(bench.executor.observe(work.folder), Absent)
    assert blob.stat().st_nlink == 1
