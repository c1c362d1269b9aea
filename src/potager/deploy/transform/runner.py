"""Carries transform jobs from their row to their end.

    wake ─► observe (row, this server's work) ─► lifecycle.decide ─► act ─► one change of the row

The work is a task of this server with workers of its own, in `jobs/tr-<job>-<number>-<try>`. When a server is killed
its workers are of no use: the next one ends them and begins the job again; outputs appear whole, and those that are
there stay (`work.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import leftovers
from potager.compute.allotment import Ask, Share
from potager.compute.shares import Shares
from potager.compute.usage import Subject
from potager.compute.workload import Executor, Workload
from potager.deploy import layout
from potager.deploy.layout import Served
from potager.deploy.transform import inputs, lifecycle, plan
from potager.deploy.transform.crew import Crew
from potager.deploy.transform.faults import MAX_REASON, BadObject, Broken
from potager.deploy.transform.journal import GROUP, Journal
from potager.deploy.transform.lifecycle import Busy, Conclude, Done, Halt, Idle, Launch, Rest, Wait
from potager.deploy.transform.plan import Plan
from potager.deploy.transform.work import Work
from potager.kernel import clock, uris
from potager.kernel.errors import Fault, LimitReached
from potager.kernel.names import Scope
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND = "transform-job"
GRACE, LAST_GRACE = 120.0, 5.0
"""Seconds between SIGTERM and SIGKILL, as SageMaker gives them; and where the server itself ends."""
INTERNAL = "InternalServerError: We encountered an internal error. The server's standard error says more."

ACTIVE = ("InProgress", "Stopping")


class TransformRunner:
    """Runs the transform jobs whose lease this server holds, each when it has its share of the machine."""

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        shares: Shares,
        objects: Objects,
        logs: Logs,
        data: Path,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.executor = executor
        self.shares = shares
        self.objects = objects
        self.logs = logs
        self.data = data
        self.folder = data / "jobs"
        self._grace = GRACE
        self._works: dict[str, asyncio.Task[Done]] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Clears away the workers that an earlier server left, then takes up every job that has not ended."""
        await leftovers.clear(self.executor, self.folder, "tr-*", ())
        await self._tender.take_up()

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def instances(self) -> list[Subject]:
        """The workers of the jobs that have not ended."""
        rows = await self.rows.read(lambda tx: tx.where(KIND, ACTIVE))
        return [
            Subject(row.scope, GROUP, {"Host": f"{row.name}/algo-{number + 1}"}, tuple(folders))
            for row in rows
            for number in range(plan.read(row.doc).workers)
            if (folders := sorted(self.folder.glob(f"{row.doc['_id']}-{number}-*")))
        ]

    async def close(self) -> None:
        """Breaks all work off and ends the workers; the next server begins the jobs again."""
        await self._tender.close()
        self._grace = LAST_GRACE
        works = list(self._works.values())
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    async def _act(self, row: Row) -> float | None:
        match lifecycle.decide(row.status or "", self._seen(row.doc["_id"])):
            case Rest() | Wait():
                return None
            case Launch():
                self._launch(row)
                return None
            case Halt():
                self._halt(self._works[row.doc["_id"]])
                return None
            case Conclude(status, reason):
                return await self._conclude(row, status, reason)

    def _halt(self, work: asyncio.Task[Done]) -> None:
        """Breaks work off, once: a second time would break off the ending of its workers."""
        if not work.cancelling():
            work.cancel()

    def _seen(self, job: str) -> lifecycle.Seen:
        task = self._works.get(job)
        if task is None:
            return Idle()
        if not task.done():
            return Busy()
        return Done() if task.cancelled() else task.result()

    def _launch(self, row: Row) -> None:
        task = asyncio.create_task(self._worked(row), name=f"{KIND}:{row.name}")
        self._works[row.doc["_id"]] = task
        task.add_done_callback(lambda _: self.wake(row))

    async def _worked(self, row: Row) -> Done:
        """The end of the work on a job, whatever happens to it but being broken off."""
        try:
            share = await self._granted(row)
            await self._work(await self._begun(row), share, again="TransformStartTime" in row.doc)
        except (BadObject, Broken) as fault:
            return Done(fault.message)
        except Fault as fault:
            return Done(f"InternalServerError: {fault.message}")
        except Exception:
            log.exception("transform job %s failed", row.name)
            return Done(INTERNAL)
        finally:
            self.shares.release(row.doc["_id"])
        return Done()

    async def _granted(self, row: Row) -> Share:
        """The job's share of the machine, an instance for each of its workers, when its turn comes."""
        kinds = (row.doc["TransformResources"]["InstanceType"],) * plan.read(row.doc).workers
        try:
            return await self.shares.granted(Ask(row.doc["_id"], f"transform job {row.name}", kinds, row.created))
        except LimitReached as fault:
            raise Broken(f"CapacityError: {fault.message}") from fault

    async def _begun(self, row: Row) -> Row:
        """Writes down when the job began, once."""

        def write(tx: Any) -> Row:
            fresh: Row = tx.get(KIND, Scope(row.account, row.region), row.name) or row
            if "TransformStartTime" in fresh.doc:
                return fresh
            return tx.update(fresh, doc=fresh.doc | {"TransformStartTime": clock.now()})

        return await self.rows.write(write)

    async def _work(self, row: Row, share: Share, *, again: bool) -> None:
        how = plan.read(row.doc)
        journal = Journal(self._log(row, "data-log"))
        megabytes = how.sizes.batch // plan.MEGABYTE
        strategy = "SINGLE_RECORD" if how.single else "MULTI_RECORD"
        journal.say(
            f"MaxConcurrentTransforms={how.concurrent}, MaxPayloadInMB={megabytes}, BatchStrategy={strategy}, "
            f"InstanceCount={how.workers}"
        )
        names = [model["name"] for model in models(row.doc)]
        spawn = partial(self._spawn, row, how, share)
        crew = Crew(self.executor, how, spawn, str(self.folder / row.doc["_id"]), names)
        work = Work(row.doc["_id"], how, crew, self.objects, journal, again=again)
        grace = LAST_GRACE
        try:
            bucket, _ = uris.s3(row.doc["TransformOutput"]["S3OutputPath"])
            await work.run(inputs.walk(self.objects, row.doc), bucket)
        except asyncio.CancelledError:
            grace = self._grace
            raise
        finally:
            await crew.end(grace)

    async def _spawn(self, row: Row, how: Plan, share: Share, folder: Path, number: int, container: int) -> None:
        """Lays a container's model out in a folder and starts it there."""
        containers = models(row.doc)
        model = containers[container]
        try:
            served = await layout.lay_out(self.objects, model, folder / "ml")
            stream = f"algo-{number + 1}" + (f"-{model['name']}" if len(containers) > 1 else "")
            work = self._workload(row, how, model, served, folder, stream)
            bound = layout.parted(self.shares.bound(share, work, number), len(containers))
        except Fault as fault:
            raise Broken(f"ClientError: {fault.message}") from fault
        await self.executor.start(bound)

    def _workload(
        self, row: Row, how: Plan, model: Mapping[str, Any], served: Served, folder: Path, stream: str
    ) -> Workload:
        return Workload(
            id=folder.name,
            folder=folder,
            kind="server",
            entry=served.entry,
            environment={**environment(model, row.region, how), **served.environment},
            log=self._log(row, stream),
            grace=GRACE,
            network=served.network,
            read_only=(folder / "ml" / "model",),
            hidden=(self.data,),
            requirements=served.requirements,
        )

    def _log(self, row: Row, name: str) -> Path:
        """A log file of the job. A later job of the same name has its own: the stream carries the creation time."""
        return self.logs.path(Scope(row.account, row.region), GROUP, f"{row.name}/{name}-{int(row.created)}")

    async def _conclude(self, row: Row, status: str, reason: str | None) -> float | None:
        changes: dict[str, Any] = {"TransformEndTime": clock.now()} if "TransformStartTime" in row.doc else {}
        if reason is not None:
            changes["FailureReason"] = reason[:MAX_REASON]
        ended = await self.rows.write(lambda tx: tx.update(row, doc=row.doc | changes, status=status))
        self._works.pop(row.doc["_id"], None)
        await self.leases.release(ended)
        log.info("transform job %s: %s %s", row.name, status, reason or "")
        return None

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Writes down why a job cannot be brought to its end."""
        if work := self._works.get(row.doc["_id"]):
            self._halt(work)
        if row.status not in lifecycle.TERMINAL:
            await self._conclude(row, "Failed", f"InternalServerError: {type(error).__name__}: {error}")


def models(doc: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a job's containers serve; one that was created before models could have several kept one."""
    return doc["_models"] if "_models" in doc else [{"name": "primary", **doc["_model"]}]


def environment(model: Mapping[str, Any], region: str, how: Plan) -> dict[str, str]:
    """What a container finds in its environment: the platform's, then the model's and the job's own."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(how.sizes.batch // plan.MEGABYTE),
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if how.single else "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(how.concurrent),
        **model["environment"],
    }
