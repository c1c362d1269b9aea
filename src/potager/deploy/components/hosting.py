"""Brings the copies of inference components up, keeps them up, takes them down.

    wake ─► tend the live copies ─► lifecycle.decide ─► act ─► one change of the row

As `deploy/hosting.py` does for endpoints, with a fleet of its own: its instances are called `ic-*`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import leftovers
from potager.compute.shares import Shares
from potager.compute.workload import Executor
from potager.deploy import lifecycle
from potager.deploy.components.room import KIND
from potager.deploy.components.routing import ComponentRoute
from potager.deploy.fleet import Fleet
from potager.deploy.libraries import Libraries
from potager.deploy.lifecycle import Fail, Place, Raise, Remove, Rest, Serve
from potager.deploy.limits import Limits
from potager.deploy.raising import Raiser
from potager.deploy.router import Router, Variant, Watcher
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.tending import Tender

log = logging.getLogger(__name__)

GROUP = "/aws/sagemaker/InferenceComponents/"
SERVING = ("InService", "Updating")
ACTIVE = ("Creating", *SERVING, "Deleting")


class ComponentHost:
    """Serves the inference components whose lease this server holds.

    router : their routes, by account, region and the component's name.
    """

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        shares: Shares,
        objects: Objects,
        logs: Logs,
        data: Path,
        limits: Limits,
        libraries: Libraries,
    ) -> None:
        self.router = Router()
        self.watch: list[Callable[[Row, Mapping[str, Any]], Watcher | None]] = []
        """What makes the watchers of a component's route, from its row and its deployment."""
        self.fleet = Fleet(executor, shares, data / "jobs", limits=limits)
        self.raiser = Raiser(self.fleet, objects, logs, data, "inference component", GROUP)
        self.raiser.want = libraries.want
        self._libraries = libraries
        self._rows = rows
        self._leases = leases
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every component that is not at rest, and clears away copies that no component wants."""
        active = await self._tender.take_up()
        ids = {each for row in active for place in _places(row) for each in place.workloads}
        await leftovers.clear(self.fleet.executor, self.fleet.folder, "ic-*", ids)

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def close(self) -> None:
        """Stops looking after components, and ends their copies; the next server starts them again."""
        await self._tender.close()
        await self.fleet.close()

    async def _act(self, row: Row) -> float | None:
        pause = self._tend(row)
        if row.doc["_short"] and row.status in ("Creating", "Updating"):
            return await self._fail(row, row.doc["_short"])
        wanted = places(row.doc["_id"], row.doc["_wanted"])
        match lifecycle.decide(row.status or "", wanted, self.fleet.up, self.fleet.failed):
            case Rest():
                return pause
            case Raise(missing):
                for place in missing:
                    self.raiser.raise_(row, place, partial(self.wake, row))
                return pause
            case Serve():
                return await self._serve(row, wanted)
            case Fail(place):
                return await self._fail(row, unwell(row, self.fleet.failed.get(place.id, "")))
            case Remove():
                return await self._remove(row)

    def _tend(self, row: Row) -> float | None:
        """Lets those copies answer that are up, and brings back those that died.

        Gives the seconds until the next pause ends, None when there is none.
        """
        live = row.doc["_live"]
        if row.status not in SERVING or live is None:
            return None
        wanted = places(row.doc["_id"], live)
        self._publish(row, live, wanted)
        pauses: list[float] = []
        for place in wanted:
            if place.id in self.fleet.up or self.fleet.busy(place.id):
                continue
            if pause := self.fleet.pause(place.id):
                pauses.append(pause)
            else:
                self.raiser.raise_(row, place, partial(self.wake, row))
        return min(pauses, default=None)

    def _publish(self, row: Row, deployment: Mapping[str, Any], wanted: Sequence[Place]) -> None:
        """Replaces the component's route by one over the copies that are up."""
        up = self.fleet.up
        (spec,) = deployment["variants"]
        copies = Variant(spec["name"], spec["weight"], [up[place.id] for place in wanted if place.id in up])
        watchers = [each for watch in self.watch if (each := watch(row, deployment))]
        route = ComponentRoute([copies], watchers, endpoint=row.doc["EndpointName"], wanted=spec["count"])
        self.router.put((row.account, row.region, row.name), route)

    async def _serve(self, row: Row, wanted: Sequence[Place]) -> float | None:
        self._publish(row, row.doc["_wanted"], wanted)
        doc = row.doc | {"_live": row.doc["_wanted"]}
        await self._rows.write(lambda tx: tx.update(row, doc=doc, status="InService"))
        log.info("inference component %s: InService with %d copies", row.name, len(wanted))
        self._retire_others(row, row.doc["_wanted"])
        return None

    async def _fail(self, row: Row, reason: str) -> float | None:
        """An update goes back to what answered before; a new component has failed."""
        live = row.doc["_live"]
        doc = row.doc | {"FailureReason": reason[:1024], "_short": ""} | ({"_wanted": live} if live else {})
        status = "InService" if live else "Failed"
        row = await self._rows.write(lambda tx: tx.update(row, doc=doc, status=status))
        log.warning("inference component %s: %s: %s", row.name, status, reason)
        self._retire_others(row, live)
        if not live:
            self._libraries.forget(row.doc["_id"])
            await self._leases.release(row)
        return 0.0 if live else None

    async def _remove(self, row: Row) -> float | None:
        """Forgets the component once nothing of it is left; until then, what goes wakes it."""
        self.router.drop((row.account, row.region, row.name))
        if self._retire_others(row, None):
            return None
        self._libraries.forget(row.doc["_id"])
        await self._rows.write(lambda tx: tx.delete(row))
        await self._leases.release(row)
        log.info("inference component %s: deleted", row.name)
        return None

    def _retire_others(self, row: Row, kept: Mapping[str, Any] | None) -> int:
        """Takes down every copy of the component, here or left by an earlier server, that is not kept; how many."""
        component = row.doc["_id"]
        others = self.fleet.known(f"ic-{component}-") - {place.id for place in places(component, kept)}
        for name in others:
            self.fleet.retire(name, partial(self.wake, row))
        return len(others)

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Writes down why a component cannot be brought where it should be."""
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        if row.status in ("Creating", "Updating"):
            await self._fail(row, reason)
        else:
            doc = row.doc | {"FailureReason": reason}
            await self._rows.write(lambda tx: tx.update(row, doc=doc))


def places(component: str, deployment: Mapping[str, Any] | None) -> list[Place]:
    """The copies of a component's deployment, as instances of its one variant."""
    if deployment is None:
        return []
    (variant,) = deployment["variants"]
    prefix = f"ic-{component}-{lifecycle.digest(deployment, variant)}-"
    return [Place(f"{prefix}{number}", variant) for number in range(variant["count"])]


def _places(row: Row) -> list[Place]:
    """The copies that a component has use for."""
    return [place for key in ("_live", "_wanted") for place in places(row.doc["_id"], row.doc[key])]


def unwell(row: Row, said: str) -> str:
    """Why a copy did not come up, and what it said itself."""
    return (
        f"The primary container for inference component {row.name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this inference component. {said}"
    ).strip()
