"""What a tuning job needs next, decided from what was asked and what its training jobs are. Pure.

    InProgress ─► Launch ... Wait ... ─► Completed | Failed
        └─ StopHyperParameterTuningJob ─► Stopping: Halt ─► Stopped

The row holds what was asked; the rows of the training jobs are the truth about them. Every decision can be made again.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
"""

from __future__ import annotations

from dataclasses import dataclass

from potager.train.contract import MAX_REASON

ACTIVE = ("InProgress", "Stopping")
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})

ATTEMPTS = 5
"""Training jobs that may end without an objective, and none with one, before a tuning job has failed."""

NONE_SUCCEEDED = (
    "No training job succeeded after {ended} attempts. Please take a look at the training job failures to get more "
    "details."
)
NO_METRIC = (
    "No objective metrics found after running {ended} training jobs. Please ensure that the custom algorithm is "
    "emitting the objective metric as defined by the regular expression provided."
)


@dataclass(frozen=True, slots=True)
class Job:
    """What a decision depends on.

    limit : training jobs that it may make in all, None for any number.
    parallel : training jobs that may run beside each other.
    launched : how many were made.
    running, succeeded : how many run, and how many ended with an objective.
    silent : how many completed without one.
    failed : how many failed.
    complaint : why the latest of those did.
    over : whether nothing more is to be tried: a criterion is met, or its time is up.
    exhausted : whether the strategy has nothing more to propose while none runs.
    """

    status: str
    limit: int | None
    parallel: int
    launched: int
    running: int = 0
    succeeded: int = 0
    silent: int = 0
    failed: int = 0
    complaint: str = ""
    over: bool = False
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do, ever again."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Make the next training job, if the strategy proposes one."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a training job ends."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop every training job that runs, then wait until they have ended."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Write the end."""

    status: str
    reason: str = ""


Action = Rest | Launch | Wait | Halt | Conclude


def decide(job: Job) -> Action:
    """The next action for a tuning job."""
    if job.status in TERMINAL:
        return Rest()
    reason = barren(job)
    if job.status == "Stopping" or job.over or reason:
        if job.running:
            return Halt()
        if job.status == "Stopping":
            return Conclude("Stopped")
        return Conclude("Failed", reason) if reason else Conclude("Completed")
    spent = job.exhausted or (job.limit is not None and job.launched >= job.limit)
    if not spent and job.running < job.parallel:
        return Launch()
    if job.running:
        return Wait()
    return Conclude("Completed") if job.succeeded else Conclude("Failed", lament(job))


def barren(job: Job) -> str:
    """Why a job has failed of which so many training jobs came to nothing, "" for one that has not."""
    hopeless = not job.succeeded and job.failed + job.silent >= ATTEMPTS
    return lament(job) if hopeless else ""


def lament(job: Job) -> str:
    """Why nothing came of a job: in AWS's words, and then in those of the training job that failed last."""
    if job.silent > job.failed:
        return NO_METRIC.format(ended=job.launched - job.running)
    reason = NONE_SUCCEEDED.format(ended=job.launched - job.running)
    return (f"{reason} The latest: {job.complaint}" if job.complaint else reason)[:MAX_REASON]
