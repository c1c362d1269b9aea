"""What instances are seen to use."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import limits
from potager.compute.usage import Sampler, Subject
from potager.compute.workload import Usage
from potager.kernel.names import Scope
from tests.unit.compute.conftest import Bench

HERE = Scope("000000000000", "us-east-1")
MIB = 2**20


class Told:
    """An executor that says of each folder what it was told to."""

    def __init__(self) -> None:
        self.says: dict[Path, Usage] = {}

    def usage(self, folder: Path) -> Usage | None:
        return self.says.get(folder)


def subject(*names: str) -> Subject:
    return Subject(HERE, "/aws/sagemaker/Endpoints", {"EndpointName": "e"}, tuple(map(Path, names)))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def sampler(told: Told, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[float, float | None]]]:
    found: Any = Sampler(told)  # type: ignore[arg-type]

    def look(now: float, *subjects: Subject) -> list[tuple[float, float | None]]:
        monkeypatch.setattr(time, "time", lambda: now)
        return [(load.cpu, load.memory) for _, load in found.look(subjects)]

    return look


def test_cpu_is_of_the_time_since_the_last_look_or_since_the_start(told: Told, sampler: Any) -> None:
    told.says[Path("a")] = Usage(30.0, 50, 200, since=1000.0)
    assert sampler(1060.0, subject("a")) == [(50.0, 25.0)]
    told.says[Path("a")] = Usage(150.0, 100, 200, since=1000.0)
    assert sampler(1120.0, subject("a")) == [(200.0, 50.0)]


def test_the_containers_of_an_instance_count_together(told: Told, sampler: Any) -> None:
    told.says = {Path("a"): Usage(60.0, 30, 100, 0.0), Path("b"): Usage(30.0, 30, 100, 0.0)}
    assert sampler(60.0, subject("a", "b")) == [(150.0, 30.0)]


def test_what_does_not_run_has_no_usage_and_what_has_no_bound_no_share(told: Told, sampler: Any) -> None:
    told.says[Path("a")] = Usage(0.0, 30, None, 0.0)
    assert sampler(60.0, subject("a"), subject("gone")) == [(0.0, None)]


def test_a_workload_that_took_an_old_ones_folder_begins_anew(told: Told, sampler: Any) -> None:
    told.says[Path("a")] = Usage(1000.0, 1, None, since=0.0)
    sampler(2000.0, subject("a"))
    told.says[Path("a")] = Usage(10.0, 1, None, since=2010.0)
    assert sampler(2060.0, subject("a")) == [(20.0, None)]


@pytest.mark.parametrize("isolate", [True, False])
async def test_a_busy_workload_is_seen_to_be(bench: Bench) -> None:
    work = bench.make("burn", memory_bytes=1024 * MIB)
    handles = await bench.begin(work)
    used = bench.executor.usage(work.folder)
    assert used is not None
    assert used.bound == 1024 * MIB
    assert 64 * MIB < used.memory < 1024 * MIB
    assert used.cpu >= 0.2
    bench.executor.stop(work.folder, grace=0)
    await bench.executor.wait(work.folder)
    assert bench.executor.usage(work.folder) is None
    assert handles


def test_a_control_group_does_not_count_cache_that_can_go(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 600\ninactive_file 300\n")
    assert limits.occupied(tmp_path) == 700
    old = tmp_path / "old"
    old.mkdir()
    (old / "memory.usage_in_bytes").write_text("1000\n")
    (old / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 400\n")
    assert limits.occupied(old) == 600
    assert limits.occupied(tmp_path / "gone") == 0
