from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import potager
from potager.cli import workloads
from potager.compute.process import records
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Absent, Exited, Running, Workload

PROGRAMS = "tests.unit.compute.programs"


def work(data: Path, name: str, program: str) -> Workload:
    made = Workload(name, data / "jobs" / name, f"{PROGRAMS}:{program}", data / "logs" / name, hidden=[data])
    (made.ml / "output").mkdir(parents=True)
    return made


@pytest.mark.parametrize("program", ["hang", "hang_stubbornly"])
async def test_what_still_runs_is_ended_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    executor = ProcessExecutor()
    running, ended = work(tmp_path, "running", program), work(tmp_path, "ended", "greet")
    for each in (running, ended):
        await executor.start(each)
    await executor.wait(ended.folder)
    await executor.close()
    await asyncio.to_thread(workloads.end, tmp_path)
    seen = executor.observe(running.folder)
    assert isinstance(seen, Exited)
    assert seen.reason == "stopped"
    left = executor.observe(ended.folder)
    assert isinstance(left, Exited)
    assert left.code == 0


async def test_a_private_server_takes_its_jobs_with_it(stub: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    executor = ProcessExecutor()
    p = await asyncio.to_thread(potager.local)
    running = work(p.data, "running", "hang")
    await executor.start(running)
    seen = executor.observe(running.folder)
    assert isinstance(seen, Running)
    await executor.close()
    await asyncio.to_thread(p.stop)
    assert records.started(seen.pid) == 0
    assert not p.data.exists()


async def test_what_has_not_started_never_will(tmp_path: Path) -> None:
    waiting = work(tmp_path, "waiting", "greet")
    waiting.run.mkdir()
    workloads.end(tmp_path)
    assert isinstance(ProcessExecutor().observe(waiting.folder), Absent | Exited)
    assert (waiting.run / "stop.json").exists()


def test_a_folder_without_jobs_is_left_as_it_is(tmp_path: Path) -> None:
    workloads.end(tmp_path)
    assert list(tmp_path.iterdir()) == []
