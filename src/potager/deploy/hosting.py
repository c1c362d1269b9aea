"""Brings endpoints up, keeps them up, takes them down.

    wake ─► observe (row, workloads, pings) ─► lifecycle.decide ─► act ─► one change of the row

An instance is a workload in `jobs/ep-<endpoint>-<what it runs>-<number>`. A server that is killed leaves its instances
running; the next one finds them by their folders, connects, and they answer again.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import catalog, leftovers
from potager.compute.workload import Absent, Executor, Exited, Workload
from potager.deploy import artifact, lifecycle
from potager.deploy.lifecycle import Fail, Mend, Place, Raise, Remove, Rest, Serve
from potager.deploy.router import Instance, Route, Router, Variant
from potager.kernel.errors import Fault, Stale
from potager.kernel.names import Scope
from potager.kernel.reconcile import Reconciler
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows

log = logging.getLogger(__name__)

KIND = "endpoint"
GROUP = "/aws/sagemaker/Endpoints/"
ACTIVE = ("Creating", "Updating", "InService", "Deleting")
PATIENCE = 60.0
"""Seconds that a retired instance has to answer what it was asked."""
START_TIMEOUT = 180.0
"""Seconds that an instance has to load its model."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 30.0
"""Seconds before an instance that keeps dying is started again: doubled from the first to the last."""

Key = tuple[str, str, str]


class Host:
    """Serves the endpoints whose lease this server holds."""

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        objects: Objects,
        logs: Logs,
        router: Router,
        data: Path,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.executor = executor
        self.objects = objects
        self.logs = logs
        self.router = router
        self.data = data
        self.folder = data / "jobs"
        self._up: dict[str, Instance] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._reconciler: Reconciler[Key] = Reconciler(KIND, self._step)

    async def start(self) -> None:
        """Takes up every endpoint that is not at rest, and clears away instances that no endpoint wants."""
        active = await self.rows.read(lambda tx: tx.where(KIND, ACTIVE))
        for row in active:
            self.wake(row)
        wanted = [lifecycle.places(row.doc["_id"], row.doc[key]) for row in active for key in ("_live", "_wanted")]
        await leftovers.clear(self.executor, self.folder, "ep-*", {place.id for places in wanted for place in places})

    def wake(self, row: Row) -> None:
        self._reconciler.wake((row.account, row.region, row.name))

    async def close(self) -> None:
        """Stops looking after endpoints, and ends their instances; the next server starts them again."""
        await self._reconciler.close()
        for watch in self._watches.values():
            watch.cancel()
        await asyncio.gather(*(self._retire(place_id, 0.0) for place_id in list(self._up)))

    async def _step(self, key: Key) -> float | None:
        row = await self.rows.get(KIND, Scope(*key[:2]), key[2])
        if row is None:
            self.router.drop(key)
            return None
        if not await self.leases.claim(row):
            return self.leases.ttl
        try:
            return await self._act(key, row)
        except Stale:
            return 0.0

    async def _act(self, key: Key, row: Row) -> float | None:
        deployment = row.doc["_live"] if row.status == "InService" else row.doc["_wanted"]
        wanted = lifecycle.places(row.doc["_id"], deployment)
        match lifecycle.decide(row.status or "", wanted, frozenset(self._up), frozenset(self._failed)):
            case Rest():
                return None
            case Raise(places):
                await self._raise_beside(key, row, places)
                return 0.0
            case Serve():
                return await self._serve(key, row, wanted)
            case Mend(places):
                return await self._mend(key, row, wanted, places)
            case Fail(place):
                return await self._fail(key, row, place)
            case Remove():
                return await self._remove(key, row)

    async def _raise_beside(self, key: Key, row: Row, places: Sequence[Place]) -> None:
        """Brings instances up; those that answered before the server was killed answer again meanwhile."""
        live = lifecycle.places(row.doc["_id"], row.doc["_live"])
        if live and self.router.get(key) is None:
            await self._raise(key, row, live)
            self._publish(key, row.doc["_live"], live)
        await self._raise(key, row, places)

    async def _raise(self, key: Key, row: Row, places: Sequence[Place]) -> None:
        missing = [place for place in places if place.id not in self._up]
        await asyncio.gather(*(self._bring_up(key, row, place) for place in missing))

    async def _bring_up(self, key: Key, row: Row, place: Place) -> None:
        folder = self.folder / place.id
        if isinstance(self.executor.observe(folder), Absent):
            if not await self._lay_out(place, folder):
                return
            await self.executor.start(self._workload(row, place, folder))
        try:
            channel = await self.executor.connect(folder)
            await channel.ready(timeout=START_TIMEOUT)
        except (Fault, OSError) as error:
            self.executor.stop(folder, grace=0.0)
            await self.executor.wait(folder)
            self._failed[place.id] = str(error)
            return
        self._up[place.id] = Instance(channel, partial(self.executor.stop, folder, 0.0))
        self._watches[place.id] = asyncio.create_task(self._watch(key, place.id))

    async def _lay_out(self, place: Place, folder: Path) -> bool:
        """Unpacks the model. False, and a reason, where that cannot be done."""
        model = folder / "ml" / "model"
        await asyncio.to_thread(shutil.rmtree, folder, True)
        try:
            if catalog.find(place.variant["image"]) is None:
                raise artifact.BadArtifact(catalog.unknown(place.variant["image"]))
            if place.variant["data"]:
                entry = await artifact.find(self.objects, place.variant["data"])
                await asyncio.to_thread(artifact.unpack, await self.objects.file(entry), model)
            else:
                await asyncio.to_thread(lambda: model.mkdir(parents=True))
        except Fault as fault:
            self._failed[place.id] = fault.message
            return False
        return True

    def _workload(self, row: Row, place: Place, folder: Path) -> Workload:
        image = catalog.find(place.variant["image"])
        assert image is not None
        stream = f"{place.variant['name']}/i-{place.id[3:]}"
        return Workload(
            id=place.id,
            folder=folder,
            kind="server",
            entry=image.serve,
            environment={"AWS_REGION": row.region, **place.variant["environment"]},
            log=self.logs.path(Scope(row.account, row.region), GROUP + row.name, stream),
            time_limit=None,
            grace=5.0,
            network=False,
            read_only=(folder / "ml" / "model",),
            hidden=(self.data,),
        )

    async def _watch(self, key: Key, place_id: str) -> None:
        """Wakes the endpoint when an instance of it dies."""
        await self.executor.wait(self.folder / place_id)
        self._watches.pop(place_id, None)
        if self._up.pop(place_id, None) is not None:
            self._reconciler.wake(key)

    def _publish(self, key: Key, deployment: Mapping[str, Any], wanted: Sequence[Place]) -> None:
        """Replaces the endpoint's route by one over the instances that are up."""
        variants: list[Variant] = []
        for spec in deployment["variants"]:
            up = [self._up[place.id] for place in wanted if place.variant is spec and place.id in self._up]
            variants.append(Variant(spec["name"], spec["weight"], up))
        self.router.put(key, Route(variants))

    async def _serve(self, key: Key, row: Row, wanted: Sequence[Place]) -> float | None:
        self._publish(key, row.doc["_wanted"], wanted)
        doc = row.doc | {"_live": row.doc["_wanted"]}
        await self.rows.write(lambda tx: tx.update(row, doc=doc, status="InService"))
        log.info("endpoint %s: InService with %d instances", row.name, len(wanted))
        await self._retire_others(row, wanted)
        return None

    async def _mend(self, key: Key, row: Row, wanted: Sequence[Place], dead: Sequence[Place]) -> float | None:
        """Starts dead instances again, each after its pause; the others answer meanwhile."""
        self._publish(key, row.doc["_live"], wanted)
        now = asyncio.get_running_loop().time()
        for place in dead:
            if place.id not in self._due and self._is_dead(place):
                self._due[place.id] = now + self._pause(place.id)
                log.warning("endpoint %s: instance %s died and is started again", row.name, place.id)
        due = [place for place in dead if self._due.get(place.id, 0.0) <= now]
        for place in due:
            if self._due.pop(place.id, None) is not None:
                self._failed.pop(place.id, None)
                await asyncio.to_thread(shutil.rmtree, self.folder / place.id, True)
        await self._raise(key, row, due)
        self._publish(key, row.doc["_live"], wanted)
        missing = [place for place in wanted if place.id not in self._up]
        return min((max(self._due.get(place.id, 0.0) - now, 0.0) for place in missing), default=None)

    def _is_dead(self, place: Place) -> bool:
        return place.id in self._failed or isinstance(self.executor.observe(self.folder / place.id), Exited)

    def _pause(self, place_id: str) -> float:
        deaths = self._deaths[place_id] = self._deaths.get(place_id, 0) + 1
        return min(FIRST_PAUSE * 2 ** (deaths - 1), LAST_PAUSE)

    async def _fail(self, key: Key, row: Row, place: Place) -> float | None:
        """An update goes back to what answered before; a new endpoint has failed."""
        reason = self._reason(place)
        live = row.doc["_live"]
        doc = row.doc | {"FailureReason": reason} | ({"_wanted": live} if live else {})
        status = "InService" if live else "Failed"
        await self.rows.write(lambda tx: tx.update(row, doc=doc, status=status))
        log.warning("endpoint %s: %s: %s", row.name, status, reason)
        await self._retire_others(row, lifecycle.places(row.doc["_id"], live))
        return 0.0 if live else None

    def _reason(self, place: Place) -> str:
        variant = place.variant["name"]
        failure = self.folder / place.id / "ml" / "output" / "failure"
        try:
            detail = failure.read_text(errors="replace").strip()[:512]
        except OSError:
            detail = self._failed.get(place.id, "")
        return (
            f"The primary container for production variant {variant} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. {detail}"
        ).strip()

    async def _remove(self, key: Key, row: Row) -> float | None:
        self.router.drop(key)
        await self._retire_others(row, ())
        await self.rows.write(lambda tx: tx.delete(row))
        log.info("endpoint %s: deleted", row.name)
        return None

    async def _retire_others(self, row: Row, kept: Sequence[Place]) -> None:
        """Takes down every instance of the endpoint, here or left by an earlier server, that is not kept."""
        names = {place.id for place in kept}
        folders = [path.name for path in self.folder.glob(f"ep-{row.doc['_id']}-*") if path.name not in names]
        await asyncio.gather(*(self._retire(name, PATIENCE) for name in folders))

    async def _retire(self, place_id: str, patience: float) -> None:
        instance = self._up.pop(place_id, None)
        if watch := self._watches.pop(place_id, None):
            watch.cancel()
        if instance is not None:
            await instance.drained(patience)
        await leftovers.remove(self.executor, self.folder / place_id, grace=5.0)
        self._failed.pop(place_id, None)
