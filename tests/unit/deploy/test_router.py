import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from potager.deploy.router import Instance, Route, Variant, Worker
from potager.kernel.errors import WireError
from potager.kernel.prediction import Query


def instance(outstanding: int = 0, alive: bool = True) -> Instance:
    channel: Any = SimpleNamespace(alive=alive, hung=False)
    return Instance([Worker(channel, lambda: None)], outstanding=outstanding)


def test_traffic_is_shared_by_weight() -> None:
    route = Route([Variant("a", 3.0, [instance()]), Variant("b", 1.0, [instance()]), Variant("c", 0.0, [instance()])])
    drawn = Counter(route.pick(None).name for _ in range(4000))
    assert drawn["c"] == 0
    assert 2700 < drawn["a"] < 3300


def test_a_variant_may_be_named_even_without_weight() -> None:
    route = Route([Variant("a", 1.0, [instance()]), Variant("c", 0.0, [instance()])])
    assert route.pick("c").name == "c"
    with pytest.raises(WireError, match="a, c"):
        route.pick("z")


def test_the_instance_with_the_least_to_do_answers() -> None:
    busy, free = instance(4), instance(1)
    assert Variant("a", 1.0, [busy, free]).pick() is free


def test_a_variant_without_an_instance_is_unavailable() -> None:
    with pytest.raises(WireError) as refusal:
        Variant("a", 1.0, []).pick()
    assert refusal.value.status == 503


def test_an_instance_whose_worker_is_dead_gets_nothing_to_do() -> None:
    dead, busy = instance(0, alive=False), instance(9)
    assert Variant("a", 1.0, [dead, busy]).pick() is busy
    with pytest.raises(WireError, match="no instance up"):
        Variant("a", 1.0, [dead]).pick()


async def test_an_instance_is_drained_with_its_last_answer_however_patient_one_is() -> None:
    busy, query = instance(), Query(b"1")
    await busy.drained(1e9)
    busy.begin(query)
    busy.begin(query)
    waiting = asyncio.create_task(busy.drained(1e9))
    await asyncio.sleep(0)
    busy.end(query)
    await asyncio.sleep(0)
    assert not waiting.done()
    busy.end(query)
    await asyncio.wait_for(waiting, 60)


async def test_an_instance_that_does_not_answer_is_drained_when_patience_ends() -> None:
    busy = instance()
    busy.begin(Query(b"1"))
    await busy.drained(0.0)
    assert busy.outstanding == 1
