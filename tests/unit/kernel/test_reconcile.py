import asyncio
from collections.abc import Awaitable, Callable

import pytest

from potager.kernel import reconcile
from potager.kernel.reconcile import Reconciler


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def counting(results: list[float | None]) -> tuple[list[str], Callable[[str], Awaitable[float | None]]]:
    seen: list[str] = []

    async def step(key: str) -> float | None:
        seen.append(key)
        return results.pop(0) if results else None

    return seen, step


async def test_a_key_that_is_woken_is_stepped_once() -> None:
    seen, step = counting([])
    reconciler = Reconciler("test", step)
    reconciler.wake("a")
    reconciler.wake("b")
    await until(lambda: len(seen) == 2)
    await reconciler.close()
    assert sorted(seen) == ["a", "b"]


async def test_a_step_that_asks_for_another_gets_it() -> None:
    seen, step = counting([0.0, 0.0, None])
    reconciler = Reconciler("test", step)
    reconciler.wake("a")
    await until(lambda: len(seen) == 3)
    await reconciler.close()
    assert seen == ["a"] * 3


async def test_a_key_is_never_in_two_steps_and_a_wake_meanwhile_runs_another() -> None:
    gate, inside, runs, most = asyncio.Event(), 0, 0, 0

    async def step(key: str) -> float | None:
        nonlocal inside, runs, most
        inside, runs = inside + 1, runs + 1
        most = max(most, inside)
        await gate.wait()
        inside -= 1
        return None

    reconciler = Reconciler("test", step)
    reconciler.wake("a")
    await until(lambda: runs == 1)
    for _ in range(5):
        reconciler.wake("a")
    gate.set()
    await until(lambda: runs == 2)
    await reconciler.close()
    assert (runs, most) == (2, 1)


async def test_a_step_that_raises_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "FIRST_RETRY", 0.0)
    runs = 0

    async def step(key: str) -> float | None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("the disk is away")
        return None

    reconciler = Reconciler("test", step)
    reconciler.wake("a")
    await until(lambda: runs == 3)
    await reconciler.close()


async def test_a_closed_reconciler_wakes_nothing() -> None:
    seen, step = counting([])
    reconciler = Reconciler("test", step)
    await reconciler.close()
    reconciler.wake("a")
    await asyncio.sleep(0)
    assert seen == []


async def test_a_key_that_cannot_be_brought_to_its_end_is_given_up_with_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "FIRST_RETRY", 0.0)
    monkeypatch.setattr(reconcile, "LAST_RETRY", 0.0)
    told: list[tuple[str, str]] = []

    async def step(key: str) -> float | None:
        raise OSError("the disk is away")

    async def give_up(key: str, error: Exception) -> None:
        told.append((key, str(error)))

    reconciler = Reconciler("test", step, give_up)
    reconciler.wake("a")
    await until(lambda: bool(told))
    await reconciler.close()
    assert told == [("a", "the disk is away")]


async def test_a_step_that_is_cancelled_from_inside_does_not_wedge_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "FIRST_RETRY", 0.0)
    runs = 0

    async def step(key: str) -> float | None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError
        return None

    reconciler = Reconciler("test", step)
    reconciler.wake("a")
    await until(lambda: runs == 2)
    await reconciler.close()
