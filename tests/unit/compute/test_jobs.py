from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from potager.compute import leftovers
from potager.compute.process import limits
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Absent, Exited, Running, Workload
from potager.kernel import logfile
from potager.kernel.errors import NotFound


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


async def test_a_job_runs_to_its_end_and_leaves_what_it_made(bench: Any) -> None:
    work, end = await bench.run("greet")
    assert (end.code, end.signal, end.reason) == (0, None, "exited")
    assert (work.ml / "model" / "made").read_text() == "by the job"


async def test_the_end_tells_when_and_how_much(bench: Any) -> None:
    _, end = await bench.run("greet")
    assert end.started is not None
    assert end.started <= end.at
    assert end.peak_memory is not None
    assert end.peak_memory > 2**20
    assert end.cpu_seconds is not None
    assert end.cpu_seconds >= 0


async def test_both_streams_reach_the_log(bench: Any) -> None:
    work, _ = await bench.run("greet")
    assert sorted(bench.lines(work)) == ["and on standard error", "hello"]


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_an_exit_code_is_kept(bench: Any, code: int) -> None:
    _, end = await bench.run("leave", environment={"CODE": str(code)})
    assert (end.code, end.reason) == (code, "exited")


async def test_an_exception_is_a_traceback_in_the_log_and_code_1(bench: Any) -> None:
    work, end = await bench.run("fail")
    assert (end.code, end.reason) == (1, "exited")
    assert bench.lines(work)[-1] == "ValueError: no such column"


async def test_an_entry_that_does_not_exist_fails_in_the_log(bench: Any) -> None:
    work, end = await bench.run("absent")
    assert end.code == 1
    assert "has no attribute 'absent'" in bench.lines(work)[-1]


async def test_a_signal_from_elsewhere_is_told_apart(bench: Any) -> None:
    _, end = await bench.run("perish")
    assert (end.code, end.signal, end.reason) == (None, 9, "killed")


async def test_a_workload_never_started_is_absent(executor: ProcessExecutor, tmp_path: Path) -> None:
    assert executor.observe(tmp_path / "nothing") == Absent()
    with pytest.raises(NotFound, match="never started"):
        await executor.wait(tmp_path / "nothing")


async def test_starting_twice_runs_once(bench: Any, isolate: bool) -> None:
    work = bench.make("count")
    other = ProcessExecutor(isolate=isolate)
    await asyncio.gather(*(one.start(work) for one in (bench.executor, other) for _ in range(5)))
    await bench.finish(work)
    await bench.executor.start(work)
    await other.close()
    assert (work.ml / "output" / "runs").read_text() == "x"


async def test_many_run_beside_each_other(bench: Any) -> None:
    ends = await asyncio.gather(*(bench.run("greet") for _ in range(20)))
    assert [end.code for _, end in ends] == [0] * 20


async def test_stop_ends_a_job_by_sigterm(bench: Any) -> None:
    work = bench.make("hang")
    await bench.begin(work)
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.code, end.signal, end.reason) == (None, 15, "stopped")


async def test_a_stopped_job_may_save_its_work(bench: Any) -> None:
    work = bench.make("save_on_term")
    await bench.begin(work)
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "stopped")
    assert (work.ml / "model" / "saved").read_text() == "checkpoint"


async def test_a_job_deaf_to_sigterm_is_killed_after_its_grace(bench: Any) -> None:
    work = bench.make("hang_stubbornly", grace=0.1)
    await bench.begin(work)
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.signal, end.reason) == (9, "stopped")


async def test_a_second_stop_may_shorten_the_grace(bench: Any) -> None:
    work = bench.make("hang_stubbornly", grace=1000)
    await bench.begin(work)
    bench.executor.stop(work.folder)
    bench.executor.stop(work.folder, grace=0)
    assert (await bench.finish(work)).signal == 9


async def test_a_job_stopped_before_its_start_never_runs(bench: Any) -> None:
    work = bench.make("count")
    bench.executor.stop(work.folder)
    end = await bench.finish(work)
    assert (end.code, end.signal, end.reason) == (None, None, "stopped")
    assert not (work.ml / "output" / "runs").exists()


async def test_stopping_what_has_ended_changes_nothing(bench: Any) -> None:
    work, end = await bench.run("greet")
    bench.executor.stop(work.folder)
    assert bench.executor.observe(work.folder) == end


async def test_the_time_limit_ends_a_job(bench: Any) -> None:
    _, end = await bench.run("hang_in_silence", time_limit=0.1, grace=0.1)
    assert end.reason == "time limit"
    assert end.signal in (9, 15)  # on a busy machine the limit comes before the program makes itself deaf


async def test_nothing_that_a_job_started_outlives_its_stop(bench: Any, gone: Any) -> None:
    work = bench.make("spawn_and_hang")
    handles = await bench.begin(work)
    bench.executor.stop(work.folder, grace=0.1)
    await bench.finish(work)
    await gone(handles)


async def test_nothing_that_a_job_started_outlives_its_end(bench: Any, gone: Any) -> None:
    work = bench.make("spawn_and_leave")
    os.mkfifo(work.ml / "output" / "go")
    handles = await bench.begin(work)
    await asyncio.to_thread((work.ml / "output" / "go").write_text, "go")
    assert (await bench.finish(work)).code == 0
    await gone(handles)


async def test_a_job_sees_only_the_environment_that_it_is_given(bench: Any, isolate: bool, monkeypatch: Any) -> None:
    monkeypatch.setenv("POTAGER_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    await bench.executor.close()
    bench.executor = ProcessExecutor(isolate=isolate)
    seen = await bench.found("describe", environment={"SM_HP_EPOCHS": "3"})
    await bench.executor.close()
    assert seen["environment"]["SM_HP_EPOCHS"] == "3"
    assert "s3cret" not in str(seen)


async def test_a_job_starts_with_nothing_open_but_its_streams(bench: Any) -> None:
    seen = await bench.found("describe")
    names = [name for name in seen["descriptors"] if not name.startswith("pipe:")]
    assert [name for name in names if not name.startswith("/proc/")] == ["/dev/null"]
    assert seen["blocked"] == []
    assert seen["threads"] == 1


async def test_a_job_may_have_fewer_threads(bench: Any) -> None:
    seen = await bench.found("describe", cpus=1)
    assert seen["environment"]["OMP_NUM_THREADS"] == "1"


async def test_threads_of_a_job_sleep_while_they_wait_unless_it_says_otherwise(bench: Any) -> None:
    told = (await bench.found("describe"))["environment"]
    assert (told["OMP_WAIT_POLICY"], told["OPENBLAS_THREAD_TIMEOUT"]) == ("passive", "16")
    seen = await bench.found("describe", environment={"OMP_WAIT_POLICY": "active"})
    assert seen["environment"]["OMP_WAIT_POLICY"] == "active"


async def test_blas_gets_its_threads_back_in_a_job(bench: Any) -> None:
    if limits.threads(None) < 2 or not os.path.isdir("/proc/self/task"):
        pytest.skip("one CPU, or nowhere to count threads")
    assert (await bench.found("draw", cpus=1))["threads"] == 1
    assert (await bench.found("draw", cpus=2))["threads"] == 2


async def test_two_jobs_draw_different_random_numbers(bench: Any) -> None:
    first, second = [await bench.found("draw") for _ in range(2)]
    assert first["drawn"] != second["drawn"]


async def test_bytes_that_are_not_text_reach_the_log(bench: Any) -> None:
    work = bench.make("say")
    (work.ml / "input" / "said").write_bytes(b"caf\xc3\xa9\n\xff\xfe\x00\nback\\slash\r\n\nlast without its end")
    await bench.finish(work)
    assert bench.lines(work) == ["café", "\ufffd\ufffd\0", "back\\slash", "", "last without its end"]


async def test_a_line_of_a_megabyte_is_cut_and_nothing_lost(bench: Any) -> None:
    work = bench.make("say")
    (work.ml / "input" / "said").write_bytes(b"x" * 2**20 + b"\nnext\n")
    await bench.finish(work)
    *pieces, last = bench.lines(work)
    assert last == "next"
    assert "".join(pieces) == "x" * 2**20
    assert max(map(len, pieces)) <= logfile.MAX_MESSAGE


async def test_memory_past_the_limit_ends_a_job(bench: Any) -> None:
    _, end = await bench.run("eat", memory_bytes=200 * 2**20)
    assert end.reason == "out of memory"


async def test_no_control_group_stays_behind(bench: Any) -> None:
    work, _ = await bench.run("greet", memory_bytes=2**30)
    note = (work.run / "shim.json").read_text()
    parent = limits.Group.make("probe", 2**20)
    if parent is None:
        pytest.skip("no control group can be made here")
    parent.remove()
    assert "group" in note
    assert not list(parent.path.parent.glob(limits.PREFIX + work.id))


async def test_the_temporary_folder_goes_with_the_job(bench: Any) -> None:
    work, _ = await bench.run("greet")
    assert not (work.folder / "tmp").exists()


async def test_a_workload_reads_back_as_it_was_written(tmp_path: Path) -> None:
    work = Workload("a", tmp_path, "m:f", tmp_path / "log", hidden=(tmp_path,), environment={"A": "b"}, cpus=2)
    assert Workload.loads(work.dumps()) == work


async def test_the_parent_of_workers_has_one_thread(executor: ProcessExecutor) -> None:
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("nowhere to count threads")
    await executor.isolation()
    assert len(os.listdir(f"/proc/{executor.parent_pid}/task")) == 1


def test_watching_workloads_imports_no_numeric_library() -> None:
    text = "import sys, potager.compute.process.executor; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


async def test_a_running_job_shows_its_shim(bench: Any) -> None:
    work = bench.make("hang")
    await bench.begin(work)
    seen = bench.executor.observe(work.folder)
    assert isinstance(seen, Running)
    bench.executor.stop(work.folder)
    assert isinstance(await bench.finish(work), Exited)


async def test_a_folder_of_the_hosts_is_found_below_opt_ml_and_outlives_the_workload(bench: Any) -> None:
    kept = bench.data / "kept"
    kept.mkdir(parents=True)
    (kept / "old").write_text("old")
    work = bench.make("none", argv=("/bin/sh", "-c", "cat work/old >work/new && rm work/old"), bound={"work": kept})
    assert (await bench.finish(work)).code == 0, bench.lines(work)
    await leftovers.remove(bench.executor, work.folder)
    assert [(path.name, path.read_text()) for path in kept.iterdir()] == [("new", "old")]
