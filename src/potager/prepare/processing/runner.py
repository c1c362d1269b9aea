"""Carries processing jobs from their row to their end.

    wake ─► observe (row, workloads) ─► lifecycle.decide ─► act ─► one change of the row

A workload for each of its hosts, seen as one (`compute/gang.py`), in folders of their own below `jobs/<id>`: `ml` and
`lower` are what the host knows as `/opt/ml`, `run` belongs to the executor. Every action can be done twice, for a
server may be killed after any line: laying out begins from nothing as long as no workload has started, the executor
starts a folder's workload once, and outputs are written over themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import catalog, instances, leftovers
from potager.compute.allotment import Ask, Share
from potager.compute.gang import Gang, numbered
from potager.compute.shares import Shares, Waiting
from potager.compute.usage import Subject
from potager.compute.workload import Executor, Exited, Workload
from potager.kernel import clock, lastwords, logfile, remains
from potager.kernel.errors import Fault, LimitReached, NotFound
from potager.kernel.names import Scope
from potager.kernel.sessions import Session, Sessions
from potager.prepare.processing import contract, layout, lifecycle, outputs
from potager.prepare.processing.contract import BadMessage
from potager.prepare.processing.lifecycle import Conclude, Halt, Launch, Rest, Watch
from potager.prepare.processing.outputs import BadOutput, Outputs
from potager.store import inputs
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.mirror import again_and_again
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND = "processing-job"
GROUP = "/aws/sagemaker/ProcessingJobs"
GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL, as SageMaker gives them."""
SAID = 900
"""Characters of a program's last words in a FailureReason."""

ACTIVE = ("InProgress", "Stopping")


class ProcessingRunner:
    """Runs the processing jobs whose lease this server holds."""

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        shares: Shares,
        objects: Objects,
        logs: Logs,
        sessions: Sessions,
        data: Path,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.executor = executor
        self.shares = shares
        self.objects = objects
        self.logs = logs
        self.sessions = sessions
        self.data = data
        self.folder = data / "jobs"
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._outputs: dict[str, Outputs] = {}
        self._uploads: dict[str, asyncio.Task[None]] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every job that has not ended, and clears away what jobs that ended left behind."""
        active = await self._tender.take_up()
        await leftovers.clear(self.executor, self.folder, "pr-*", {row.doc["_id"] for row in active})

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def instances(self) -> list[Subject]:
        """The hosts of the jobs that have not ended."""
        rows = await self.rows.read(lambda tx: tx.where(KIND, ACTIVE))
        return [
            Subject(row.scope, GROUP, {"Host": f"{row.name}/{host}"}, (gang.home(host),))
            for row in rows
            for gang in (self._gang(row),)
            for host in gang.hosts
        ]

    async def close(self) -> None:
        """Stops looking after jobs; their workloads go on, and the next server takes them up."""
        await self._tender.close()
        tasks = [*self._watches.values(), *self._uploads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _act(self, row: Row) -> float | None:
        gang = self._gang(row)
        match lifecycle.decide(row.status or "", "ProcessingStartTime" in row.doc, gang.observe()):
            case Rest():
                return None
            case Launch():
                return await self._admit(row, gang)
            case Halt():
                gang.stop()
                return self._watch(row, gang)
            case Watch():
                await self._enter(row)
                return self._watch(row, gang)
            case Conclude() as end:
                return await self._conclude(row, gang, end)

    def _gang(self, row: Row) -> Gang:
        cluster = row.doc["ProcessingResources"]["ClusterConfig"]
        count = cluster.get("SelectedInstanceCount", cluster["InstanceCount"])
        return Gang(self.executor, self.folder / row.doc["_id"], numbered(count))

    def _watch(self, row: Row, gang: Gang) -> None:
        """Uploads while the job runs, and wakes it when its workloads end; until then StopProcessingJob can."""
        if gang.folder.name not in self._watches:
            self._watches[gang.folder.name] = asyncio.create_task(self._ended(row, gang))
        outs = self._outputs_of(row, gang)
        if outs.continuous and gang.folder.name not in self._uploads:
            looking = again_and_again(partial(outs.sync, "continuous"), f"processing job {row.name}: its outputs")
            self._uploads[gang.folder.name] = asyncio.create_task(looking)

    async def _ended(self, row: Row, gang: Gang) -> None:
        try:
            await gang.wait()
        except Exception:
            log.exception("processing job %s: its end cannot be waited for, looking again", row.name)
            await asyncio.sleep(1.0)
        finally:
            self._watches.pop(gang.folder.name, None)
        self.wake(row)

    def _outputs_of(self, row: Row, gang: Gang) -> Outputs:
        if gang.folder.name not in self._outputs:
            layers = [home / layer for home in gang.homes for layer in ("lower", "ml")]
            self._outputs[gang.folder.name] = Outputs(self.objects, row.doc, layers)
        return self._outputs[gang.folder.name]

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Ends a job that no step brings further, with the error as its reason."""
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        await self._conclude(row, self._gang(row), Conclude("Failed", reason, keep="nothing"))

    async def _enter(self, row: Row) -> Row:
        """Writes that the job's program runs, once."""
        if "ProcessingStartTime" in row.doc:
            return row
        doc = row.doc | {"ProcessingStartTime": clock.now()}
        return await self.rows.write(lambda tx: tx.update(row, doc=doc))

    async def _admit(self, row: Row, gang: Gang) -> float | None:
        """Launches a job once it has its share of the machine; until then it is `InProgress` and has not started."""
        cluster = row.doc["ProcessingResources"]["ClusterConfig"]
        kinds = (cluster.get("SelectedInstanceType") or cluster["InstanceType"],) * len(gang.hosts)
        ask = Ask(row.doc["_id"], f"processing job {row.name}", kinds, row.created)
        try:
            share = self.shares.ask(ask, partial(self.wake, row))
        except LimitReached as fault:
            return await self._conclude(
                row, gang, Conclude("Failed", f"CapacityError: {fault.message}", keep="nothing")
            )
        return None if isinstance(share, Waiting) else await self._launch(row, gang, share)

    async def _launch(self, row: Row, gang: Gang, share: Share) -> float | None:
        image = catalog.find(row.doc["AppSpecification"]["ImageUri"])
        refused = catalog.unknown(row.doc["AppSpecification"]["ImageUri"]) if image is None else image.missing()
        if image is None or refused:
            return await self._refuse(row, gang, refused)
        try:
            if not gang.begun:
                await self._prepare(row.doc, gang)
        except BadOutput as fault:
            return await self._refuse(row, gang, fault.message)
        except (inputs.BadInput, NotFound) as fault:
            return await self._refuse(row, gang, f"Failed to download data. {fault.message}")
        fresh = await self.rows.find(KIND, Scope(row.account, row.region), row.name)
        if fresh.status != "InProgress":
            return 0.0
        await self.shares.rested()
        await gang.start(await asyncio.to_thread(self._workloads, fresh, image, gang, share))
        await self._enter(fresh)
        return 0.0

    async def _refuse(self, row: Row, gang: Gang, why: str) -> float | None:
        return await self._conclude(row, gang, Conclude("Failed", f"ClientError: {why}", keep="nothing"))

    async def _prepare(self, doc: Mapping[str, Any], gang: Gang) -> None:
        """Lays out what every host finds, from nothing."""
        await outputs.check(self.objects, doc)
        await asyncio.to_thread(remains.wipe, gang.folder)  # a link left in it would lead what is laid out next
        for number, host in enumerate(gang.hosts):
            home = gang.home(host)
            await asyncio.to_thread(contract.write, doc, gang.hosts, host, home / "ml")
            await layout.lay_out(self.objects, doc, home / "ml", home / "lower", number, len(gang.hosts))

    def _workloads(self, row: Row, image: catalog.Image, gang: Gang, share: Share) -> list[Workload]:
        works = [self._workload(row, image, gang, host) for host in gang.hosts]
        return [self.shares.bound(share, work, number) for number, work in enumerate(works)]

    def _workload(self, row: Row, image: catalog.Image, gang: Gang, host: str) -> Workload:
        doc, home = row.doc, gang.home(host)
        environment, secrets = self._surroundings(row)
        return Workload(
            id=doc["_id"] if len(gang.hosts) == 1 else f"{doc['_id']}-{host}",
            folder=home,
            kind="job",
            entry="" if _argv(doc) else image.processor,
            argv=_argv(doc),
            environment=environment,
            secrets=secrets,
            log=self._log(row, host),
            preface=(
                f"Potager runs {doc['AppSpecification']['ImageUri']} as {image.used()}",
                *(("Running the following command:", "", " ".join(_argv(doc))) if _argv(doc) else ()),
            ),
            time_limit=float(doc["StoppingCondition"]["MaxRuntimeInSeconds"]),
            grace=GRACE,
            network=not _isolated(doc),
            read_only=(home / "ml" / "config",),
            hidden=(self.data,),
            disk_bytes=doc["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] * instances.GIB,
        )

    def _surroundings(self, row: Row) -> tuple[dict[str, str], dict[str, str]]:
        """A program's environment and its secrets: the user's variables win; without a network there is no AWS."""
        given = row.doc.get("Environment", {})
        if _isolated(row.doc):
            return {"AWS_REGION": row.region, "AWS_DEFAULT_REGION": row.region, **given}, {}
        return self.sessions.inside(Session(KIND, row.account, row.region, row.name, row.doc["_id"]), given)

    def _log(self, row: Row, host: str) -> Path:
        """A host's log file. A later job of the same name has its own: the stream carries the creation time."""
        stream = f"{row.name}/{host}-{int(row.created)}"
        return self.logs.path(Scope(row.account, row.region), GROUP, stream)

    async def _conclude(self, row: Row, gang: Gang, end: Conclude) -> float | None:
        end = await self._keep(row, gang, end)
        changes = self._times(row, gang)
        try:
            changes["ExitMessage"] = await asyncio.to_thread(contract.message, [home / "ml" for home in gang.homes])
        except BadMessage as fault:
            end = Conclude("Failed", end.reason or f"ClientError: {fault.message}")
        if end.status == "Failed":
            reason = end.reason or await asyncio.to_thread(self._said, row, gang)
            changes["FailureReason"] = reason[: contract.MAX_MESSAGE]
        elif end.reason:
            await asyncio.to_thread(self._tell, row, gang, f"Potager stopped this job: {end.reason}.")
        doc = row.doc | {name: value for name, value in changes.items() if value}
        row = await self.rows.write(lambda tx: tx.update(row, doc=doc, status=end.status))
        self._outputs.pop(gang.folder.name, None)
        try:
            await self.leases.release(row)
        finally:  # the row has ended: no other step comes to give these back
            await leftovers.remove(self.executor, gang.folder)
            self.shares.release(gang.folder.name)
        log.info("processing job %s: %s %s", row.name, end.status, changes.get("FailureReason", ""))
        return None

    async def _keep(self, row: Row, gang: Gang, end: Conclude) -> Conclude:
        """Uploads the outputs for the last time; a job whose outputs cannot be kept has failed."""
        if uploading := self._uploads.pop(gang.folder.name, None):
            uploading.cancel()
            await asyncio.gather(uploading, return_exceptions=True)
        try:
            await self._outputs_of(row, gang).sync(end.keep)
        except LimitReached:
            if end.status != "Failed":  # what that one left may be what fills the disk
                raise  # what the job made is kept, and tried again
        except (Fault, OSError) as fault:
            if end.status != "Failed":
                end = Conclude("Failed", f"ClientError: Failed to upload output data. {fault}")
        return end

    def _said(self, row: Row, gang: Gang) -> str:
        """Why a job failed whose program said so by its exit code: with its last words, which are in its log."""
        host = gang.decisive()
        seen = self.executor.observe(gang.home(host))
        code = seen.code if isinstance(seen, Exited) else None
        said = lastwords.spoken(self.logs.lines(self._log(row, host)), " ".join(_argv(row.doc)))[:SAID]
        where = f", host: {host}" if len(gang.hosts) > 1 else ""
        return f"AlgorithmError: {said or 'See job logs for more information'}, exit code: {code}{where}"

    def _tell(self, row: Row, gang: Gang, text: str) -> None:
        for host in gang.hosts:
            logfile.append(self._log(row, host), text)

    def _times(self, row: Row, gang: Gang) -> dict[str, Any]:
        seen = gang.observe()
        if not isinstance(seen, Exited):
            return {"ProcessingEndTime": clock.now()} if "ProcessingStartTime" in row.doc else {}
        started = row.doc.get("ProcessingStartTime") or seen.started or seen.at
        return {"ProcessingStartTime": started, "ProcessingEndTime": max(seen.at, started)}


def _argv(doc: Mapping[str, Any]) -> tuple[str, ...]:
    app = doc["AppSpecification"]
    return (*app.get("ContainerEntrypoint", ()), *app.get("ContainerArguments", ()))


def _isolated(doc: Mapping[str, Any]) -> bool:
    return doc.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
