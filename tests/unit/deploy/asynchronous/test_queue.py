"""Asynchronous requests over real rows and objects, and a model that is not there."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from potager.compute.faults import ModelError, WorkerLost
from potager.deploy.asynchronous.queue import ANSWERED, KIND, QUEUED, Queue, backlog
from potager.deploy.router import Key, Route, Router
from potager.kernel.context import Context, Doors, House
from potager.kernel.errors import NotFound
from potager.kernel.names import Scope
from potager.kernel.prediction import Answer, Query
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.metrics import Metrics
from potager.store.objects import Objects
from potager.store.rows import Row, Rows

SCOPE = Scope("000000000000", "us-east-1")
KEY: Key = (*SCOPE, "e")
TOPIC = "arn:aws:sns:us-east-1:000000000000:good"


class Model(Route):
    """A route whose instances answer what they are asked, in capitals.

    errors : raised in place of the next answers.
    """

    def __init__(self, capacity: int = 1) -> None:
        super().__init__([], concurrent=1)
        self.room = capacity
        self.asked: list[str] = []
        self.errors: list[Exception] = []
        self.most = self.now = 0

    @property
    def instances(self) -> int:
        return self.room

    async def invoke(self, query: Query, timeout: float, target: str | None = None) -> Any:
        self.asked.append(query.body.decode())
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if self.errors:
            raise self.errors.pop(0)
        return Answer(query.body.upper(), "text/plain"), None


class Door:
    """Hears what topics are told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def call(self, ctx: Context, service: str, operation: str, params: Any) -> dict[str, Any]:
        assert (service, operation, ctx.scope) == ("sns", "Publish", SCOPE)
        if "bad" in params["TopicArn"]:
            raise NotFound("there is no such topic")
        self.told.append((params["TopicArn"], json.loads(params["Message"])))
        return {}


class Desk:
    """A queue with what it needs."""

    def __init__(self, rows: Rows, objects: Objects, metrics: Metrics) -> None:
        self.metrics = metrics
        self.rows, self.objects, self.router, self.door = rows, objects, Router(), Door()
        self.house = House()
        self.house.add(Doors, Doors(self.door))
        self.time = time.time()
        self.queue = self.make()

    def make(self) -> Queue:
        return Queue(self.house, self.rows, self.objects, self.router, self.metrics, lambda: self.time)

    async def endpoint(self, status: str = "InService") -> Row:
        return await self.rows.write(lambda tx: tx.insert("endpoint", SCOPE, "e", {}, arn="arn:e", status=status))

    async def send(self, name: str, body: str = "hello", **more: Any) -> Row:
        """A request in its row, which no queue knows of."""
        doc = {
            "endpoint": "e",
            "input": None,
            "body": base64.b64encode(body.encode()).decode(),
            "content_type": "text/plain",
            "accept": None,
            "attributes": None,
            "inference_id": f"i-{name}",
            "output": f"s3://out/{name}.out",
            "failure": f"s3://out/{name}-error.out",
            "ttl": 60,
            "timeout": 5,
            "key": None,
            "notices": {},
        }
        return await self.rows.write(
            lambda tx: tx.insert(KIND, SCOPE, name, doc | more, arn=f"arn:{name}", status=QUEUED)
        )

    async def read(self, key: str) -> str | None:
        try:
            entry = await self.objects.head("out", key)
        except NotFound:
            return None
        return b"".join([chunk async for chunk in self.objects.read(entry)]).decode()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    async def done(self) -> None:
        """Returns once no request is left."""
        async with asyncio.timeout(10):
            while await self.rows.read(lambda tx: tx.where(KIND, (QUEUED, ANSWERED))):
                await asyncio.sleep(0.001)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    blobs = Blobs(tmp_path / "blobs")
    objects = Objects(database, blobs)
    await objects.create_bucket("out", SCOPE)
    made = Desk(Rows(database, b"s" * 32), objects, Metrics(database))
    yield made
    await made.queue.close()
    await objects.close()
    blobs.close()
    await database.close()


@pytest.mark.parametrize("capacity", [1, 3])
async def test_requests_are_answered_in_turn_within_what_instances_take(desk: Desk, capacity: int) -> None:
    model = Model(capacity)
    desk.router.put(KEY, model)
    for number in range(5):
        desk.queue.add(await desk.send(f"r{number}", f"a{number}"))
    await desk.done()
    assert (model.asked if capacity == 1 else sorted(model.asked)) == [f"a{number}" for number in range(5)]
    assert model.most <= capacity
    assert await desk.read("r4.out") == "A4"


async def test_requests_wait_for_an_instance_and_go_when_one_comes(desk: Desk) -> None:
    await desk.endpoint()
    model = Model(capacity=0)
    desk.router.put(KEY, model)
    desk.queue.add(await desk.send("r"))
    assert model.asked == []
    model.room = 1
    desk.router.put(KEY, model)
    await desk.done()
    assert await desk.read("r.out") == "HELLO"


async def test_what_an_earlier_server_stored_is_not_asked_for_again(desk: Desk) -> None:
    await desk.send("r", notices={"SuccessTopic": TOPIC})
    await desk.objects.keep("out", "r.out", b"BEFORE", content_type="text/plain", doc={"_async": "r"})
    model = Model()
    desk.router.put(KEY, model)
    await desk.queue.start()
    await desk.done()
    assert model.asked == []
    assert await desk.read("r.out") == "BEFORE"
    assert desk.door.told[0][1]["invocationStatus"] == "Completed"


async def test_somebody_elses_object_in_its_place_does_not_count_as_the_answer(desk: Desk) -> None:
    await desk.send("r")
    await desk.objects.keep("out", "r.out", b"mine")
    desk.router.put(KEY, Model())
    await desk.queue.start()
    await desk.done()
    assert await desk.read("r.out") == "HELLO"


async def test_an_answered_request_whose_topic_was_not_told_is_told_by_the_next_server(desk: Desk) -> None:
    row = await desk.send("r", _notice={"topic": TOPIC, "message": '{"a": 1}'})
    await desk.rows.write(lambda tx: tx.update(row, status=ANSWERED))
    await desk.queue.start()
    await desk.done()
    assert desk.door.told == [(TOPIC, {"a": 1})]


async def test_a_topic_that_is_gone_keeps_no_request(desk: Desk) -> None:
    desk.router.put(KEY, Model())
    desk.queue.add(await desk.send("r", notices={"SuccessTopic": TOPIC.replace("good", "bad")}))
    await desk.done()
    assert await desk.read("r.out") == "HELLO"


async def test_a_request_that_waited_too_long_expires_even_without_an_instance(desk: Desk) -> None:
    desk.router.put(KEY, Model(capacity=0))
    desk.queue.add(await desk.send("r"))
    desk.queue.add(await desk.send("s", ttl=3600))
    desk.time += 61
    desk.queue.expire(KEY)
    await desk.until(lambda: not desk.queue.lines[KEY].under_way)
    assert "expired" in (await desk.read("r-error.out") or "")
    assert len(desk.queue.lines[KEY].waiting) == 1


async def test_a_model_that_refuses_fails_the_request_and_one_that_dies_has_three_tries(desk: Desk) -> None:
    model = Model()
    model.errors = [ModelError("no such column", 400)]
    desk.router.put(KEY, model)
    desk.queue.add(await desk.send("r", notices={"ErrorTopic": TOPIC}))
    await desk.done()
    assert await desk.read("r-error.out") == "no such column"
    assert "client error (400)" in desk.door.told[0][1]["failureReason"]
    model.errors = [WorkerLost("it died") for _ in range(3)]
    desk.queue.add(await desk.send("s"))
    for tries in range(2, 5):
        await desk.until(lambda many=tries: len(model.asked) == many and not desk.queue.lines[KEY].under_way)
        desk.router.put(KEY, model)
    await desk.done()
    assert "it died" in (await desk.read("s-error.out") or "")
    assert len(model.asked) == 4


async def test_a_request_over_which_the_server_stumbles_holds_no_other_up(desk: Desk) -> None:
    model = Model()
    model.errors = [RuntimeError("nobody foresaw this")]
    desk.router.put(KEY, model)
    for row in [await desk.send(name, name) for name in ("r", "s")]:
        desk.queue.add(row)
    await desk.until(lambda: model.asked and not desk.queue.lines[KEY].under_way)
    desk.queue.look(KEY)
    await desk.done()
    assert model.asked == ["r", "s", "r"]
    assert (await desk.read("r.out"), await desk.read("s.out")) == ("R", "S")


async def test_requests_of_an_endpoint_that_is_gone_fail(desk: Desk) -> None:
    await desk.send("r")
    await desk.queue.start()
    await desk.done()
    assert "deleted" in (await desk.read("r-error.out") or "")


async def test_an_output_without_a_bucket_is_a_failure(desk: Desk) -> None:
    desk.router.put(KEY, Model())
    desk.queue.add(await desk.send("r", output="s3://nowhere/r.out"))
    await desk.done()
    assert "cannot be written" in (await desk.read("r-error.out") or "")


async def test_the_backlog_is_measured_with_instances_and_without(desk: Desk) -> None:
    model = Model(capacity=0)
    desk.router.put(KEY, model)
    desk.queue.measure(KEY)
    for number in range(4):
        desk.queue.add(await desk.send(f"r{number}"))
    desk.time += 30
    line = desk.queue.lines[KEY]
    assert backlog(line, 0, desk.time)["HasBacklogWithoutCapacity"][0] == 1
    assert backlog(line, 2, desk.time)["HasBacklogWithoutCapacity"][0] == 0
    assert backlog(line, 2, desk.time)["ApproximateBacklogSizePerInstance"][0] == 2
    assert backlog(line, 2, desk.time)["ApproximateAgeOfOldestRequest"][0] == desk.time - line.waiting[0].since
    desk.queue.measure(KEY)
    name, start = "ApproximateBacklogSize", time.time() - 600
    points = await desk.metrics.query(SCOPE, "AWS/SageMaker", name, {"EndpointName": "e"}, start, start + 1200, 1200)
    assert [(point.values.count, point.values.greatest) for point in points] == [(2, 4)]
