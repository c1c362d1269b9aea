"""The workers of a serverless variant, over a fleet that starts nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from potager.compute.allotment import NO_CAPACITY
from potager.compute.faults import ModelError, WorkerLost
from potager.deploy.pool import Pool
from potager.deploy.router import Instance
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query

ASKED = Query(b"x")


class Channel:
    """A worker that answers its own name once it is let go."""

    def __init__(self, name: str, gate: asyncio.Event) -> None:
        self.name, self.gate = name, gate
        self.alive, self.hung = True, False
        self.errors: list[Exception] = []

    async def invoke(self, query: Query, timeout: float) -> Answer:
        if self.errors:
            raise self.errors.pop()
        await self.gate.wait()
        return Answer(self.name.encode())


class Fleet:
    """Brings workers up when it is told to.

    loading : workers are up at once unless it is set.
    """

    def __init__(self) -> None:
        self.up: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.loading = False
        self.refusing = ""
        self.started: list[str] = []
        self.retired: list[str] = []
        self.moving: set[str] = set()
        self.look: Callable[[], None] = lambda: None

    def busy(self, worker: str) -> bool:
        return worker in self.moving

    def raise_(self, number: int) -> None:
        worker = f"w-{number}"
        self.started.append(worker)
        self.moving.add(worker)
        if not self.loading:
            asyncio.get_running_loop().call_soon(self.arrive, worker)

    def arrive(self, worker: str) -> None:
        if worker in self.moving:
            self.moving.discard(worker)
            if self.refusing:
                self.failed[worker] = self.refusing
            else:
                self.up[worker] = Instance([_Worker(Channel(worker, self.gate))])  # type: ignore[list-item]
            self.look()

    def retire(self, worker: str, wake: Callable[[], None]) -> None:
        self.retired.append(worker)
        self.moving.add(worker)
        asyncio.get_running_loop().call_soon(self._gone, worker, wake)

    def _gone(self, worker: str, wake: Callable[[], None]) -> None:
        instance = self.up.pop(worker, None)
        assert instance is None or not instance.outstanding, "a worker was ended while it had a request"
        self.moving.discard(worker)
        wake()


class _Worker:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    async def invoke(self, query: Query, timeout: float) -> Answer:
        return await self.channel.invoke(query, timeout)


@pytest.fixture
async def fleet() -> Fleet:
    return Fleet()


def pool(fleet: Fleet, most: int = 2, kept: int = 0, idle: float = 100.0) -> Pool:
    made: Pool
    anything: Any = fleet

    def look() -> None:
        made.look()

    made = Pool("v", "w-", anything, fleet.raise_, look, idle)
    made.bound(most, kept)
    fleet.look = look
    return made


async def ask(of: Pool, timeout: float = 5.0) -> str:
    return (await of.invoke(ASKED, timeout)).body.decode()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_request_starts_a_worker_and_the_next_one_finds_it(fleet: Fleet) -> None:
    some = pool(fleet)
    assert [await ask(some), await ask(some)] == ["w-0", "w-0"]
    assert fleet.started == ["w-0"]


async def test_a_worker_that_is_done_first_answers_who_waits_for_another(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.gate.clear()
    first = asyncio.create_task(ask(some))
    await settled()
    fleet.loading = True
    second = asyncio.create_task(ask(some))
    await settled()
    assert fleet.started == ["w-0", "w-1"]
    fleet.gate.set()
    assert [await first, await second] == ["w-0", "w-0"]


async def test_past_the_most_requests_are_throttled(fleet: Fleet) -> None:
    some = pool(fleet, most=1)
    fleet.loading = True
    first = asyncio.create_task(ask(some))
    await settled()
    with pytest.raises(WireError) as caught:
        await ask(some)
    assert caught.value.code == "ThrottlingException"
    fleet.arrive("w-0")
    assert await first == "w-0"


async def test_every_request_is_answered_while_workers_go_at_once(fleet: Fleet) -> None:
    some = pool(fleet, most=3, idle=0.0)
    for _ in range(50):
        answers = await asyncio.gather(ask(some), ask(some), ask(some))
        assert len(answers) == 3
    await settled()
    assert len(fleet.retired) > 3


async def test_workers_that_are_kept_stay(fleet: Fleet) -> None:
    some = pool(fleet, most=3, kept=1, idle=0.0)
    fleet.raise_(0)
    await settled()
    assert await ask(some) == "w-0"
    await asyncio.sleep(0.01)
    assert fleet.retired == []
    some.bound(3, 0)
    await asyncio.sleep(0.01)
    assert fleet.retired == ["w-0"]


async def test_a_request_waits_for_a_kept_worker_that_is_on_its_way(fleet: Fleet) -> None:
    some = pool(fleet, kept=1)
    fleet.loading = True
    fleet.raise_(0)
    waits = asyncio.create_task(ask(some))
    await settled()
    fleet.arrive("w-0")
    assert await waits == "w-0"
    assert fleet.started == ["w-0"]


async def test_a_request_finds_a_kept_worker_that_came_up_a_moment_ago(fleet: Fleet) -> None:
    some = pool(fleet, kept=1)
    fleet.look = lambda: None
    fleet.raise_(0)
    await settled()
    assert await ask(some) == "w-0"
    assert fleet.started == ["w-0"]


async def test_a_request_that_no_worker_comes_for_is_told_to_try_again(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.loading = True
    with pytest.raises(WireError) as caught:
        await ask(some, timeout=0.0)
    assert (caught.value.code, caught.value.status) == ("ModelNotReadyException", 429)
    fleet.arrive("w-0")
    assert await ask(some) == "w-0"


async def test_a_client_that_goes_away_leaves_its_worker_to_the_next(fleet: Fleet) -> None:
    some = pool(fleet, most=1)
    fleet.loading = True
    first = asyncio.create_task(ask(some))
    await settled()
    fleet.arrive("w-0")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await ask(some) == "w-0"
    assert fleet.started == ["w-0"]


async def test_a_model_that_does_not_load_any_more_fails_the_requests_that_wait(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.refusing = "it is broken"
    answers = await asyncio.gather(ask(some), ask(some), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ModelError, ModelError]
    fleet.refusing = ""
    await settled()
    assert await ask(some) == "w-0"


async def test_without_room_for_one_more_a_request_waits_for_a_worker_that_there_is(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.gate.clear()
    first = asyncio.create_task(ask(some))
    await settled()
    fleet.refusing = f"{NO_CAPACITY} No memory is left."
    second = asyncio.create_task(ask(some))
    await settled()
    fleet.gate.set()
    assert [await first, await second] == ["w-0", "w-0"]


async def test_without_room_for_any_the_service_is_unavailable(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.refusing = f"{NO_CAPACITY} No memory is left."
    with pytest.raises(WireError) as caught:
        await ask(some)
    assert caught.value.status == 503


async def test_a_worker_that_died_unseen_is_asked_no_more(fleet: Fleet) -> None:
    some = pool(fleet)
    assert await ask(some) == "w-0"
    fleet.up["w-0"].workers[0].channel.alive = False
    assert await ask(some) == "w-1"


async def test_a_request_that_did_not_reach_its_worker_is_asked_of_another(fleet: Fleet) -> None:
    some = pool(fleet)
    assert await ask(some) == "w-0"
    fleet.up["w-0"].workers[0].channel.errors.append(WorkerLost("gone", delivered=False))
    assert await ask(some) == "w-0"
    fleet.up["w-0"].workers[0].channel.errors.append(WorkerLost("gone"))
    with pytest.raises(WorkerLost):
        await ask(some)


async def test_a_pool_that_drains_answers_what_it_has_and_is_then_empty(fleet: Fleet) -> None:
    some = pool(fleet, most=3)
    fleet.gate.clear()
    busy = asyncio.create_task(ask(some))
    await settled()
    fleet.loading = True
    waits = asyncio.create_task(ask(some))
    await settled()
    some.drain()
    assert some.ids == {"w-0", "w-1"}
    fleet.gate.set()
    assert [await busy, await waits] == ["w-0", "w-0"]
    await settled()
    assert some.ids == set()
    assert sorted(fleet.retired) == ["w-0", "w-1"]


async def test_a_server_that_ends_refuses_who_waits(fleet: Fleet) -> None:
    some = pool(fleet)
    fleet.loading = True
    waits = asyncio.create_task(ask(some))
    await settled()
    some.close()
    with pytest.raises(WireError):
        await waits


async def test_what_is_measured(fleet: Fleet) -> None:
    seen: list[tuple[str, float, str]] = []
    anything: Any = fleet
    some = Pool("v", "w-", anything, fleet.raise_, lambda: None, 100.0, lambda *each: seen.append(each))
    some.bound(4, 1)
    fleet.look = some.look
    fleet.gate.clear()
    fleet.raise_(0)
    await settled()
    asked = [asyncio.create_task(ask(some)) for _ in range(2)]
    await settled()
    fleet.gate.set()
    await asyncio.gather(*asked)
    values = [(name, value) for name, value, _ in seen if name != "ModelSetupTime"]
    assert values == [
        ("ServerlessConcurrentExecutionsUtilization", 0.25),
        ("ServerlessProvisionedConcurrencyInvocations", 1.0),
        ("ServerlessProvisionedConcurrencyExecutions", 1),
        ("ServerlessProvisionedConcurrencyUtilization", 1.0),
        ("ServerlessConcurrentExecutionsUtilization", 0.5),
        ("ServerlessProvisionedConcurrencySpilloverInvocations", 1.0),
        ("ServerlessProvisionedConcurrencyExecutions", 1),
        ("ServerlessProvisionedConcurrencyUtilization", 1.0),
    ]
    assert [unit for name, _, unit in seen if name == "ModelSetupTime"] == ["Microseconds"]
