"""What survives whose death."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import records
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Absent, Exited, Running, Workload

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


FORSAKEN = """
import sys
from pathlib import Path
import tests.unit.compute.programs
from potager.compute.process import isolation, shim
shim.FORSAKEN = 0.05
shim.mind(Path(sys.argv[1]), isolation.probe(), lambda error: None)
"""

SERVER = """
import asyncio, sys
from pathlib import Path
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Workload

async def main():
    work = Workload.loads(sys.argv[1])
    executor = ProcessExecutor()
    await executor.start(work)
    print(executor.parent_pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def test_a_job_lives_on_when_its_server_is_killed(bench: Any, gone: Any) -> None:
    work = bench.make("save_on_term")
    pipe = work.ml / "output" / "started"
    os.mkfifo(pipe)
    heard = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-c", SERVER, work.dumps()]
    server = subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    zygote = os.pidfd_open(int(await asyncio.to_thread(server.stdout.readline)))
    await gone([heard])
    server.send_signal(signal.SIGKILL)
    server.wait()
    await gone([zygote])
    assert isinstance(bench.executor.observe(work.folder), Running)
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "stopped")
    assert (work.ml / "model" / "saved").exists()


async def test_a_dead_parent_of_workers_is_replaced_and_its_jobs_go_on(bench: Any, gone: Any) -> None:
    work = bench.make("hang")
    await bench.begin(work)
    old = bench.executor.parent_pid
    handle = os.pidfd_open(old)
    os.kill(old, signal.SIGKILL)
    await gone([handle])
    assert isinstance(bench.executor.observe(work.folder), Running)
    other, end = await bench.run("greet")
    assert (end.code, bench.lines(other)) == (0, ["hello", "and on standard error"])
    assert bench.executor.parent_pid != old


async def test_starting_survives_the_parents_death_in_between(bench: Any) -> None:
    for _ in range(5):
        work = bench.make("count")
        starting = asyncio.create_task(bench.executor.start(work))
        await asyncio.sleep(0)
        if bench.executor.parent_pid is not None:
            os.kill(bench.executor.parent_pid, signal.SIGKILL)
        await starting
        await bench.finish(work)
        assert (work.ml / "output" / "runs").read_text() == "x"


@pytest.mark.parametrize("program", ["hang", "spawn_and_hang"])
async def test_a_killed_shim_takes_everything_along_and_the_job_counts_as_lost(
    bench: Any, gone: Any, program: str
) -> None:
    work = bench.make(program)
    handles = await bench.begin(work)
    os.kill(bench.executor.observe(work.folder).pid, signal.SIGKILL)
    end = await bench.finish(work)
    assert (end.code, end.signal, end.reason) == (None, None, "lost")
    await gone(handles)
    assert bench.executor.observe(work.folder) == end


async def test_a_killed_keeper_ends_the_job_as_killed(bench: Any, gone: Any) -> None:
    work = bench.make("spawn_and_hang")
    handles = await bench.begin(work)
    signal.pidfd_send_signal(handles[0], signal.SIGKILL)
    end = await bench.finish(work)
    assert (end.signal, end.reason) == (9, "killed")
    await gone(handles)


async def test_a_job_of_an_earlier_boot_is_lost(bench: Any) -> None:
    work = bench.make("greet")
    work.run.mkdir()
    shim = {"pid": os.getpid(), "start": records.started(os.getpid()), "boot": "another", "at": 1.0}
    records.write(work.run / "shim.json", shim)
    assert bench.executor.observe(work.folder).reason == "lost"


async def test_a_process_that_got_the_shims_number_is_not_the_shim(bench: Any) -> None:
    work = bench.make("greet")
    work.run.mkdir()
    shim = {"pid": os.getpid(), "start": 1, "boot": records.boot(), "at": 1.0}
    records.write(work.run / "shim.json", shim)
    bench.executor.stop(work.folder)
    assert bench.executor.observe(work.folder).reason == "lost"


async def test_where_start_times_are_unknown_the_lock_tells(bench: Any) -> None:
    work = bench.make("greet")
    work.run.mkdir()
    records.write(work.run / "shim.json", {"pid": os.getpid(), "start": 0, "boot": "", "at": 1.0})
    held = records.lock(work.run)
    assert held is not None
    assert isinstance(bench.executor.observe(work.folder), Running)
    os.close(held)
    assert bench.executor.observe(work.folder).reason == "lost"


async def test_a_lost_job_is_not_run_again(bench: Any) -> None:
    work = bench.make("count")
    work.run.mkdir()
    records.write(work.run / "shim.json", {"pid": 1, "start": 1, "boot": "another", "at": 1.0})
    assert (await bench.finish(work)).reason == "lost"
    assert not (work.ml / "output" / "runs").exists()


async def test_a_job_prepared_and_never_claimed_is_absent(bench: Any) -> None:
    work = bench.make("count")
    work.run.mkdir()
    (work.run / "workload.json").write_text(work.dumps())
    assert bench.executor.observe(work.folder) == Absent()
    assert (await bench.finish(work)).code == 0


async def test_the_first_record_of_an_end_stays(tmp_path: Path) -> None:
    first, second = Exited(0, None, "exited", 1.0), Exited(None, None, "lost", 2.0)
    records.record(tmp_path, first)
    records.record(tmp_path, second)
    assert records.exited(tmp_path) == first


async def test_a_log_that_cannot_be_written_ends_the_job_as_lost(bench: Any) -> None:
    work = bench.make("greet")
    work.log.mkdir(parents=True)
    assert (await bench.finish(work)).reason == "lost"


def test_a_job_whose_folder_is_removed_ends(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "a"
    for path in (folder / "run", folder / "ml" / "output"):
        path.mkdir(parents=True)
    os.mkfifo(folder / "ml" / "output" / "started")
    work = Workload("a", folder, "tests.unit.compute.programs:hang", tmp_path / "log")
    (folder / "run" / "workload.json").write_text(work.dumps())
    shim = subprocess.Popen([sys.executable, "-c", FORSAKEN, str(folder)], cwd=ROOT)
    (folder / "ml" / "output" / "started").read_text()
    shutil.rmtree(folder)
    assert shim.wait(20) == 0


async def test_closing_the_executor_ends_its_parent_and_no_job(bench: Any, gone: Any) -> None:
    work = bench.make("hang")
    await bench.begin(work)
    handle = os.pidfd_open(bench.executor.parent_pid)
    await bench.executor.close()
    await gone([handle])
    assert isinstance(ProcessExecutor().observe(work.folder), Running)
