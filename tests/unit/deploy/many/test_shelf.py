"""The models of a worker that is not there: which come, which stay, which go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from potager.compute.faults import ModelError, WorkerHung
from potager.deploy.many import place
from potager.deploy.many.shelf import Shelf
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query


class Worker:
    """Says that it did what it was told. A model takes 10 bytes, the program 20.

    gate : orders wait for it. broken : models that cannot be loaded. short : how many it says it has memory for.
    """

    def __init__(self, ml: Path, memory: int = 1000, **more: Any) -> None:
        self.ml = ml
        self.loaded: dict[str, str] = {}
        self.orders: list[str] = []
        self.fetched: list[str] = []
        self.notes: list[str] = []
        self.broken: set[str] = set()
        self.short = 1000
        self.gate = asyncio.Event()
        self.gate.set()
        self.hangs = False
        self.shelf = Shelf(ml, self.fetch, self.control, memory, note=lambda *note: self.notes.append(note[0]), **more)

    async def fetch(self, name: str, home: Path) -> int:
        self.fetched.append(name)
        home.mkdir(parents=True)
        return 10

    async def control(self, order: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        await self.gate.wait()
        if self.hangs:
            raise WorkerHung(timeout)
        self.orders.append(f"{order['do']} {order.get('name', '')}".strip())
        if order["do"] == "load":
            if order["name"] in self.broken:
                raise ModelError("no weights", 500)
            if len(self.loaded) >= self.short:
                raise ModelError("no room", 507)
            assert (self.ml / order["folder"]).parent.is_dir()
            self.loaded[order["name"]] = order["id"]
        elif order["do"] == "unload":
            assert self.loaded.pop(order["name"]) == order["id"]
        return {"resident": 20 + 10 * len(self.loaded), "models": dict(self.loaded)}

    async def invoke(self, query: Query, timeout: float) -> Answer:
        assert query.model in self.loaded
        return Answer(query.model.encode())

    async def ask(self, name: str, timeout: float = 60) -> bytes:
        return (await self.shelf.invoke(Query(b"", model=name), timeout, self.invoke)).body

    def folders(self) -> int:
        return len(list((self.ml / "models").iterdir()))


async def test_a_model_comes_once_for_all_who_wait(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    assert await asyncio.gather(*(worker.ask("a") for _ in range(5)), worker.ask("/a")) == [b"a"] * 6
    assert (worker.orders, worker.fetched) == (["load a"], ["a"])
    assert worker.shelf.holds("a")
    assert not worker.shelf.holds("b")
    assert {"ModelCacheHit", "ModelDownloadingTime", "ModelLoadingTime", "ModelLoadingWaitTime"} <= set(worker.notes)


async def test_those_go_that_were_not_asked_for_the_longest_time(tmp_path: Path) -> None:
    worker = Worker(tmp_path, memory=75)  # 60 of them for models and program: 4 models
    for name in ("a", "b", "c", "a", "d", "e"):
        await worker.ask(name)
    assert worker.orders == ["load a", "load b", "load c", "load d", "unload b", "load e"]
    assert set(worker.loaded) == {"a", "c", "d", "e"}
    assert worker.folders() == 4
    await worker.ask("b")
    assert "c" not in worker.loaded


async def test_a_model_with_a_request_under_way_stays(tmp_path: Path) -> None:
    worker = Worker(tmp_path, memory=40)  # room for one
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow(query: Query, timeout: float) -> Answer:
        begun.set()
        await end.wait()
        return await worker.invoke(query, timeout)

    asked = asyncio.create_task(worker.shelf.invoke(Query(b"", model="a"), 60, slow))
    await begun.wait()
    assert await worker.ask("b") == b"b"
    assert set(worker.loaded) == {"a", "b"}
    end.set()
    assert (await asked).body == b"a"
    await worker.ask("c")
    assert set(worker.loaded) == {"c"}


async def test_a_model_that_needs_more_than_there_is_is_refused_and_takes_no_others_place(tmp_path: Path) -> None:
    worker = Worker(tmp_path, memory=10)
    with pytest.raises(ModelError, match="of the 8 that models may have") as refused:
        await worker.ask("a")
    assert refused.value.fields["OriginalStatusCode"] == 507
    assert worker.folders() == 0


async def test_a_program_without_memory_for_one_more_gets_room(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.short = 2
    for name in ("a", "b", "c"):
        assert await worker.ask(name) == name.encode()
    assert set(worker.loaded) == {"b", "c"}
    worker.short = 0
    with pytest.raises(ModelError, match="no room"):
        await worker.ask("d")
    assert not worker.loaded


async def test_a_model_that_cannot_be_loaded_leaves_nothing_and_each_who_waits_has_an_error(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.broken.add("a")
    errors = await asyncio.gather(*(worker.ask("a") for _ in range(3)), return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert all(isinstance(error, ModelError) and "no weights" in str(error.message) for error in errors)
    assert worker.folders() == 0
    worker.broken.clear()
    assert await worker.ask("a") == b"a"


async def test_a_model_that_is_late_is_not_ready_and_comes_all_the_same(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.gate.clear()
    with pytest.raises(WireError) as late:
        await worker.ask("a", timeout=0.001)
    assert (late.value.code, late.value.status) == ("ModelNotReadyException", 429)
    worker.gate.set()
    assert await worker.ask("a") == b"a"
    assert worker.fetched == ["a"]


async def test_without_a_cache_a_model_goes_once_it_has_answered(tmp_path: Path) -> None:
    worker = Worker(tmp_path, cached=False)
    assert await asyncio.gather(worker.ask("a"), worker.ask("a")) == [b"a", b"a"]
    assert await worker.ask("a") == b"a"
    assert worker.orders[:3] == ["load a", "unload a", "load a"]


async def test_a_worker_that_hangs_while_it_loads_is_ended(tmp_path: Path) -> None:
    ended: list[bool] = []
    worker = Worker(tmp_path, kill=lambda: ended.append(True))
    worker.hangs = True
    with pytest.raises(ModelError, match="did not answer within"):
        await worker.ask("a")
    assert ended == [True]


async def test_what_an_earlier_server_had_loaded_is_taken_up_and_the_rest_is_removed(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.loaded = {"a": "1"}
    for known in ("1", "2"):
        (tmp_path / "models" / known).mkdir(parents=True)
    await worker.shelf.take_up()
    assert await worker.ask("a") == b"a"
    assert (worker.fetched, [path.name for path in (tmp_path / "models").iterdir()]) == ([], ["1"])


@pytest.mark.parametrize("target", ["", "/", "..", "../a", "a/../../b", "./a", "a/."])
def test_a_target_that_leaves_the_prefix_is_refused(target: str) -> None:
    with pytest.raises(WireError) as refused:
        place.name(target)
    assert refused.value.code == "ValidationError"


def test_a_model_is_a_key_below_the_prefix() -> None:
    assert place.key("s3://claims", "a.tar.gz") == ("claims", "a.tar.gz")
    assert place.key("s3://claims/m/", "b/a..b.tar.gz") == ("claims", "m/b/a..b.tar.gz")
    assert place.name("/a//b") == "a//b"


@pytest.mark.parametrize(
    "said",
    [
        {"resident": 1, "models": {"a": "../../../data"}},
        {"resident": 1, "models": {"a": 1}},
        {"resident": 1, "models": ["a"]},
        {"resident": "1", "models": {}},
        {},
    ],
)
async def test_a_worker_is_not_trusted_in_what_it_says_that_it_holds(tmp_path: Path, said: dict[str, Any]) -> None:
    worker = Worker(tmp_path)

    async def control(order: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        return said

    with pytest.raises(ModelError):
        await Shelf(tmp_path, worker.fetch, control, 1000).take_up()
