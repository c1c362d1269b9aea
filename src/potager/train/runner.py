"""Carries training jobs from their row to their end.

    wake ─► observe (row, workload) ─► lifecycle.decide ─► act ─► one change of the row

A job's folder, `jobs/<id>`, is all that its workload sees: `ml` is `/opt/ml`, `run` belongs to the executor. Every
action can be done twice, for a server may be killed after any line: laying out begins from nothing as long as no
workload has started, the executor starts a folder's workload once, and an artifact is written over itself.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.compute import catalog, leftovers
from potager.compute.workload import Executor, Exited, Workload
from potager.kernel import clock
from potager.kernel.errors import Fault, LimitReached, NotFound
from potager.kernel.names import Scope
from potager.kernel.sessions import Sessions
from potager.store import inputs
from potager.store.blobs import Blobs
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.tending import Tender
from potager.train import artifacts, contract, lifecycle, metrics
from potager.train.lifecycle import Conclude, Halt, Launch, Rest, Watch
from potager.train.script import failure, launch, program
from potager.train.script.source import BadSource

log = logging.getLogger(__name__)

KIND = "training-job"
GROUP = "/aws/sagemaker/TrainingJobs"
GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL, as SageMaker gives them."""

ACTIVE = ("InProgress", "Stopping")


class Runner:
    """Runs the training jobs whose lease this server holds."""

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        objects: Objects,
        blobs: Blobs,
        logs: Logs,
        sessions: Sessions,
        data: Path,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.executor = executor
        self.objects = objects
        self.blobs = blobs
        self.logs = logs
        self.sessions = sessions
        self.data = data
        self.folder = data / "jobs"
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every job that has not ended, and clears away what jobs that ended left behind."""
        active = await self._tender.take_up()
        await leftovers.clear(self.executor, self.folder, "job-*", {row.doc["_id"] for row in active})

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def close(self) -> None:
        """Stops looking after jobs; their workloads go on, and the next server takes them up."""
        await self._tender.close()
        for watch in self._watches.values():
            watch.cancel()

    async def _act(self, row: Row) -> float | None:
        job = lifecycle.Job(row.status or "", row.doc["SecondaryStatus"])
        folder = self.folder / row.doc["_id"]
        match lifecycle.decide(job, self.executor.observe(folder)):
            case Rest():
                return None
            case Launch():
                return await self._launch(row, folder)
            case Halt():
                self.executor.stop(folder)
                return self._watch(row, folder)
            case Watch():
                await self._enter(row, "Training")
                return self._watch(row, folder)
            case Conclude() as end:
                return await self._conclude(row, folder, end)

    def _watch(self, row: Row, folder: Path) -> None:
        """Wakes the job when its workload ends; until then it sleeps, and StopTrainingJob can wake it."""
        if folder.name not in self._watches:
            self._watches[folder.name] = asyncio.create_task(self._ended(row, folder))

    async def _ended(self, row: Row, folder: Path) -> None:
        try:
            await self.executor.wait(folder)
        except Exception:
            log.exception("training job %s: its end cannot be waited for, looking again", row.name)
            await asyncio.sleep(1.0)
        finally:
            self._watches.pop(folder.name, None)
        self.wake(row)

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Ends a job that no step brings further, with the error as its reason."""
        folder = self.folder / row.doc["_id"]
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        await self._conclude(row, folder, Conclude("Failed", "Failed", reason, keep=False))

    async def _enter(self, row: Row, secondary: str, **changes: Any) -> Row:
        """Writes that a running job has gone on to `secondary`; a job that is stopping keeps saying so."""
        if row.status == "Stopping" or row.doc["SecondaryStatus"] == secondary:
            return row
        doc = lifecycle.moved(row.doc, secondary, clock.now(), **changes)
        return await self.rows.write(lambda tx: tx.update(row, doc=doc))

    async def _launch(self, row: Row, folder: Path) -> float | None:
        image = catalog.find(row.doc["AlgorithmSpecification"]["TrainingImage"])
        if image is None:
            reason = "ClientError: " + catalog.unknown(row.doc["AlgorithmSpecification"]["TrainingImage"])
            return await self._conclude(row, folder, Conclude("Failed", "Failed", reason, keep=False))
        if missing := image.missing():
            return await self._conclude(
                row, folder, Conclude("Failed", "Failed", f"ClientError: {missing}", keep=False)
            )
        row = await self._enter(row, "Downloading", TrainingStartTime=clock.now())
        try:
            await self.objects.bucket(inputs.split_uri(row.doc["OutputDataConfig"]["S3OutputPath"])[0])
            await self._prepare(row.doc, image, folder)
        except BadSource as fault:
            end = Conclude("Failed", "Failed", f"ClientError: {fault.message}", keep=False)
            return await self._conclude(row, folder, end)
        except (inputs.BadInput, NotFound) as fault:
            end = Conclude("Failed", "Failed", f"ClientError: Data download failed: {fault.message}", keep=False)
            return await self._conclude(row, folder, end)
        fresh = await self.rows.find(KIND, Scope(row.account, row.region), row.name)
        if fresh.status != "InProgress":
            return 0.0
        await self.executor.start(await asyncio.to_thread(self._workload, fresh, image, folder))
        await self._enter(fresh, "Training")
        return 0.0

    async def _prepare(self, doc: Mapping[str, Any], image: catalog.Image, folder: Path) -> None:
        await asyncio.to_thread(lambda: shutil.rmtree(folder, ignore_errors=True))
        ml = folder / "ml"
        await asyncio.to_thread(lambda: contract.write(doc, ml))
        await inputs.lay_out(self.objects, doc.get("InputDataConfig", ()), ml)
        if image.runs_scripts:
            await launch.prepare(self.objects, doc, ml)

    def _workload(self, row: Row, image: catalog.Image, folder: Path) -> Workload:
        doc = row.doc
        work = Workload(
            id=doc["_id"],
            folder=folder,
            kind="job",
            entry=image.train,
            environment=contract.environment(doc, row.region),
            log=self._log(row),
            time_limit=float(doc["StoppingCondition"]["MaxRuntimeInSeconds"]),
            grace=GRACE,
            network=False,
            read_only=(folder / "ml" / "input",),
            hidden=(self.data,),
        )
        return launch.dressed(work, row, KIND, image, self.sessions) if image.runs_scripts else work

    def _log(self, row: Row) -> Path:
        """The job's log file. A later job of the same name has its own: the stream carries the creation time."""
        stream = f"{row.name}/algo-1-{int(row.created)}"
        return self.logs.path(Scope(row.account, row.region), GROUP, stream)

    async def _conclude(self, row: Row, folder: Path, end: Conclude) -> float | None:
        changes: dict[str, Any] = {}
        if end.keep:
            row = await self._enter(row, "Training")  # where no server lived to see it train
            row = await self._enter(row, "Uploading")
            end, changes = await self._keep(row, folder, end)
        if end.status == "Failed":
            reason = await asyncio.to_thread(self._reason, row, folder, end)
            changes["FailureReason"] = await asyncio.to_thread(contract.failure, folder / "ml", reason)
        changes |= await self._times(row, folder)
        doc = lifecycle.moved(row.doc, end.secondary, clock.now(), **changes)
        row = await self.rows.write(lambda tx: tx.update(row, doc=doc, status=end.status))
        await self.leases.release(row)
        await leftovers.remove(self.executor, folder)
        log.info("training job %s: %s", row.name, " ".join([end.secondary, changes.get("FailureReason", "")]).strip())
        return None

    async def _keep(self, row: Row, folder: Path, end: Conclude) -> tuple[Conclude, dict[str, Any]]:
        """Uploads what the job left and reads its metrics; a job whose artifact cannot be kept has failed."""
        found = await metrics.final(row.doc["AlgorithmSpecification"], self._log(row))
        changes: dict[str, Any] = {"FinalMetricDataList": found} if found else {}
        try:
            uri = await artifacts.upload(self.objects, self.blobs, row.doc, row.name, folder / "ml")
        except LimitReached:
            raise  # a full disk: what the job made is kept, and tried again
        except (Fault, OSError) as fault:
            text = f"ClientError: the artifacts could not be uploaded: {fault}"
            return Conclude("Failed", "Failed", end.reason or text), changes
        if uri:
            changes["ModelArtifacts"] = {"S3ModelArtifacts": uri}
        return end, changes

    def _reason(self, row: Row, folder: Path, end: Conclude) -> str:
        """Why a job failed, for want of its own words: a script's last ones are in its log."""
        image = catalog.find(row.doc["AlgorithmSpecification"]["TrainingImage"])
        seen = self.executor.observe(folder)
        if image is None or not image.runs_scripts or not isinstance(seen, Exited):
            return end.reason
        code = -seen.signal if seen.signal else seen.code
        chosen = program.of(row.doc)
        if chosen.script is None or not code or seen.reason not in ("exited", "killed"):
            return end.reason
        return failure.reason(self.logs.lines(self._log(row)), chosen.command, code)

    async def _times(self, row: Row, folder: Path) -> dict[str, Any]:
        if "TrainingStartTime" not in row.doc:
            return {}
        seen = self.executor.observe(folder)
        return {"TrainingEndTime": seen.at if isinstance(seen, Exited) else clock.now()}
