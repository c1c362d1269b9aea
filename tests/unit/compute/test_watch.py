"""What the shim watches, on folders and files that are made for it; nothing is really exhausted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from potager.compute.process import limits, syscalls, watch
from potager.compute.process.output import TAIL, Output
from potager.compute.process.watch import RESERVE, Watch, starved
from potager.compute.workload import Workload
from potager.kernel import logfile

PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
MIB, GIB = 2**20, 2**30


@pytest.fixture
def work(tmp_path: Path) -> Workload:
    for part in ("ml/input/data/train", "ml/model", "tmp"):
        (tmp_path / "w" / part).mkdir(parents=True)
    return Workload("w", tmp_path / "w", "m:f", tmp_path / "log")


def watched(work: Workload, group: limits.Group | None = None) -> Watch:
    watch = Watch(work, Output(work.log, work.log_bytes))
    watch.follow(os.getpid(), group)
    return watch


def fill(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def lines(path: Path) -> list[str]:
    events = [logfile.decode(line) for line in path.read_bytes().splitlines(keepends=True)]
    assert [event[0] for event in events if event] == sorted(event[0] for event in events if event)
    return [event[1] for event in events if event]


def test_what_a_workload_writes_counts_and_what_it_was_given_does_not(work: Workload, tmp_path: Path) -> None:
    work = replace(work, disk_bytes=3 * MIB)
    fill(work.ml / "input" / "data" / "train" / "big", 8 * MIB)
    fill(work.ml / "model" / "deep" / "a", MIB)
    os.link(work.ml / "model" / "deep" / "a", work.ml / "model" / "another name")
    os.symlink(tmp_path, work.ml / "elsewhere")
    assert watched(work).look() is None
    fill(work.folder / "tmp" / "b", 3 * MIB)
    breach = watched(work).look()
    assert breach is not None
    assert breach.reason == "too much disk"
    assert "its volume of 3.0 MiB" in breach.detail
    assert "VolumeSizeInGB" in breach.detail


def test_many_files_are_counted_a_part_at_a_look(work: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "STRIDE", 10)
    for number in range(100):
        fill(work.ml / "model" / str(number), 4096)
    looking = watched(replace(work, disk_bytes=200 * 1024))
    looks = 0
    while looking.look() is None:
        looks += 1
    assert 3 < looks < 12


def disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """A disk of 100 GiB with so much free."""
    there = SimpleNamespace(f_bavail=free, f_blocks=100 * GIB, f_frsize=1)
    monkeypatch.setattr(watch.os, "statvfs", lambda _: there)


def test_who_holds_much_of_a_full_disk_is_ended_and_who_holds_little_is_not(
    work: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, RESERVE - MIB)
    fill(work.ml / "model" / "small", MIB)
    assert watched(work).look() is None
    fill(work.ml / "model" / "large", 17 * MIB)
    breach = watched(work).look()
    assert breach is not None
    assert "the server's disk is nearly full, 511.0 MiB are free, and the program holds 18.0 MiB" in breach.detail
    disk(monkeypatch, RESERVE + 2 * MIB)
    assert watched(work).look() is None


def test_the_larger_ones_go_first() -> None:
    assert not starved(free=GIB, total=100 * GIB, held=GIB)
    assert starved(free=GIB, total=100 * GIB, held=20 * GIB)
    assert not starved(free=2 * GIB, total=100 * GIB, held=90 * GIB)
    assert not starved(free=100 * MIB, total=GIB, held=0)
    assert starved(free=60 * MIB, total=GIB, held=0)


def test_a_folder_that_is_gone_is_nobodys_breach(work: Workload) -> None:
    assert watched(replace(work, folder=work.folder / "gone")).look() is None


def test_processes_are_counted_where_no_group_bounds_them(work: Workload) -> None:
    assert watched(replace(work, processes=10**6)).look() is None
    breach = watched(replace(work, processes=-1)).look()
    assert breach is not None
    assert breach.reason == "too many processes"
    assert "job_processes" in breach.detail


def test_a_burst_is_kept_and_a_flood_is_not(work: Workload) -> None:
    output = Output(work.log, 4 * MIB)
    chunk = b"a line\n" * 8000
    for _ in range(3):
        output.take(chunk)
    assert output.dropped == 0
    while not output.flooded:
        output.take(chunk)
    output.take(b"the last words\n")
    output.close()
    told = lines(work.log)
    assert work.log.stat().st_size < 2 * MIB
    assert told[-1] == "the last words"
    assert any(line.startswith("Potager dropped ") for line in told)
    dropped = sum(int(line.split()[2]) for line in told if line.startswith("Potager dropped "))
    assert dropped > 4 * MIB // 40


def test_what_the_platform_says_comes_after_what_the_program_said(work: Workload) -> None:
    output = Output(work.log, MIB)
    while not output.dropped:
        output.take(b"x" * 60000 + b"\n")
    output.take(b"torn")
    output.say("Potager: it was ended")
    output.close()
    assert lines(work.log)[-2:] == ["torn", "Potager: it was ended"]


def test_no_more_of_what_was_dropped_is_remembered_than_that(work: Workload) -> None:
    output = Output(work.log, MIB)
    for _ in range(100):
        output.take(b"y" * 1000 + b"\n" + b"z" * 50000 + b"\n")
    output.close()
    assert work.log.stat().st_size < 2**18 + 2 * TAIL + MIB


def test_only_a_job_is_ended_for_its_log(work: Workload) -> None:
    for kind, ended in (("job", True), ("server", False)):
        bound = replace(work, kind=kind, log_bytes=4096)
        output = Output(work.log, bound.log_bytes)
        output.take(b"x\n" * 300000)
        looking = Watch(bound, output)
        output.close()
        assert (looking.look() is not None) == ended


@pytest.mark.parametrize(("kind", "rests"), [("server", [0.5, 1, 2, 4, 8, 8, 0.5, 1]), ("job", [0.5] * 8)])
def test_a_model_that_is_idle_is_looked_at_less_and_less_often(
    work: Workload, monkeypatch: pytest.MonkeyPatch, kind: Any, rests: list[float]
) -> None:
    ticks = iter([7, 7, 7, 7, 7, 7, 8, 8])
    monkeypatch.setattr(limits, "worked", lambda pid: next(ticks))
    watch = watched(replace(work, kind=kind))
    assert [watch.rest() for _ in rests] == rests


@pytest.mark.skipif(not syscalls.LINUX, reason="reads what Linux's kernel counts")
def test_what_processes_compute_is_counted() -> None:
    spin = "while sum(__import__('os').times()[:2]) < 0.1: pass"
    with subprocess.Popen([sys.executable, "-c", f"{spin}\nprint(flush=True)\ninput()"], **PIPES) as child:
        assert child.stdout
        child.stdout.readline()
        before = limits.worked(os.getpid())
        child.communicate(b"\n")
    assert before >= 0.1 * os.sysconf("SC_CLK_TCK") - 1
