"""Brings endpoints up, keeps them up, takes them down.

    wake ─► tend the live instances ─► lifecycle.decide ─► act ─► one change of the row

A step never waits for an instance: `fleet.py` does, and wakes the endpoint. So an endpoint can always be mended and
deleted, whatever else is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import leftovers
from potager.compute.shares import Shares
from potager.compute.usage import Subject
from potager.compute.workload import Executor
from potager.deploy import lifecycle, serverless
from potager.deploy.asynchronous import terms
from potager.deploy.components import endpoints as components
from potager.deploy.fleet import Fleet
from potager.deploy.libraries import Libraries
from potager.deploy.lifecycle import Fail, Place, Raise, Remove, Rest, Serve
from potager.deploy.limits import Limits
from potager.deploy.pool import Pool, Pools, Serverless
from potager.deploy.raising import Raiser
from potager.deploy.router import Key, Route, Router, Variant, Watcher
from potager.deploy.traffic import alarms, plan, split
from potager.deploy.traffic.shadow import Copies, Shadow, share
from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.metrics import Metrics
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND = "endpoint"
GROUP = "/aws/sagemaker/Endpoints/"
SERVING = ("InService", "Updating", "RollingBack", "UpdateRollbackFailed")
ACTIVE = ("Creating", *SERVING, "Deleting")


class Host:
    """Serves the endpoints whose lease this server holds."""

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        shares: Shares,
        objects: Objects,
        logs: Logs,
        router: Router,
        data: Path,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.router = router
        self.limits = limits or Limits()
        self.metrics = metrics
        self.fleet = Fleet(executor, shares, data / "jobs", limits=self.limits)
        self.raiser = Raiser(self.fleet, objects, logs, data, "endpoint", GROUP)
        self.pools = Pools()
        self.libraries = Libraries(executor)
        self.raiser.want = self.libraries.want
        self.watch: list[Callable[[Row, Mapping[str, Any]], Watcher | None]] = []
        """What makes the watchers of an endpoint's route, from its row and its deployment."""
        self._raised: dict[str, Subject] = {}
        """By instance: what its usage is known by."""
        self._copies: dict[str, Copies] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every endpoint that is not at rest, and clears away instances that no endpoint wants."""
        active = await self._tender.take_up()
        ids = {each for row in active for place in _places(row) for each in place.workloads}
        await leftovers.clear(self.fleet.executor, self.fleet.folder, "ep-*", ids)

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def instances(self) -> list[Subject]:
        """The instances that answer now."""
        fleet = self.fleet
        self._raised = {key: each for key, each in self._raised.items() if key in fleet.up or fleet.busy(key)}
        return [self._raised[key] for key in fleet.up if key in self._raised]

    async def close(self) -> None:
        """Stops looking after endpoints, and ends their instances; the next server starts them again."""
        await self._tender.close()
        self.pools.close()
        self.libraries.close()
        await self.fleet.close()

    async def _act(self, row: Row) -> float | None:
        pause = self._tend(row)
        if _shift(row) and row.status in ("Updating", "RollingBack"):
            return await self._step(row, pause)
        wanted = lifecycle.proof(row.doc["_id"], row.doc["_wanted"], row.doc["_live"])
        match lifecycle.decide(row.status or "", wanted, self.fleet.up, self.fleet.failed):
            case Rest():
                return pause
            case Raise(places):
                for place in places:
                    self._raise(row, place)
                return pause
            case Serve():
                return await self._serve(row, wanted)
            case Fail(place):
                return await self._fail(row, lifecycle.unwell(place, self.fleet.failed.get(place.id, "")))
            case Remove():
                return await self._remove(row)

    async def _step(self, row: Row, pause: float | None) -> float | None:
        """Brings an update that shifts traffic one step on."""
        live, wanted, shift = row.doc["_live"], row.doc["_wanted"], row.doc["_shift"]
        rings = await alarms.ringing(self.rows, Scope(row.account, row.region), shift["config"])
        seen = plan.Seen(clock.now(), self.fleet.up, self.fleet.failed, rings)
        look = alarms.LOOK if alarms.names(shift["config"]) else None
        match plan.decide(row.doc["_id"], live, wanted, shift, seen):
            case plan.Launch(places, seconds):
                for place in places:
                    if not self.fleet.pause(place.id):
                        self._raise(row, place)
                return _soonest(pause, seconds, look)
            case plan.Wait(seconds):
                return _soonest(pause, seconds, look)
            case plan.Move(moved, status):
                doc = row.doc | {"_shift": moved}
                row = await self.rows.write(lambda tx: tx.update(row, doc=doc, status=status))
                self._tend(row)
                kept = {place.id for place in _places(row)}
                for name in self.fleet.known(f"ep-{row.doc['_id']}-") - kept:
                    self.fleet.retire(name, partial(self.wake, row))
                return 0.0
            case plan.Finish():
                return await self._serve(row, lifecycle.places(row.doc["_id"], wanted))
            case plan.Return(reason):
                return await self._fail(row, reason)
            case plan.Stuck(reason):
                doc = row.doc | {"FailureReason": reason[:1024]}
                await self.rows.write(lambda tx: tx.update(row, doc=doc, status="UpdateRollbackFailed"))
                return pause

    def _tend(self, row: Row) -> float | None:
        """Lets the live instances that are up answer, and brings back those that died, each after its pause.

        Gives the seconds until the next pause ends, None when there is none.
        """
        if row.status not in SERVING:
            return None
        known = (row.doc["_id"], row.doc["_live"], row.doc["_wanted"], _shift(row))
        self._publish(row, row.doc["_live"], plan.answering(*known))
        places = plan.launched(*known)
        pauses: list[float] = []
        for place in places:
            if place.id in self.fleet.up or self.fleet.busy(place.id):
                continue
            if pause := self.fleet.pause(place.id):
                pauses.append(pause)
            else:
                self._raise(row, place)
        return min(pauses, default=None)

    def _raise(self, row: Row, place: Place, wake: Callable[[], None] | None = None) -> None:
        by = {"EndpointName": row.name, "VariantName": place.variant["name"]}
        folders = tuple(self.fleet.folder / each for each in place.workloads)
        self._raised[place.id] = Subject(row.scope, GROUP.rstrip("/"), by, folders)
        self.raiser.raise_(row, place, wake or partial(self.wake, row))

    def _publish(self, row: Row, deployment: Mapping[str, Any], places: Sequence[Place]) -> None:
        """Replaces the endpoint's route by one over the instances that are up; one for components has no route."""
        if components.bare(deployment):
            self.router.drop(_key(row))
            return
        variants = [self._variant(row, deployment, spec, places) for spec in deployment["variants"]]
        if (shift := _shift(row)) and deployment is row.doc["_live"]:
            wanted = row.doc["_wanted"]
            fresh = [self._variant(row, wanted, spec, places) for spec in wanted["variants"]]
            variants = split.blend(variants, fresh, shift["share"])
        watchers = [each for watch in self.watch if (each := watch(row, deployment))]
        shadows = [
            Shadow(
                self._variant(row, deployment, spec, places),
                share(spec["weight"], variants[0].weight),
                self.limits.timeout,
                watchers,
                copies=self._copies.setdefault(row.doc["_id"], Copies()),
            )
            for spec in deployment.get("shadows", ())
        ]
        waiting = deployment.get("async")
        concurrent = terms.concurrent(waiting) if waiting else 0
        self.router.put(_key(row), Route(variants, [*watchers, *shadows], concurrent=concurrent))

    def _variant(
        self, row: Row, deployment: Mapping[str, Any], spec: Mapping[str, Any], places: Sequence[Place]
    ) -> Variant:
        if serverless.config(spec):
            return self._serverless(row, deployment, spec)
        up = self.fleet.up
        mine = [up[place.id] for place in places if place.variant is spec and place.id in up]
        return Variant(spec["name"], spec["weight"], mine)

    def _serverless(self, row: Row, deployment: Mapping[str, Any], spec: Mapping[str, Any]) -> Serverless:
        """A variant whose workers come and go; the same pool as before for what it runs."""
        endpoint, prefix = row.doc["_id"], lifecycle.prefix(row.doc["_id"], deployment, spec)

        def wake() -> None:
            self.pools.look(endpoint)
            self.wake(row)

        def start(number: int) -> None:
            self._raise(row, Place(f"{prefix}{number}", spec), wake)

        def measure(name: str, value: float, unit: str) -> None:
            dimensions = {"EndpointName": row.name, "VariantName": spec["name"]}
            if self.metrics:
                self.metrics.add(row.scope, "AWS/SageMaker", name, dimensions, value, unit)

        pool = self.pools.of(
            endpoint, prefix, lambda: Pool(spec["name"], prefix, self.fleet, start, wake, self.limits.idle, measure)
        )
        pool.bound((serverless.config(spec) or {})["MaxConcurrency"], spec["count"])
        pool.look()
        return Serverless(spec["name"], spec["weight"], (), pool)

    async def _serve(self, row: Row, wanted: Sequence[Place]) -> float | None:
        self._publish(row, row.doc["_wanted"], wanted)
        doc = row.doc | {"_live": row.doc["_wanted"], "_shift": None}
        await self.rows.write(lambda tx: tx.update(row, doc=doc, status="InService"))
        log.info("endpoint %s: InService with %d instances", row.name, len(wanted))
        self._retire_others(row, row.doc["_wanted"])
        return None

    async def _fail(self, row: Row, reason: str) -> float | None:
        """An update goes back to what answered before; a new endpoint has failed."""
        live = row.doc["_live"]
        doc = row.doc | {"FailureReason": reason[:1024], "_shift": None} | ({"_wanted": live} if live else {})
        status = "InService" if live else "Failed"
        row = await self.rows.write(lambda tx: tx.update(row, doc=doc, status=status))
        log.warning("endpoint %s: %s: %s", row.name, status, reason)
        self._retire_others(row, live)
        if not live:
            self.libraries.forget(row.doc["_id"])
            await self.leases.release(row)
        return 0.0 if live else None

    async def _remove(self, row: Row) -> float | None:
        """Forgets the endpoint once nothing of it is left; until then, what goes wakes it."""
        self.router.drop(_key(row))
        if self._retire_others(row, None):
            return None
        self.libraries.forget(row.doc["_id"])
        await self.rows.write(lambda tx: tx.delete(row))
        self._copies.pop(row.doc["_id"], None)
        await self.leases.release(row)
        log.info("endpoint %s: deleted", row.name)
        return None

    def _retire_others(self, row: Row, kept: Mapping[str, Any] | None) -> int:
        """Takes down every instance of the endpoint, here or left by an earlier server, that is not kept; how many.

        kept : a deployment, which has what it asks for and what answers for it; None for nothing.
        """
        endpoint = row.doc["_id"]
        others = self.fleet.known(f"ep-{endpoint}-") - {place.id for place in lifecycle.places(endpoint, kept)}
        prefixes = [lifecycle.prefix(endpoint, kept, variant) for variant in kept["variants"]] if kept else ()
        pooled = self.pools.drain(endpoint, prefixes)
        for name in others - pooled:
            self.fleet.retire(name, partial(self.wake, row))
        return len(others | pooled)

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Writes down why an endpoint cannot be brought where it should be."""
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        if row.status in lifecycle.UNDER_WAY:
            await self._fail(row, reason)
        else:
            doc = row.doc | {"FailureReason": reason}
            await self.rows.write(lambda tx: tx.update(row, doc=doc))


def _shift(row: Row) -> Mapping[str, Any] | None:
    return row.doc.get("_shift")


def _places(row: Row) -> list[Place]:
    """The instances that an endpoint has use for."""
    return plan.places(row.doc["_id"], row.doc["_live"], row.doc["_wanted"], _shift(row))


def _soonest(*seconds: float | None) -> float | None:
    return min((each for each in seconds if each is not None), default=None)


def _key(row: Row) -> Key:
    return row.account, row.region, row.name
