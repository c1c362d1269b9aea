import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from potager.deploy import waiting
from potager.deploy.router import Exchange, Instance, NoInstance, Route, Router, Variant, Worker
from potager.deploy.waiting import Waiting
from potager.kernel.prediction import Answer, Query

KEY = ("000000000000", "us-east-1", "e")


async def said(query: Query, timeout: float) -> Answer:
    return Answer(b"said")


def instance() -> Instance:
    channel: Any = SimpleNamespace(alive=True, hung=False, invoke=said)
    return Instance([Worker(channel, lambda: None)])


class Scene:
    """An endpoint without an instance, and who waits for one."""

    def __init__(self) -> None:
        self.router, self.told = Router(), list[Exchange]()
        self.waiting = Waiting(self.router)
        self.put()

    def put(self, *instances: Instance) -> None:
        self.router.put(KEY, Route([Variant("v", 1.0, instances)], [self.told.append]))

    async def find(self) -> Route:
        route = self.router.get(KEY)
        assert route
        return route

    async def ask(self) -> bytes:
        answer, _ = await self.waiting.answered(KEY, self.find, lambda route: route.invoke(Query(b""), 1.0))
        return answer.body


async def test_a_request_waits_for_an_instance_and_is_counted_once() -> None:
    scene = Scene()
    asked = [asyncio.create_task(scene.ask()) for _ in range(3)]
    await asyncio.sleep(0)
    scene.put()  # a change that brings nobody
    await asyncio.sleep(0)
    scene.put(instance())
    assert await asyncio.gather(*asked) == [b"said"] * 3
    assert [each.error for each in scene.told] == [None] * 3


async def test_it_is_told_where_none_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    scene = Scene()
    with pytest.raises(NoInstance, match="no instance up"):
        await scene.ask()
    assert [type(each.error) for each in scene.told] == [NoInstance]


async def test_too_many_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST", 1)
    scene = Scene()
    first = asyncio.create_task(scene.ask())
    await asyncio.sleep(0)
    with pytest.raises(NoInstance):
        await scene.ask()
    scene.put(instance())
    assert await first == b"said"


async def test_a_request_for_a_component_hears_of_its_own_router() -> None:
    scene, components = Scene(), Router()
    scene.waiting = Waiting(Router(), components)
    scene.router = components
    scene.put()
    asked = asyncio.create_task(scene.ask())
    await asyncio.sleep(0)
    scene.put(instance())
    assert await asked == b"said"
