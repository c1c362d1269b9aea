"""Warm pools: what a job leaves standing for the next one that matches it, for a while.

    job ends ─► Available ─► a matching job is created ─► Reused (of the first), InUse (of the second) ─► Available ...
                    └────── its time is up, or UpdateTrainingJob says 0 ─► Terminated

A pool is a row of its own, `warm-pool`, while somebody may take it or has it; what is seen of it stands in the rows of
the jobs. While it is there, a parent of workers has the libraries of its last job's image imported, and the next job's
script is forked from it (`Executor.keep_warm`). It holds the persistent cache, too, a folder for each host: a job finds
it as /opt/ml/sagemaker/warmpoolcache, for it is moved there and back. A job whose machine is lost may take its cache
with it.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from potager.compute import catalog
from potager.compute.gang import Gang
from potager.compute.workload import Executor
from potager.kernel import clock, remains
from potager.kernel.errors import InUse, Invalid, WireError
from potager.kernel.names import Scope
from potager.store.leases import Leases
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND = "warm-pool"
JOBS = "training-job"
CACHE = "sagemaker/warmpoolcache"
"""Below /opt/ml: what a pool keeps from job to job."""


def check(req: Mapping[str, Any]) -> None:
    """`Invalid` where a job asks for a pool that AWS does not keep for it."""
    resources = req["ResourceConfig"]
    if not resources.get("KeepAlivePeriodInSeconds"):
        return
    for given, what in (
        (req.get("EnableManagedSpotTraining"), "managed spot training"),
        (resources.get("InstanceGroups"), "instance groups"),
    ):
        if given:
            raise Invalid(
                f"ResourceConfig.KeepAlivePeriodInSeconds cannot be used with {what}. Leave one of the two out."
            )


def wanted(doc: Mapping[str, Any]) -> float:
    """Seconds that a job's resources are to be kept when it has ended, 0 for not at all."""
    return doc["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)


def name(doc: Mapping[str, Any]) -> str | None:
    """The pool that a job runs in or will leave, the same for all of its attempts; None where it has none."""
    return doc.get("_pool")


def key(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What two jobs must have in common for one pool, as AWS lists it."""
    resources = doc["ResourceConfig"]
    return {
        "InstanceCount": resources.get("SelectedInstanceCount", resources.get("InstanceCount")),
        "InstanceType": resources.get("SelectedInstanceType", resources.get("InstanceType")),
        "VolumeKmsKeyId": resources.get("VolumeKmsKeyId"),
        "VolumeSizeInGB": resources.get("VolumeSizeInGB"),
        "RoleArn": doc.get("RoleArn"),
        "VpcConfig": doc.get("VpcConfig"),
        "EnableInterContainerTrafficEncryption": doc.get("EnableInterContainerTrafficEncryption", False),
        "EnableNetworkIsolation": doc.get("EnableNetworkIsolation", False),
    }


def taken(tx: Tx, scope: Scope, job: str, doc: dict[str, Any]) -> dict[str, Any]:
    """The document of a job that is being created: with the pool that it takes over, or else will leave."""
    if doc.get("EnableManagedSpotTraining") or doc["ResourceConfig"].get("InstanceGroups"):
        return doc
    now = clock.now()
    for pool in tx.where(KIND, ["Available"]):
        if pool.scope == scope and pool.doc["key"] == key(doc) and now < pool.doc["until"]:
            tx.update(pool, doc=pool.doc | {"job": job}, status="InUse")
            _tell(tx, pool, now, "Reused", ReusedByJob=job)
            return doc | {"_pool": pool.name, **_shown("InUse")}
    return doc | {"_pool": doc["_id"].replace("job-", "pool-", 1)} if wanted(doc) else doc


def left(tx: Tx, row: Row, doc: dict[str, Any], *, healthy: bool) -> dict[str, Any]:
    """The document of a job that is ending: with the pool that it leaves, or that ends with it.

    healthy : whether it ran, and was not ended by an error of ours.
    """
    pool = name(doc)
    if pool is None:
        return doc
    now, found = clock.now(), tx.get(KIND, row.scope, pool)
    if not wanted(doc) or not healthy:
        if found is not None:
            tx.delete(found)
        return doc | _shown("Terminated") if found is not None or wanted(doc) else doc
    image = catalog.find(doc["AlgorithmSpecification"].get("TrainingImage", ""))
    content: dict[str, Any] = {"key": key(doc), "job": row.name, "began": now, "until": now + wanted(doc)}
    content["warm"] = list(image.warm) if image else []
    if found is None:
        tx.insert(KIND, row.scope, pool, content, arn=f"{row.arn}/{pool}", status="Available")
    else:
        tx.update(found, doc=content, status="Available")
    return doc | {"_pool": pool} | _shown("Available")


def updated(tx: Tx, row: Row, seconds: int) -> Row:
    """The pool of a job with another time to live, 0 ending it; `ValidationException` where the job has none now."""
    pool = tx.get(KIND, row.scope, name(row.doc) or "")
    if pool is None or pool.status != "Available" or pool.doc["job"] != row.name:
        text = (
            f"The request was rejected because training job {row.name} has no warm pool that is Available. "
            "Create jobs with ResourceConfig.KeepAlivePeriodInSeconds, and update it once they have ended."
        )
        raise WireError("ValidationException", text)
    resources = row.doc["ResourceConfig"] | {"KeepAlivePeriodInSeconds": seconds}
    tx.update(row, doc=row.doc | {"ResourceConfig": resources})
    return tx.update(pool, doc=pool.doc | {"until": pool.doc["began"] + seconds})


def check_free(row: Row) -> None:
    """`InUse` for a job that must not be deleted because its pool is there."""
    if row.doc.get("_warm") == "Available":
        raise InUse(
            f"Training job {row.name} retains an Available warm pool. End that first: UpdateTrainingJob with "
            "ResourceConfig KeepAlivePeriodInSeconds 0."
        )


def _shown(status: str, **more: Any) -> dict[str, Any]:
    """The members of a job's document that show its pool; `_warm` is there to be filtered by."""
    return {"WarmPoolStatus": {"Status": status, **more}, "_warm": status}


def _tell(tx: Tx, pool: Row, now: float, status: str, **more: Any) -> None:
    """Writes what became of a pool into the row of the job that left it."""
    row = tx.get(JOBS, pool.scope, pool.doc["job"])
    if row is not None and row.doc.get("_pool") == pool.name:
        seconds = max(0, round(now - pool.doc["began"]))
        tx.update(row, doc=row.doc | _shown(status, ResourceRetainedBillableTimeInSeconds=seconds, **more))


class Pools:
    """Keeps the caches of pools, and ends those whose time is up."""

    def __init__(self, rows: Rows, leases: Leases, executor: Executor, data: Path) -> None:
        self._rows = rows
        self._leases = leases
        self._executor = executor
        self._folder = data / "pools"
        self._tender = Tender(KIND, ("Available",), rows, leases, self._act, self._give_up)

    async def start(self, jobs: Collection[Row]) -> None:
        """Takes up the pools that there are, and removes the caches of those that are not; `jobs` have not ended."""
        await self._tender.take_up()
        rows = await self._heat()
        known = {row.name for row in rows} | {name(row.doc) for row in jobs}
        await asyncio.to_thread(self._sweep, known)

    async def _heat(self) -> list[Row]:
        """Has kept warm what the pools that there are want; gives the pools."""
        rows = await self._rows.read(lambda tx: tx.where(KIND, ["Available", "InUse"]))
        await self._executor.keep_warm(KIND, [row.doc["warm"] for row in rows])
        return rows

    def _sweep(self, known: Collection[str | None]) -> None:
        for path in self._folder.glob("pool-*"):
            if path.name not in known:
                _removed(path)

    async def settled(self, pool: Row) -> None:
        """Has a pool looked at whose time to live has changed; one whose time is up has ended when this returns."""
        if pool.doc["until"] <= clock.now():
            await self._end(pool)
        else:
            self._tender.wake(pool)

    async def left(self, job: Row) -> None:
        """Has the pool looked at that a job left, or removes what it has left of one."""
        named = name(job.doc)
        if named is None:
            return
        pool = await self._rows.get(KIND, job.scope, named)
        if pool is not None:
            self._tender.wake(pool)
        else:
            await asyncio.to_thread(_removed, self._folder / named)
        await self._heat()

    async def close(self) -> None:
        await self._tender.close()

    async def lend(self, doc: Mapping[str, Any], host: str, ml: Path) -> None:
        """Puts a host's cache into a job that has not started: an empty one where its pool has none."""
        pool = name(doc)
        if pool is not None:
            await asyncio.to_thread(_lent, self._folder / pool / host, ml / CACHE)

    async def take_back(self, doc: Mapping[str, Any], gang: Gang) -> None:
        """Takes the caches out of a job that does not run, if they are there."""
        pool = name(doc)
        if pool is not None:
            for host in gang.hosts:
                await asyncio.to_thread(_taken_back, gang.home(host) / "ml", self._folder / pool / host)

    async def _act(self, row: Row) -> float | None:
        left = row.doc["until"] - clock.now()
        if left > 0:
            return left
        await self._end(row)
        return None

    async def _end(self, row: Row) -> None:
        def write(tx: Tx) -> None:
            tx.delete(row)
            _tell(tx, row, clock.now(), "Terminated")

        await self._rows.write(write)
        await self._leases.release(row)
        await self._heat()
        await asyncio.to_thread(_removed, self._folder / row.name)

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Leaves a pool as it is that cannot be ended; the next server tries again."""


def _lent(cache: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(cache, place)
    except FileNotFoundError:
        place.mkdir(exist_ok=True)


def _taken_back(ml: Path, cache: Path) -> None:
    """Moves what is a folder, and no link of the program's, on the way."""
    found = remains.folder(ml, CACHE)
    if found is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a cache is there already, or the program took the right to move it
            os.rename(found, cache)


def _removed(folder: Path) -> None:
    try:
        remains.wipe(folder)
    except OSError as error:
        log.warning("%s could not be removed: %s", folder, error)
