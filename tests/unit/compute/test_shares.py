from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from potager.compute.allotment import Ask, Share
from potager.compute.budget import GIB, Budget
from potager.compute.shares import PASSES, Shares, Waiting
from potager.compute.workload import Workload
from potager.kernel.errors import LimitReached

BUDGET = Budget(cpus=4, memory=32 * GIB, gpus=1)


class Bench:
    """Shares of a small machine, and who was woken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.woken: list[str] = []
        self.shares = self.make()

    def make(self) -> Shares:
        return Shares(BUDGET, self.folder / "shares")

    def opened(self) -> Shares:
        (self.folder / "jobs").mkdir(exist_ok=True)
        self.shares.open(self.folder / "jobs")
        return self.shares

    def ask(self, key: str, kind: str = "ml.m5.xlarge", *, since: float = 0.0, use: str = "job") -> Share | Waiting:
        wanted = Ask(key, f"training job {key}", (kind,), since, "server" if use == "server" else "job")
        return self.shares.ask(wanted, lambda: self.woken.append(key))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_who_asks_again_has_the_same_share(bench: Bench) -> None:
    bench.opened()
    assert isinstance(first := bench.ask("a"), Share)
    assert bench.ask("a") is first
    assert bench.woken == []


def test_who_waits_is_told_for_what_and_woken_when_it_is_granted(bench: Bench) -> None:
    bench.opened()
    bench.ask("a")
    found = bench.ask("b")
    assert isinstance(found, Waiting)
    assert "Waiting for 4 vCPUs" in found.reason
    assert "training job a" in found.reason
    assert bench.woken == []
    bench.shares.release("a")
    assert bench.woken == ["b"]
    assert isinstance(bench.ask("b"), Share)


def test_turns_go_by_when_it_was_wanted(bench: Bench) -> None:
    bench.opened()
    bench.ask("a")
    for key, since in (("late", 3.0), ("early", 1.0), ("middle", 2.0)):
        bench.ask(key, since=since)
    for key in ("a", "early", "middle"):
        bench.shares.release(key)
    assert bench.woken == ["early", "middle", "late"]


def test_one_that_stops_waiting_is_passed_over(bench: Bench) -> None:
    bench.opened()
    bench.ask("a")
    bench.ask("b", since=1.0)
    bench.ask("c", since=2.0)
    bench.shares.release("b")
    bench.shares.release("a")
    assert bench.woken == ["c"]


def test_small_ones_go_before_a_big_one_and_not_for_ever(bench: Bench) -> None:
    bench.opened()
    bench.ask("first", "ml.t3.medium")
    assert isinstance(bench.ask("big", "ml.m5.4xlarge", since=1.0), Waiting)
    passed = 0
    while isinstance(bench.ask(f"small-{passed}", "ml.t3.medium", since=2.0 + passed), Share):
        bench.shares.release(f"small-{passed}")
        passed += 1
    assert passed == PASSES
    bench.shares.release("first")
    assert bench.woken == ["big"]
    bench.shares.release("big")
    assert bench.woken == ["big", f"small-{passed}"]


def test_an_endpoint_does_not_queue_behind_jobs(bench: Bench) -> None:
    bench.opened()
    bench.ask("a")
    for number in range(2 * PASSES):
        bench.ask(f"b-{number}", since=1.0)
    assert isinstance(bench.ask("ep", since=2.0, use="server"), Share)


def test_what_could_only_wait_for_ever_is_refused_and_holds_nobody_up(bench: Bench) -> None:
    bench.opened()
    many = Ask("many", "training job many", ("ml.m5.large",) * 200, 0.0)
    with pytest.raises(LimitReached, match="InsufficientInstanceCapacity"):
        bench.shares.ask(many, lambda: None)
    assert isinstance(bench.ask("a", since=1.0), Share)


def test_one_that_endpoints_left_too_little_for_meanwhile_is_woken_and_refused(bench: Bench) -> None:
    bench.opened()
    bench.ask("a")
    many = Ask("many", "training job many", ("ml.m5.large",) * 90, 0.0)
    assert isinstance(bench.shares.ask(many, lambda: bench.woken.append("many")), Waiting)
    for number in range(4):
        bench.ask(f"ep-{number}", "ml.m5.4xlarge", use="server")
    bench.shares.release("a")
    assert bench.woken == ["many"]
    with pytest.raises(LimitReached):
        bench.shares.ask(many, lambda: None)


def test_nobody_is_let_in_before_what_still_runs_is_taken_up(bench: Bench) -> None:
    bench.opened()
    held = bench.ask("running")
    bench.ask("ended", "ml.t3.medium", since=1.0)
    (bench.folder / "jobs" / "running").mkdir()
    bench.shares.close()
    bench.shares = bench.make()
    assert isinstance(bench.ask("new"), Waiting)
    assert isinstance(bench.ask("running"), Waiting)
    bench.shares.open(bench.folder / "jobs")
    assert isinstance(bench.ask("new"), Waiting)
    assert bench.ask("running") == held
    assert bench.woken == ["running"]
    bench.shares.release("running")
    assert bench.woken == ["running", "new"]
    bench.shares.close()
    assert [path.stem for path in (bench.folder / "shares").iterdir()] == ["new"]


def test_a_note_that_is_torn_is_none(bench: Bench) -> None:
    (bench.folder / "jobs" / "torn").mkdir(parents=True)
    (bench.folder / "shares").mkdir()
    (bench.folder / "shares" / "torn.json").write_text('{"ask": {')
    bench.opened()
    assert isinstance(bench.ask("a"), Share)


async def test_a_task_waits_for_its_share_and_gives_it_back(bench: Bench) -> None:
    shares = bench.opened()
    order: list[str] = []

    async def work(key: str) -> None:
        share = await shares.granted(Ask(key, key, ("ml.m5.xlarge",), 0.0))
        order.append(f"{key} {share.cpus}")
        await asyncio.sleep(0)
        shares.release(key)

    await asyncio.gather(*(work(key) for key in "abc"))
    assert order == ["a 4", "b 4", "c 4"]
    assert isinstance(bench.ask("d"), Share)


async def test_a_task_that_is_broken_off_leaves_the_queue(bench: Bench) -> None:
    shares = bench.opened()
    bench.ask("a")
    task = asyncio.create_task(shares.granted(Ask("b", "b", ("ml.m5.xlarge",), 0.0)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.ask("c", since=1.0)
    shares.release("a")
    assert bench.woken == ["c"]


async def test_what_is_granted_is_written_down_before_it_is_used(bench: Bench) -> None:
    shares = bench.opened()
    assert isinstance(bench.ask("a", "ml.m5.large"), Share)
    await shares.rested()
    assert (bench.folder / "shares" / "a.json").exists()
    await shares.granted(Ask("b", "b", ("ml.m5.large",), 0.0))
    assert (bench.folder / "shares" / "b.json").exists()


def test_a_workload_is_bound_to_what_its_host_was_granted(bench: Bench) -> None:
    bench.opened()
    share = bench.ask("a", "ml.g4dn.8xlarge")
    assert isinstance(share, Share)
    work = bench.shares.bound(share, Workload("a", Path("a"), "m:f", Path("log"), preface=("hello",)))
    assert (work.cpus, work.memory_bytes, work.gpus) == (4, 28 * GIB, (0,))
    assert (work.processes, work.log_bytes) == (4096, GIB)
    assert work.preface[0].startswith(
        "Instance: ml.g4dn.8xlarge was asked for, which has 32 vCPUs, 1 GPU and 128.0 GiB"
    )
    assert work.preface[1:] == ("hello",)


def test_the_fewest_shares_that_have_to_end_for_another_are_named(bench: Bench) -> None:
    shares = bench.opened()
    for key in ("a", "b"):
        bench.ask(key, "ml.m5.large")
    small = Ask("c", "training job c", ("ml.m5.large",), 1.0)
    large = Ask("d", "training job d", ("ml.m5.xlarge",), 1.0)
    assert shares.yielding(small, ["b", "a"]) == ["b"]
    assert shares.yielding(large, ["b", "a"]) == ["b", "a"]
    assert shares.yielding(large, ["b"]) == []
    assert shares.yielding(large, ["unknown"]) == []
