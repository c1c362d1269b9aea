from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from potager.compute import budget
from potager.compute.budget import GIB, MIB
from potager.kernel.settings import Settings


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of control groups; this process is in `a/b` of it."""
    monkeypatch.setattr(budget, "_CGROUP", tmp_path)
    monkeypatch.setattr(budget, "_OWN", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/a/b\n2:cpu,cpuacct:/a/b\n0::/a/b\n")
    for folder in ("a/b", "memory/a/b", "cpu/a/b"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_memory_is_the_machines_without_a_limit(container: Path) -> None:
    put(container / "a" / "b" / "memory.max", "max\n")
    assert budget.memory() == budget.installed()


@pytest.mark.parametrize("file", ["a/b/memory.max", "a/memory.max", "memory/a/memory.limit_in_bytes"])
def test_memory_is_what_the_container_leaves_of_it(container: Path, file: str) -> None:
    put(container / file, f"{512 * MIB}\n")
    assert budget.memory() == 512 * MIB


def test_cores_are_what_the_containers_quota_leaves_and_one_at_least(container: Path) -> None:
    assert budget.quota() is None
    put(container / "a" / "cpu.max", "50000 100000\n")
    assert budget.quota() == 0.5
    assert budget.cores() == 1


def test_a_quota_of_the_first_version_counts(container: Path) -> None:
    put(container / "cpu" / "a" / "b" / "cpu.cfs_period_us", "100000\n")
    put(container / "cpu" / "a" / "b" / "cpu.cfs_quota_us", "-1\n")
    assert budget.quota() is None


def test_the_server_and_the_system_keep_a_reserve() -> None:
    assert budget.reserve(8 * GIB) == GIB
    assert budget.reserve(2 * GIB) == GIB // 2
    assert budget.reserve(GIB // 2) == GIB // 4


def test_the_operator_says_how_much_and_memory_is_never_more_than_there_is() -> None:
    plain = Settings()
    told = dataclasses.replace(plain, cpus=64, memory=2**60, gpus=3, endpoint_memory=GIB, job_processes=99)
    found = budget.of(told)
    assert (found.cpus, found.memory, found.gpus) == (64, budget.memory(), 3)
    assert (found.server_memory, found.processes) == (GIB, 99)
    assert budget.of(dataclasses.replace(plain, memory=GIB)).memory == GIB
    assert budget.of(plain).memory < budget.memory()


@pytest.mark.parametrize(
    ("cpus", "memory", "gpus", "said"),
    [(1, GIB, 0, "1 vCPU and 1.0 GiB"), (4, 300 * MIB, 1, "4 vCPUs, 1 GPU and 300 MiB")],
)
def test_amounts_are_told_in_words(cpus: int, memory: int, gpus: int, said: str) -> None:
    assert budget.amount(cpus, memory, gpus) == said
