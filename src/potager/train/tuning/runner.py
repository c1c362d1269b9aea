"""Carries tuning jobs from their row to their end.

    wake ─► read the rows of its trials ─► lifecycle.decide ─► make one | stop some | write the end
     ▲                                                                      │
     └── a trial has ended ◄── the runner of training jobs ◄────────────────┘

A trial is made by one transaction, which counts it in the tuning job's row and inserts the training job's: a server
that is killed before has made none, and one that is killed after finds it. Nothing else is remembered: strategies are
asked again with what the rows say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from potager.compute.workload import Executor
from potager.kernel import clock
from potager.store.leases import Leases
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender
from potager.train import creation, lifecycle
from potager.train.runner import Runner
from potager.train.tuning import definitions, planning, trials, views
from potager.train.tuning.curves import Curves
from potager.train.tuning.lifecycle import ACTIVE, Conclude, Halt, Job, Launch, Rest, Wait, decide
from potager.train.tuning.search import Plan, Trial, converged, finished, hopeless, propose

log = logging.getLogger(__name__)

KIND = "hyper-parameter-tuning-job"

LATEST = 60.0
"""Seconds after which a tuning job is looked at again though nothing woke it: a lost wake-up costs no more."""

LOOK = 1.0
"""Seconds between two looks at the logs of trials that may be stopped early."""


class Tuner:
    """Runs the tuning jobs whose lease this server holds.

    Parameters
    ----------
    training : runs the training jobs that come of them, and tells of each that has ended.
    """

    def __init__(self, rows: Rows, leases: Leases, executor: Executor, training: Runner) -> None:
        self._rows = rows
        self._leases = leases
        self._executor = executor
        self._training = training
        self._curves = Curves(lambda row: training.logs_of(row)[0])
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)
        training.ended.append(self._ended)

    async def start(self) -> None:
        """Takes up every tuning job that has not ended."""
        await self._tender.take_up()
        await self._heat()

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def close(self) -> None:
        """Stops looking after tuning jobs; what they made goes on, and the next server takes them up."""
        await self._tender.close()

    def _ended(self, trial: Row) -> None:
        """Has a tuning job looked at whose training job has ended."""
        if arn := trial.doc.get("TuningJobArn"):
            self._tender.wake_named(trial.scope, arn.rsplit("/", 1)[-1])

    async def _heat(self) -> None:
        """Keeps imported what the images of the tuning jobs want that there are."""
        rows = await self._rows.read(lambda tx: tx.where(KIND, ACTIVE))
        images = [each.image for row in rows for each in definitions.of(row.doc)]
        await self._executor.keep_warm(KIND, [image.warm for image in images if image])

    async def _act(self, row: Row) -> float | None:
        if not row.doc["_launched"]:
            await self._heat()
        plan = planning.plan(row.doc)
        exhausted = False
        while True:
            made = await self._rows.read(lambda tx, row=row: trials.rows(tx, row))
            seen = await self._seen(row, plan, made)
            row = await self._noted(row, plan, seen)
            match decide(_job(row, made, exhausted)):
                case Rest():
                    return None
                case Launch():
                    launched = await self._launch(row, plan, seen)
                    if launched is None and any(trial.state == "running" for trial in seen):
                        return await self._wait(row, plan, made, seen)
                    row, exhausted = launched or row, launched is None
                case Wait():
                    return await self._wait(row, plan, made, seen)
                case Halt():
                    await self._stop([each for each in made if each.status == "InProgress"])
                    return LATEST
                case Conclude() as end:
                    return await self._conclude(row, made, end)

    async def _seen(self, row: Row, plan: Plan, made: Sequence[Row]) -> list[Trial]:
        """The trials as strategies see them, those of parents first."""
        if _watched(plan):
            await self._curves.read(made)
        return [*planning.priors(row.doc), *(trials.trial(each, self._curves.of(each)) for each in made)]

    async def _noted(self, row: Row, plan: Plan, seen: Sequence[Trial]) -> Row:
        """Writes, once each, which criterion a job has met and when it converged."""
        changes: dict[str, Any] = {}
        if "_finished" not in row.doc and (reason := finished(plan, seen)):
            changes["_finished"] = reason
            log.info("tuning job %s: %s", row.name, reason)
        if "_converged" not in row.doc and converged(plan, seen):
            changes["_converged"] = clock.now()
        if not changes:
            return row
        return await self._rows.write(lambda tx: tx.update(row, doc=row.doc | changes))

    async def _launch(self, row: Row, plan: Plan, seen: Sequence[Trial]) -> Row | None:
        """Makes the next training job; the row that counts it, None where the strategy has nothing more to propose."""
        proposal = await asyncio.to_thread(propose, plan, seen)
        if proposal is None:
            return None
        number = row.doc["_launched"] + 1
        doc = trials.document(row, definitions.of(row.doc)[proposal.space], proposal, number)

        def write(tx: Tx) -> tuple[Row, Row]:
            counted = tx.update(row, doc=row.doc | {"_launched": number})
            return counted, creation.insert(tx, row.scope, doc, tx.tags(row.arn))

        counted, made = await self._rows.write(write)
        self._training.wake(made)
        return counted

    async def _wait(self, row: Row, plan: Plan, made: Sequence[Row], seen: Sequence[Trial]) -> float:
        """Stops the trials that are hopeless; the seconds until another look, unless one ends before."""
        first, wait = len(seen) - len(made), LATEST
        if _watched(plan):  # each is compared with all: of hundreds of trials a thread's work, requests go on meanwhile
            given_up = await asyncio.to_thread(lambda: [hopeless(plan, seen, at) for at in range(first, len(seen))])
            await self._stop([each for each, over in zip(made, given_up, strict=True) if over])
            wait = LOOK
        left = _left(row)
        return wait if left is None else min(wait, max(0.0, left))

    async def _stop(self, rows: Sequence[Row]) -> None:
        """Asks training jobs to stop, as StopTrainingJob does."""

        def write(tx: Tx) -> list[Row]:
            fresh = [tx.get(each.kind, each.scope, each.name) for each in rows]
            return [
                tx.update(each, doc=lifecycle.moved(each.doc, "Stopping", clock.now()), status="Stopping")
                for each in fresh
                if each is not None and each.status == "InProgress"
            ]

        if rows:
            for each in await self._rows.write(write):
                self._training.wake(each)

    async def _conclude(self, row: Row, made: Sequence[Row], end: Conclude) -> None:
        changes: dict[str, Any] = {"HyperParameterTuningEndTime": clock.now()}
        if end.reason:
            changes["FailureReason"] = end.reason
        ended = row.doc | changes
        ended["_seen"] = views.seen(row, ended, made)
        await self._rows.write(lambda tx: tx.update(row, doc=ended, status=end.status))
        await self._leases.release(row)
        self._curves.forget(made)
        await self._heat()
        log.info("tuning job %s: %s", row.name, " ".join([end.status, end.reason]).strip())

    async def _give_up(self, row: Row, error: Exception) -> None:
        """Ends a job that no step brings further, with the error as its reason, and what runs of it."""
        made = await self._rows.read(lambda tx: trials.rows(tx, row))
        await self._stop(made)
        await self._conclude(row, made, Conclude("Failed", f"InternalServerError: {type(error).__name__}: {error}"))


def _watched(plan: Plan) -> bool:
    """Whether trials may be stopped by how they go."""
    return plan.early_stopping or plan.strategy == "Hyperband"


def _left(row: Row) -> float | None:
    """Seconds until a job's time is up, None where it may take any."""
    limit = row.doc["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxRuntimeInSeconds")
    return None if limit is None else row.created + limit - clock.now()


def _job(row: Row, made: Sequence[Row], exhausted: bool) -> Job:
    """What a decision depends on."""
    config, left = row.doc["HyperParameterTuningJobConfig"], _left(row)
    found = [trials.trial(each) for each in made]
    completed = sum(each.status == "Completed" for each in made)
    failed = [each for each in made if each.status == "Failed"]
    return Job(
        status=row.status or "",
        limit=config["ResourceLimits"].get("MaxNumberOfTrainingJobs"),
        parallel=config["ResourceLimits"]["MaxParallelTrainingJobs"],
        launched=row.doc["_launched"],
        running=sum(trial.state == "running" for trial in found),
        succeeded=sum(trial.value is not None for trial in found),
        silent=completed - sum(trial.state == "done" for trial in found),
        failed=len(failed),
        complaint=failed[-1].doc.get("FailureReason", "") if failed else "",
        over="_finished" in row.doc or (left is not None and left <= 0),
        exhausted=exhausted,
    )
