"""Carries training jobs from their row to their end.

    wake ─► observe (row, workloads) ─► lifecycle.decide ─► act ─► one change of the row

A workload for each of its hosts, seen as one (`compute/gang.py`), in folders of their own below `jobs/<id>`: `ml` is
what the host knows as `/opt/ml`, `run` belongs to the executor. Every action can be done twice, for a server may be
killed after any line: laying out begins from nothing as long as no workload has started, the executor starts a folder's
workload once, and an artifact is written over itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute import catalog, instances, leftovers
from potager.compute.allotment import Ask, Share
from potager.compute.gang import Gang
from potager.compute.shares import Shares, Waiting
from potager.compute.usage import Subject
from potager.compute.workload import Executor, Exited, Running, Workload
from potager.kernel import clock, logfile, remains
from potager.kernel.errors import Fault, LimitReached, NotFound
from potager.kernel.names import Scope
from potager.kernel.sessions import Sessions
from potager.store import inputs
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender
from potager.train import artifacts, attempts, cluster, contract, lifecycle, metrics, pools
from potager.train.checkpoints import Checkpoints
from potager.train.lifecycle import Again, Conclude, Halt, Launch, Rest, Watch
from potager.train.pools import Pools
from potager.train.script import failure, launch, program
from potager.train.script.source import BadSource

log = logging.getLogger(__name__)

KIND = "training-job"
GROUP = "/aws/sagemaker/TrainingJobs"
GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL, as SageMaker gives them."""

LOOK = 5.0
"""Seconds between two looks of a job that waits whether a spot job can be interrupted for it."""

NICE = 10
"""How far the trials of tuning jobs stand back behind endpoints and other jobs where they want the same cores."""

ACTIVE = ("InProgress", "Stopping")


class Runner:
    """Runs the training jobs whose lease this server holds."""

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
        self.checkpoints = Checkpoints(objects)
        self.pools = Pools(rows, leases, executor, data)
        self._yielding: set[str] = set()
        self._spots: set[str] = set()
        """Spot jobs that may run: without any nobody has to be asked to make room."""
        self.ended: list[Callable[[Row], None]] = []
        """Who is told of each job that has ended, once that is written; a server that is killed tells nobody."""
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every job that has not ended, and clears away what jobs that ended left behind."""
        active = await self._tender.take_up()
        await leftovers.clear(self.executor, self.folder, "job-*", {row.doc["_id"] for row in active})
        await self.pools.start(active)

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
        for watch in self._watches.values():
            watch.cancel()
        await self.checkpoints.close()
        await self.pools.close()

    async def _act(self, row: Row) -> float | None:
        if row.doc["EnableManagedSpotTraining"]:
            self._spots.add(row.doc["_id"])
        gang = self._gang(row)
        seen = gang.observe()
        logs = self._logs(row, gang) if isinstance(seen, Exited) else ()
        match lifecycle.decide(attempts.job(row, seen, logs, clock.now()), seen):
            case Rest():
                return None
            case Launch():
                return await self._admit(row, gang)
            case Halt():
                gang.stop()
                return self._watch(row, gang)
            case Watch():
                await self._trained(row)
                return self._watch(row, gang)
            case Again() as step:
                return await self._again(row, gang, step.secondary)
            case Conclude() as end:
                return await self._conclude(row, gang, end)

    def _gang(self, row: Row) -> Gang:
        return Gang(self.executor, self.folder / row.doc["_id"], cluster.of(row.doc).hosts)

    def _watch(self, row: Row, gang: Gang) -> None:
        """Wakes the job when its workloads end; until then it sleeps, and StopTrainingJob can wake it."""
        for home in gang.homes:
            self.checkpoints.follow(row.doc, home / "ml")
        if gang.folder.name not in self._watches:
            self._watches[gang.folder.name] = asyncio.create_task(self._ended(row, gang))

    async def _ended(self, row: Row, gang: Gang) -> None:
        try:
            await gang.wait()
        except Exception:
            log.exception("training job %s: its end cannot be waited for, looking again", row.name)
            await asyncio.sleep(1.0)
        finally:
            self._watches.pop(gang.folder.name, None)
        self.wake(row)

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Tries a job again that no step brings further, or ends it with the error as its reason."""
        if row.status == "InProgress" and attempts.retries(row.doc) > 0:
            await self._again(row, self._gang(row), "Restarting")
            self.wake(row)
            return
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        await self._conclude(row, self._gang(row), Conclude("Failed", "Failed", reason, keep=False))

    async def _admit(self, row: Row, gang: Gang) -> float | None:
        """Launches a job once it has its share of the machine, and says until then for what it waits."""
        kinds = cluster.of(row.doc).instance_types
        ask = Ask(row.doc["_id"], f"training job {row.name}", kinds, row.created)
        try:
            share = self.shares.ask(ask, partial(self.wake, row))
        except LimitReached as fault:
            end = Conclude("Failed", "Failed", f"CapacityError: {fault.message}", keep=False)
            return await self._conclude(row, gang, end)
        if not isinstance(share, Waiting):
            return await self._launch(row, gang, share)
        if share.reason:
            row = await self._enter(row, "Pending", share.reason)
        left = lifecycle.overdue(row.doc, any(instances.shape(kind).accelerated for kind in kinds), clock.now())
        if left is not None and left <= 0:
            return await self._conclude(row, gang, Conclude("Stopped", "Stopped", keep=False))
        waits = (left, attempts.patience(row, clock.now()), await self._make_room(row, ask))
        return min((each for each in waits if each is not None), default=None)

    async def _make_room(self, row: Row, ask: Ask) -> float | None:
        """Has spot jobs, the latest first, give their place to an on-demand job; seconds until another look pays."""
        if row.doc["EnableManagedSpotTraining"] or not self._spots:
            return None
        rows = await self.rows.read(lambda tx: tx.where(KIND, ["InProgress"]))
        spot = {each.doc["_id"]: each for each in reversed(rows) if each.doc["EnableManagedSpotTraining"]}
        for key in self.shares.yielding(ask, sorted(spot, key=lambda key: key not in self._yielding)):
            gang = self._gang(spot[key])
            if key not in self._yielding and isinstance(gang.observe(), Running):
                log.info("training job %s: interrupted for %s", spot[key].name, row.name)
                self._yielding.add(key)
                gang.stop(GRACE)
        return LOOK if spot else None

    async def _enter(self, row: Row, secondary: str, message: str = "", **changes: Any) -> Row:
        """Writes that a running job has gone on to `secondary`; a job that is stopping keeps saying so."""
        if row.status == "Stopping" or row.doc["SecondaryStatus"] == secondary:
            return row
        doc = lifecycle.moved(row.doc, secondary, clock.now(), message, **changes)
        return await self.rows.write(lambda tx: tx.update(row, doc=doc))

    async def _trained(self, row: Row) -> Row:
        """Writes that a job trains, or did while no server lived to see it."""
        return row if row.doc["SecondaryStatus"] in lifecycle.STARTED else await self._enter(row, "Training")

    async def _launch(self, row: Row, gang: Gang, share: Share) -> float | None:
        image = catalog.find(row.doc["AlgorithmSpecification"]["TrainingImage"])
        if image is None:
            reason = "ClientError: " + catalog.unknown(row.doc["AlgorithmSpecification"]["TrainingImage"])
            return await self._conclude(row, gang, Conclude("Failed", "Failed", reason, keep=False))
        if missing := image.missing():
            return await self._conclude(row, gang, Conclude("Failed", "Failed", f"ClientError: {missing}", keep=False))
        row = await self._enter(row, "Downloading", **attempts.begun(row.doc, clock.now()))
        try:
            if not gang.begun:
                await self._prepare(row.doc, image, gang)
        except BadSource as fault:
            end = Conclude("Failed", "Failed", f"ClientError: {fault.message}", keep=False)
            return await self._conclude(row, gang, end)
        except (inputs.BadInput, NotFound) as fault:
            end = Conclude("Failed", "Failed", f"ClientError: Data download failed: {fault.message}", keep=False)
            return await self._conclude(row, gang, end)
        fresh = await self.rows.find(KIND, Scope(row.account, row.region), row.name)
        if fresh.status != "InProgress":
            return 0.0
        await self.shares.rested()
        await gang.start(await asyncio.to_thread(self._workloads, fresh, image, gang, share))
        await self._enter(fresh, "Training")
        return 0.0

    async def _again(self, row: Row, gang: Gang, secondary: str) -> float:
        """Has a job begin anew, from its checkpoints; what this attempt wrote of them is saved first."""
        row = await self._enter(await self._trained(row) if gang.begun else row, secondary)
        if isinstance(gang.observe(), Running):
            gang.stop(0.0)
            await gang.wait()
        await self._keep_checkpoints(row, gang)
        await self.pools.take_back(row.doc, gang)
        logs = self._logs(row, gang)
        end = attempts.ended(gang.observe(), logs)
        doc = attempts.renewed(row.doc, secondary, end, clock.now(), attempts.logged(logs[0]))
        await self.rows.write(lambda tx: tx.update(row, doc=doc))
        await self._release(gang)
        await leftovers.wipe(gang.folder)
        log.info("training job %s: %s, starting attempt %d", row.name, secondary, attempts.number(doc))
        return 0.0

    async def _release(self, gang: Gang) -> None:
        """Gives the share of an attempt back once its workloads are gone."""
        try:
            await leftovers.end(self.executor, gang.folder)
        finally:
            self.shares.release(gang.folder.name)
            self._yielding.discard(gang.folder.name)
            self._spots.discard(gang.folder.name)

    async def _prepare(self, doc: Mapping[str, Any], image: catalog.Image, gang: Gang) -> None:
        """Lays out what every host finds, from nothing."""
        await artifacts.check(self.objects, doc, doc["TrainingJobName"])
        await self.pools.take_back(doc, gang)
        await asyncio.to_thread(remains.wipe, gang.folder)  # a link left in it would lead what is laid out next
        for host in gang.hosts:
            await self._lay_out(doc, image, host, gang.home(host) / "ml")

    async def _lay_out(self, doc: Mapping[str, Any], image: catalog.Image, host: str, ml: Path) -> None:
        hosts, mode = cluster.of(doc), doc["AlgorithmSpecification"].get("TrainingInputMode", "File")
        await asyncio.to_thread(lambda: contract.write(doc, hosts, host, ml))
        for channel in doc.get("InputDataConfig", ()):
            readers = hosts.readers(channel)
            if host in readers:
                await inputs.lay_out(self.objects, [channel], ml, readers.index(host), len(readers), mode)
        if program.wanted(doc):
            await launch.prepare(self.objects, doc, ml)
        await self.checkpoints.restore(doc, ml)
        await self.pools.lend(doc, host, ml)

    def _workloads(self, row: Row, image: catalog.Image, gang: Gang, share: Share) -> list[Workload]:
        return [self._workload(row, image, gang, share, host) for host in gang.hosts]

    def _workload(self, row: Row, image: catalog.Image, gang: Gang, share: Share, host: str) -> Workload:
        doc, hosts, home = row.doc, cluster.of(row.doc), gang.home(host)
        volume, tuned = doc["ResourceConfig"].get("VolumeSizeInGB"), "TuningJobArn" in doc
        work = Workload(
            id=doc["_id"] if len(gang.hosts) == 1 else f"{doc['_id']}-{host}",
            folder=home,
            kind="job",
            entry=image.train,
            environment=contract.environment(doc, row.region, hosts, host),
            log=self._log(row, host),
            time_limit=attempts.left(row, clock.now()),
            grace=GRACE,
            network=False,
            read_only=(home / "ml" / "input",),
            hidden=(self.data,),
            warm=image.warm if pools.name(doc) or tuned else (),
            nice=NICE if tuned else 0,
            preface=(*attempts.preface(doc), *cluster.preface(doc, host)),
            pipes=inputs.piped(home / "ml"),
            disk_bytes=volume and volume * instances.GIB,
        )
        work = self.shares.bound(share, work, gang.hosts.index(host))
        return launch.dressed(work, row, KIND, image, self.sessions, hosts, host) if program.wanted(doc) else work

    def logs_of(self, row: Row) -> list[Path]:
        """The log file of each host of a job."""
        return self._logs(row, self._gang(row))

    def _log(self, row: Row, host: str) -> Path:
        """A host's log file. A later job of the same name has its own: the stream carries the creation time."""
        stream = f"{row.name}/{host}-{int(row.created)}"
        return self.logs.path(Scope(row.account, row.region), GROUP, stream)

    def _logs(self, row: Row, gang: Gang) -> list[Path]:
        return [self._log(row, host) for host in gang.hosts]

    async def _conclude(self, row: Row, gang: Gang, end: Conclude) -> float | None:
        changes: dict[str, Any] = {}
        if end.keep:
            row = await self._trained(row)
            row = await self._enter(row, "Uploading")
            end, changes = await self._keep(row, gang, end)
        if end.status == "Failed":
            changes["FailureReason"] = await asyncio.to_thread(self._reason, row, gang, end)
        changes |= await self._times(row, gang)
        doc = lifecycle.moved(row.doc, end.secondary, clock.now(), **changes)
        healthy = gang.begun and not changes.get("FailureReason", "").startswith("InternalServerError")
        await self.pools.take_back(doc, gang)
        for home in gang.homes:
            await self.checkpoints.forget(home / "ml")

        def write(tx: Tx) -> Row:
            return tx.update(row, doc=pools.left(tx, row, doc, healthy=healthy), status=end.status)

        ended = await self.rows.write(write)
        try:
            await self.pools.left(ended)
            await self.leases.release(ended)
        finally:  # the row has ended: no other step comes to give these back, or to tell of it
            try:
                await self._release(gang)
            finally:
                for tell in self.ended:
                    tell(ended)
                await leftovers.wipe(gang.folder)  # for which nobody who goes on from it need wait
        log.info("training job %s: %s", row.name, " ".join([end.secondary, changes.get("FailureReason", "")]).strip())
        return None

    async def _keep(self, row: Row, gang: Gang, end: Conclude) -> tuple[Conclude, dict[str, Any]]:
        """Uploads what the job left and reads its metrics; a job whose artifact cannot be kept has failed."""
        found = await metrics.final(row.doc, self._logs(row, gang))
        changes: dict[str, Any] = {"FinalMetricDataList": found} if found else {}
        await self._keep_checkpoints(row, gang)
        mls = [home / "ml" for home in gang.homes]
        try:
            uri = await artifacts.upload(self.objects, row.doc, row.name, mls)
        except LimitReached:
            if end.status == "Failed":
                return end, changes  # what it left may be what fills the disk
            raise  # a full disk: what the job made is kept, and tried again
        except (Fault, OSError) as fault:
            text = f"ClientError: the artifacts could not be uploaded: {fault}"
            return Conclude("Failed", "Failed", end.reason or text), changes
        if uri:
            changes["ModelArtifacts"] = {"S3ModelArtifacts": uri}
        return end, changes

    async def _keep_checkpoints(self, row: Row, gang: Gang) -> None:
        """Syncs what programs that ended wrote last; where that cannot be, the log says so."""
        for host in gang.hosts:
            trouble = await self.checkpoints.finish(row.doc, gang.home(host) / "ml")
            if trouble:
                logfile.append(self._log(row, host), f"Potager: {trouble}")

    def _reason(self, row: Row, gang: Gang, end: Conclude) -> str:
        """Why a job failed: the bound that it broke, the words of the host that failed, or what is known of its end."""
        host = gang.decisive()
        seen = self.executor.observe(gang.home(host))
        if isinstance(seen, Exited) and seen.detail:
            return end.reason
        return contract.failure(gang.home(host) / "ml", self._known(row, gang, host, end))

    def _known(self, row: Row, gang: Gang, host: str, end: Conclude) -> str:
        """Why a host failed, for want of its own words: a script's last ones are in its log."""
        seen = self.executor.observe(gang.home(host))
        if not program.wanted(row.doc) or not isinstance(seen, Exited):
            return end.reason
        where = f'\nHost "{host}"' if len(gang.hosts) > 1 and end.reason else ""
        code = -seen.signal if seen.signal else seen.code
        share = self.shares.of(row.doc["_id"])
        gpus = share.hosts[gang.hosts.index(host)].gpus if share else ()
        chosen = launch.started(row.doc, cluster.of(row.doc), host, gang.home(host) / "ml", len(gpus))
        if chosen.script is None or not code or seen.reason not in ("exited", "killed"):
            return end.reason + where
        return failure.reason(self.logs.lines(self._log(row, host)), chosen.command, code) + where

    async def _times(self, row: Row, gang: Gang) -> dict[str, Any]:
        if "TrainingStartTime" not in row.doc:
            return {}
        seen = gang.observe()
        return {"TrainingEndTime": seen.at if isinstance(seen, Exited) else clock.now()}
