"""Workloads seen as one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from potager.compute import gang, leftovers
from potager.compute.gang import Gang, together
from potager.compute.workload import Absent, Exited, Running, Workload
from tests.unit.compute.conftest import DEADLINE, readable

ROOT = Path(__file__).parents[3]
HOSTS = ("algo-1", "algo-2")


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


def exited(reason: Any = "exited", code: int | None = 0, at: float = 1.0) -> Exited:
    return Exited(code, None, reason, at)


def test_it_is_absent_until_all_were_started_and_runs_until_all_have_ended() -> None:
    assert together([Absent(), Absent()]) == Absent()
    assert together([Running(1), Absent()]) == Absent()
    assert together([exited(), Running(2)]) == Running(2)
    assert together([exited(), exited()]) == exited()


@pytest.mark.parametrize(
    ("ends", "decisive"),
    [
        ([exited(at=1), exited(code=3, at=2)], exited(code=3, at=2)),
        ([exited(code=1, at=2.1), exited("out of memory", None, at=2)], exited("out of memory", None, at=2.1)),
        ([exited("stopped", None, at=3), exited("killed", None, at=2)], exited("killed", None, at=3)),
        ([exited(code=1, at=1), exited("time limit", 0, at=2)], exited("time limit", 0, at=2)),
        ([exited(at=1), exited("stopped", 0, at=2)], exited("stopped", 0, at=2)),
    ],
)
def test_the_first_that_did_not_end_well_decides(ends: list[Exited], decisive: Exited) -> None:
    assert together(ends) == decisive


def test_usage_is_that_of_all() -> None:
    ends = [Exited(0, None, "exited", 5.0, 1.0, 100, 2.0), Exited(0, None, "exited", 4.0, 2.0, 300, 3.0)]
    assert together(ends) == Exited(0, None, "exited", 5.0, 1.0, 300, 5.0)


def test_hosts_are_listed_as_texts_are_sorted() -> None:
    assert gang.numbered(10)[:3] == ("algo-1", "algo-10", "algo-2")


class Pair:
    """Two workloads of a bench, and the gang that they are."""

    def __init__(self, bench: Any, *programs: str, **changes: Any) -> None:
        self.folder: Path = bench.data / "jobs" / f"gang-{os.getpid()}"
        self.gang = Gang(bench.executor, self.folder, HOSTS)
        self.works: list[Workload] = [
            bench.make(program, folder=self.gang.home(host), **changes)
            for host, program in zip(HOSTS, programs, strict=True)
        ]

    async def begin(self) -> None:
        """Starts both and waits until those that make it known are under way."""
        pipes = [work.ml / "output" / "started" for work in self.works if "greet" not in work.entry]
        for pipe in pipes:
            os.mkfifo(pipe)
        handles = [os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) for pipe in pipes]
        await self.gang.start(self.works)
        for handle in handles:
            await readable(handle)
            os.close(handle)

    async def end(self) -> Any:
        return await asyncio.wait_for(self.gang.wait(), DEADLINE)


async def test_all_are_started_and_all_end(bench: Any) -> None:
    pair = Pair(bench, "greet", "greet")
    assert not pair.gang.begun
    await pair.gang.start(pair.works)
    end = await pair.end()
    assert (end.code, end.reason) == (0, "exited")
    assert all((home / "ml" / "model" / "made").exists() for home in pair.gang.homes)


async def test_one_that_fails_has_the_others_ended(bench: Any) -> None:
    pair = Pair(bench, "hang", "leave", environment={"CODE": "3"})
    os.mkfifo(pair.works[0].ml / "output" / "started")
    handle = os.open(pair.works[0].ml / "output" / "started", os.O_RDONLY | os.O_NONBLOCK)
    await pair.gang.start(pair.works)
    end = await pair.end()
    os.close(handle)
    assert (end.code, end.reason) == (3, "exited")
    assert pair.gang.decisive() == "algo-2"
    first: Any = bench.executor.observe(pair.gang.home("algo-1"))
    assert first.reason == "stopped"


async def test_one_that_ends_well_leaves_the_others_alone(bench: Any) -> None:
    pair = Pair(bench, "greet", "save_on_term")
    await pair.begin()
    await asyncio.wait_for(bench.executor.wait(pair.gang.home("algo-1")), DEADLINE)
    assert isinstance(pair.gang.observe(), Running)
    pair.gang.stop()
    assert (await pair.end()).reason == "stopped"
    assert (pair.works[1].ml / "model" / "saved").exists()


async def test_one_started_alone_waits_for_the_others(bench: Any) -> None:
    pair = Pair(bench, "count", "count")
    work = pair.works[0]
    await bench.finish(work)
    assert pair.gang.begun
    assert pair.gang.observe() == Absent()
    await pair.gang.start(pair.works)
    await pair.end()
    assert [(home / "ml" / "output" / "runs").read_text() for home in pair.gang.homes] == ["x", "x"]


async def test_nothing_is_left_of_a_gang_that_is_removed(bench: Any) -> None:
    pair = Pair(bench, "hang", "hang")
    await pair.begin()
    await leftovers.clear(bench.executor, bench.data / "jobs", "gang-*", ())
    assert not pair.folder.exists()


@pytest.mark.parametrize("isolate", [True], ids=["namespaces"], indirect=True)
@pytest.mark.parametrize("network", [False, True], ids=["own", "host"])
async def test_hosts_know_their_names_and_share_a_network(bench: Any, network: bool) -> None:
    if (await bench.executor.isolation()).level != "namespaces":
        pytest.skip("no namespaces here")
    pair = Pair(bench, "meet", "meet", network=network)
    await pair.gang.start(pair.works)
    assert (await pair.end()).code == 0, [bench.lines(work) for work in pair.works]
    seen = [json.loads((home / "ml" / "output" / "found.json").read_text()) for home in pair.gang.homes]
    assert [one["host"] for one in seen] == list(HOSTS)
    assert seen[0]["addresses"] == seen[1]["addresses"]
    assert len(set(seen[0]["addresses"])) == 2
    assert seen[0]["net"] == seen[1]["net"]
    assert (seen[0]["net"] == os.readlink("/proc/self/ns/net")) is network
    assert len({one["pid"] for one in seen}) == 2


@pytest.mark.parametrize("isolate", [False], ids=["process"], indirect=True)
async def test_without_namespaces_addresses_stand_for_the_names(bench: Any) -> None:
    pair = Pair(bench, "describe", "describe", environment={"HOSTS": '["algo-1","algo-2"]', "ME": "algo-2,algo-21"})
    await pair.gang.start(pair.works)
    await pair.end()
    seen = json.loads((pair.works[0].ml / "output" / "found.json").read_text())["environment"]
    first, second = json.loads(seen["HOSTS"])
    assert first.startswith("127.")
    assert first != second
    assert seen["ME"] == f"{second},algo-21"


PLAIN = """
import ctypes, json, os, signal, sys
from pathlib import Path
from potager.compute.process import isolation, shim
from potager.compute.workload import Workload
import tests.unit.compute.programs, encodings.idna, contextlib, sqlite3, random, tempfile
data = Path(sys.argv[1])
homes = [data / "gang" / host for host in ("algo-1", "algo-2")]
for home in homes:
    for path in (home / "run", home / "ml" / "input" / "data", home / "ml" / "output"):
        path.mkdir(parents=True)
    work = Workload(home.name, home, "tests.unit.compute.programs:meet", data / home.name,
                    hidden=(data,), host=home.name, hosts=("algo-1", "algo-2"), time_limit=30, grace=0)
    (home / "run" / "workload.json").write_text(work.dumps())
for path in [data, *data.rglob("*")]:
    os.chown(path, 65534, 65534)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable, as a program is after an exec
level = isolation.probe()
(data / "level").write_text(str(level))
if level.level == "namespaces":
    for home in homes:
        if os.fork() == 0:
            shim.mind(home, level, lambda error: None)
            os._exit(0)
    for home in homes:
        os.wait()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_hosts_of_a_user_without_rights_share_a_network() -> None:
    data = Path(tempfile.mkdtemp(prefix="potager-"))
    try:
        command = [sys.executable, "-c", PLAIN, str(data)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        if (data / "level").read_text() != "namespaces":
            pytest.skip(f"users without rights get no namespaces here: {(data / 'level').read_text()}")
        homes = [data / "gang" / host for host in HOSTS]
        said = [(data / host).read_text() if (data / host).exists() else "" for host in HOSTS]
        seen = [json.loads((home / "ml" / "output" / "found.json").read_text()) for home in homes]
        assert seen[0]["net"] == seen[1]["net"] != os.readlink("/proc/self/ns/net"), said
        assert [one["host"] for one in seen] == list(HOSTS)
    finally:
        shutil.rmtree(data)
