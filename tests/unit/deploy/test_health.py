"""An instance whose pings answer what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from potager.compute.faults import WorkerLost
from potager.compute.process.serving import BUSY, WELL
from potager.deploy import health
from potager.deploy.router import Instance, Worker


async def watched(*pings: str) -> tuple[list[bool], int, int]:
    """Whether the instance was well after each ping, how often it was asked, and how often ended."""
    left, well, kills, changes = list(pings), list[bool](), list[int](), list[bool]()

    async def ping(timeout: float) -> str:
        if not left:
            raise WorkerLost("gone")
        return left.pop(0)

    channel: Any = SimpleNamespace(alive=True, hung=False, ready=ping)
    instance = Instance([Worker(channel, lambda: kills.append(1), minded=pings != ())])

    async def sleep(seconds: float) -> None:
        well.append(instance.alive)  # as the ping before has left it

    await health.mind("i", instance, 5.0, lambda: changes.append(instance.well), sleep)
    assert changes == [now for before, now in zip([True, *well], well, strict=False) if before != now]
    return well[1:], len(pings) - len(left), len(kills)


def some(said: str, number: int) -> Sequence[str]:
    return [said] * number


async def test_a_worker_that_has_nothing_to_say_is_left_in_peace() -> None:
    assert await watched() == ([], 0, 0)


async def test_two_bad_pings_take_an_instance_out_and_a_good_one_brings_it_back() -> None:
    assert (await watched(WELL, "503", "503", "503", WELL, WELL))[0] == [True, True, False, False, True, True]


async def test_one_bad_ping_between_good_ones_changes_nothing() -> None:
    assert (await watched(WELL, "503", WELL, "503", WELL))[0] == [True] * 5


async def test_a_busy_program_is_neither_well_nor_unwell() -> None:
    assert (await watched(WELL, "503", BUSY, "503", BUSY, WELL))[0] == [True, True, True, False, False, True]


async def test_an_instance_that_stays_unwell_is_ended_once_and_asked_no_more() -> None:
    well, asked, kills = await watched(WELL, *some("500", 40))
    assert (asked, kills) == (1 + health.LOST, 1)
    assert well == [True] * 2 + [False] * 10
