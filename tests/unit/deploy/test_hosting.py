"""The host against real rows and objects, and an executor whose workloads do as they are told."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from potager.compute.budget import GIB, Budget
from potager.compute.faults import WorkerLost
from potager.compute.shares import Shares
from potager.compute.workload import Absent, Exited, Running, Workload
from potager.deploy import fleet
from potager.deploy.hosting import KIND, Host
from potager.deploy.router import Router
from potager.deploy.traffic import alarms, plan
from potager.kernel import clock
from potager.kernel.errors import LimitReached
from potager.kernel.names import Scope
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows

SCOPE = Scope("000000000000", "us-east-1")
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"


class Worker:
    """A channel to a worker that is not there."""

    def __init__(self, loads: asyncio.Event, broken: bool) -> None:
        self.alive = True
        self._loads, self._broken = loads, broken

    async def ready(self, timeout: float) -> None:
        await self._loads.wait()
        if self._broken:
            raise WorkerLost("it died while it loaded")


class Stage:
    """An executor that starts nothing.

    loads : workers are ready once it is set. broken : they die instead. refusing : starts that raise.
    """

    def __init__(self) -> None:
        self.loads = asyncio.Event()
        self.loads.set()
        self.broken = False
        self.refusing = 0
        self.started: list[str] = []
        self.running: dict[Path, asyncio.Event] = {}
        self.exited: dict[Path, Exited] = {}
        self.waits_that_fail = 0

    async def start(self, workload: Workload) -> None:
        if self.refusing:
            self.refusing -= 1
            raise LimitReached("no more processes")
        self.started.append(workload.id)
        self.exited.pop(workload.folder, None)
        self.running[workload.folder] = asyncio.Event()

    def observe(self, folder: Path) -> Absent | Running | Exited:
        if folder in self.running:
            return Running(1)
        return self.exited[folder] if folder in self.exited and folder.exists() else Absent()

    def stop(self, folder: Path, grace: float | None = None) -> None:
        self.die(folder, "stopped")

    def die(self, folder: Path, reason: Any = "killed") -> None:
        if folder in self.running:
            self.exited[folder] = Exited(None, 9, reason, 1.0)
            self.running.pop(folder).set()

    async def wait(self, folder: Path) -> Exited:
        if self.waits_that_fail:
            self.waits_that_fail -= 1
            raise OSError("too many open files")
        if folder in self.running:
            await self.running[folder].wait()
        return self.exited[folder]

    async def connect(self, folder: Path) -> Any:
        if folder not in self.running:
            raise WorkerLost("The worker does not run.")
        return Worker(self.loads, self.broken)


class House:
    """A host with what it needs, and an endpoint to give it."""

    def __init__(self, rows: Rows, objects: Objects, data: Path) -> None:
        self.rows, self.data, self.stage, self.router = rows, data, Stage(), Router()
        self.objects = objects
        self.host = self.make()

    def make(self) -> Host:
        executor: Any = self.stage
        leases = Leases(self.rows, owner="test")
        self.shares = Shares(Budget(cpus=2, memory=8 * GIB), self.data / "shares")
        self.shares.open(self.data / "jobs")
        logs = Logs(self.data / "logs")
        return Host(self.rows, leases, executor, self.shares, self.objects, logs, self.router, self.data)

    async def endpoint(self, status: str = "Creating", count: int = 1, live: bool = False) -> Row:
        container = {"name": "c", "image": IMAGE, "data": "s3://models/m.tar.gz", "environment": {}}
        variant = {"name": "a", "instance": "ml.m5.large", "containers": [container], "isolated": False, "serial": True}
        deployment = {"config": "c", "revision": "r", "variants": [variant | {"weight": 1.0, "count": count}]}
        doc = {"EndpointName": "e", "_id": "x", "_wanted": deployment, "_live": deployment if live else None}
        return await self.rows.write(lambda tx: tx.insert(KIND, SCOPE, "e", doc, arn="arn:e", status=status))

    async def row(self) -> Row | None:
        return await self.rows.get(KIND, SCOPE, "e")

    async def until(self, condition: Callable[[Row | None], bool]) -> Row | None:
        async with asyncio.timeout(10):
            while not condition(await self.row()):
                await asyncio.sleep(0)
        return await self.row()

    async def in_service(self) -> None:
        await self.until(lambda row: row is not None and row.status == "InService")

    def up(self) -> int:
        route = self.router.get((*SCOPE, "e"))
        return len(route.variants["a"].instances) if route else 0


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(fleet, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(fleet, "LAST_PAUSE", 0.0)
    database = await Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    blobs = Blobs(tmp_path / "blobs")
    objects = Objects(database, blobs)
    await objects.create_bucket("models", SCOPE)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("model.json"))
    await objects.put("models", "m.tar.gz", await blobs.write(archive.getvalue()))
    (tmp_path / "jobs").mkdir()
    made = House(Rows(database, b"s" * 32), objects, tmp_path)
    yield made
    await made.host.close()
    await objects.close()
    blobs.close()
    await database.close()


async def test_an_endpoint_is_in_service_once_every_instance_answers(house: House) -> None:
    house.stage.loads.clear()
    house.host.wake(await house.endpoint(count=2))
    await house.until(lambda _: len(house.stage.started) == 2)
    assert house.up() == 0
    house.stage.loads.set()
    await house.in_service()
    assert house.up() == 2


async def test_an_instance_that_dies_is_replaced_and_the_others_answer_meanwhile(house: House) -> None:
    house.host.wake(await house.endpoint(count=2))
    await house.in_service()
    house.stage.loads.clear()
    house.stage.die(house.data / "jobs" / house.stage.started[0])
    await house.until(lambda _: len(house.stage.started) == 3)
    assert house.up() == 1
    house.stage.loads.set()
    await house.until(lambda _: house.up() == 2)


async def test_an_instance_that_dies_during_an_update_is_replaced_as_well(house: House) -> None:
    house.host.wake(await house.endpoint(count=2))
    await house.in_service()
    house.stage.loads.clear()
    row = await house.row()
    assert row is not None
    doc = row.doc | {"_wanted": row.doc["_wanted"] | {"revision": "r2"}}
    house.host.wake(await house.rows.write(lambda tx: tx.update(row, doc=doc, status="Updating")))
    await house.until(lambda _: len(house.stage.started) == 4)
    house.stage.die(house.data / "jobs" / house.stage.started[0])
    await house.until(lambda _: len(house.stage.started) == 5)
    assert house.up() == 1
    house.stage.loads.set()
    await house.in_service()
    assert house.up() == 2
    await house.until(lambda _: len(house.stage.running) == 2)


async def test_a_model_that_does_not_load_fails_a_new_endpoint_with_the_reason(house: House) -> None:
    house.stage.broken = True
    house.host.wake(await house.endpoint())
    row = await house.until(lambda row: row is not None and row.status == "Failed")
    assert row is not None
    assert "did not pass the ping health check" in row.doc["FailureReason"]
    assert "it died while it loaded" in row.doc["FailureReason"]
    await house.until(lambda _: not house.stage.running)


async def test_an_update_that_fails_leaves_the_old_deployment_answering(house: House) -> None:
    house.host.wake(await house.endpoint())
    await house.in_service()
    house.stage.broken = True
    row = await house.row()
    assert row is not None
    doc = row.doc | {"_wanted": row.doc["_wanted"] | {"revision": "r2"}}
    house.host.wake(await house.rows.write(lambda tx: tx.update(row, doc=doc, status="Updating")))
    row = await house.until(lambda row: row is not None and row.status == "InService")
    assert row is not None
    assert "it died while it loaded" in row.doc["FailureReason"]
    assert house.up() == 1


async def test_an_endpoint_can_be_deleted_while_an_instance_of_it_is_brought_back(house: House) -> None:
    house.host.wake(await house.endpoint())
    await house.in_service()
    house.stage.loads.clear()
    house.stage.die(house.data / "jobs" / house.stage.started[0])
    await house.until(lambda _: len(house.stage.started) == 2)
    row = await house.row()
    assert row is not None
    house.host.wake(await house.rows.write(lambda tx: tx.update(row, status="Deleting")))
    house.stage.loads.set()
    await house.until(lambda row: row is None)
    assert not house.stage.running
    assert not list((house.data / "jobs").iterdir())


async def test_a_machine_that_went_down_while_an_endpoint_was_created_does_not_fail_it(house: House) -> None:
    house.stage.loads.clear()
    row = await house.endpoint()
    house.host.wake(row)
    await house.until(lambda _: len(house.stage.started) == 1)
    running = list(house.stage.running)
    await house.host._tender.close()  # the server is killed: nothing is taken down
    for folder in running:
        house.stage.die(folder, "lost")
    house.host = house.make()
    house.stage.loads.set()
    await house.host.start()
    await house.in_service()
    assert house.up() == 1


async def test_a_stop_while_an_instance_loads_leaves_no_process(house: House) -> None:
    house.stage.loads.clear()
    house.host.wake(await house.endpoint())
    await house.until(lambda _: len(house.stage.started) == 1)
    await house.host.close()
    assert not house.stage.running


async def test_an_end_that_cannot_be_waited_for_at_once_is_seen_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "AGAIN", 0.0)
    house.stage.waits_that_fail = 1
    house.host.wake(await house.endpoint())
    await house.in_service()
    house.stage.die(house.data / "jobs" / house.stage.started[0])
    await house.until(lambda _: len(house.stage.started) == 2)
    await house.until(lambda _: house.up() == 1)


async def test_a_machine_without_room_for_an_instance_fails_the_endpoint_and_no_instance_is_up_twice(
    house: House,
) -> None:
    house.stage.refusing = 1
    house.host.wake(await house.endpoint(count=3))
    row = await house.until(lambda row: row is not None and row.status == "Failed")
    assert row is not None
    assert "no more processes" in row.doc["FailureReason"]
    await house.until(lambda _: not house.stage.running)
    assert len(house.stage.started) == len(set(house.stage.started)) <= 2


CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 3600,
            "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        },
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 0,
    }
}


async def shifting(house: House, config: dict[str, Any]) -> None:
    """Begins an update of the endpoint that is in service."""
    row = await house.row()
    assert row is not None
    live = row.doc["_live"]
    shift = plan.begun(config, live, clock.now())
    doc = row.doc | {"_wanted": live | {"config": "d", "revision": "r2"}, "_shift": shift}
    house.host.wake(await house.rows.write(lambda tx: tx.update(row, doc=doc, status="Updating")))


def baking(row: Row | None) -> bool:
    return row is not None and row.doc["_shift"] is not None and row.doc["_shift"]["at"] == 0


async def test_a_canary_bakes_beside_the_old_fleet_and_an_alarm_sends_its_traffic_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "LOOK", 0.01)
    ringing = await house.rows.write(lambda tx: tx.insert(alarms.KIND, SCOPE, "errors", {}, arn="arn:a", status="OK"))
    house.host.wake(await house.endpoint(count=2))
    await house.in_service()
    await shifting(house, CANARY)
    await house.until(baking)
    await house.until(lambda _: house.up() == 3)  # two old ones, one of the two new ones
    assert len(house.stage.running) == 4
    await house.rows.write(lambda tx: tx.update(ringing, status="ALARM"))
    row = await house.until(lambda row: row is not None and row.status == "InService")
    assert row is not None
    assert "[errors]" in row.doc["FailureReason"]
    assert (row.doc["_wanted"]["config"], row.doc["_shift"]) == ("c", None)
    await house.until(lambda _: len(house.stage.running) == 2)
    assert house.up() == 2


async def test_the_next_server_goes_on_with_a_canary_and_ends_it_when_its_time_is_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.host.wake(await house.endpoint(count=2))
    await house.in_service()
    await shifting(house, CANARY)
    row = await house.until(baking)
    await house.until(lambda _: len(house.stage.running) == 4)
    assert row is not None
    await house.host._tender.close()  # the server is killed
    house.host = house.make()
    await house.host.start()
    await house.until(lambda _: house.up() == 3)
    after = await house.row()
    assert after is not None
    assert after.doc["_shift"] == row.doc["_shift"]
    assert len(house.stage.started) == 4
    later = clock.now() + 4000
    monkeypatch.setattr(clock, "now", lambda: later)
    house.host.wake(after)
    await house.in_service()
    await house.until(lambda _: len(house.stage.running) == 2)
    assert house.up() == 2
    end = await house.row()
    assert end is not None
    assert end.doc["_live"]["config"] == "d"


async def test_an_instance_of_a_canary_that_dies_is_replaced(house: House) -> None:
    house.host.wake(await house.endpoint(count=2))
    await house.in_service()
    await shifting(house, CANARY)
    await house.until(baking)
    await house.until(lambda _: house.up() == 3)
    house.stage.die(house.data / "jobs" / house.stage.started[2])
    await house.until(lambda _: len(house.stage.started) == 5)
    await house.until(lambda _: house.up() == 3)


async def test_a_rolling_update_never_has_more_than_a_batch_over_and_ends_on_the_new_fleet(house: House) -> None:
    house.host.wake(await house.endpoint(count=3))
    await house.in_service()
    await shifting(house, ROLLING)
    await house.in_service()
    await house.until(lambda _: len(house.stage.running) == 3)
    assert len(house.stage.started) == 6
    row = await house.row()
    assert row is not None
    assert row.doc["_live"]["config"] == "d"


async def test_a_rolling_update_whose_model_does_not_load_goes_back_to_a_whole_old_fleet(house: House) -> None:
    house.host.wake(await house.endpoint(count=3))
    await house.in_service()
    house.stage.broken = True
    await shifting(house, ROLLING)
    row = await house.until(lambda row: row is not None and row.status == "InService")
    assert row is not None
    assert "did not pass the ping health check" in row.doc["FailureReason"]
    assert house.up() == 3
    assert row.doc["_live"]["config"] == "c"
