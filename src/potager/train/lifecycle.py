"""What a training job needs next, decided from what is wanted and what is seen. Pure: no clock, no disk, no database.

    Starting ─► (Pending ─►) Downloading ─► Training ─► Uploading ─► Completed | Failed | Stopped
      ▲ │            │            │           │ │                    | MaxRuntimeExceeded | MaxWaitTimeExceeded
      │ └────────────┴────────────┴───────────┼─┴── StopTrainingJob ─► Stopping ─► Stopped
      └─────────── Interrupted | Restarting ──┘    (managed spot | RetryStrategy: `attempts.py`)

The row holds what is wanted, and how far a server had come when it last wrote; the workload (process and exit record)
is the truth about what runs. `runner.py` observes, asks `decide`, and acts. Statuses and their texts:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.compute.workload import Absent, Exited, Running

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
"""Values of TrainingJobStatus that never change again."""

ENDS = TERMINAL | {"MaxRuntimeExceeded", "MaxWaitTimeExceeded"}
"""The same for SecondaryStatus."""

STARTED = frozenset({"Training", "Uploading", "Interrupted", "Restarting"})
"""Values of SecondaryStatus that a job reaches only with a workload in its folder."""

DEFAULT_RUNTIME = 86400
"""Seconds a job may run when its StoppingCondition does not say."""

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Pending": "Waiting for capacity",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Interrupted": "The managed spot training instances were interrupted",
    "Restarting": "Restarting the training job after an internal error",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What a decision depends on beside the workload.

    spot : whether it may be interrupted, and goes on later then.
    retries : how often it may still be started again after an error of ours.
    over : the SecondaryStatus in which it ends because its time is up, "" while it has time left.
    """

    status: str
    secondary: str
    spot: bool = False
    retries: int = 0
    over: str = ""

    @property
    def stopping(self) -> bool:
        return self.status == "Stopping"


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do, ever again."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Lay the inputs out and start the workload. Doing it twice is harmless."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Wait for the workload to end."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Tell the workload to end, then wait for it."""


@dataclass(frozen=True, slots=True)
class Again:
    """Save the checkpoints of this attempt and begin another; `secondary` says why it ended."""

    secondary: str


@dataclass(frozen=True, slots=True)
class Conclude:
    """Keep the artifacts if `keep`, then write the end.

    reason : why it failed, as far as the exit tells; the program's own words go first.
    """

    status: str
    secondary: str
    reason: str = ""
    keep: bool = True


Action = Rest | Launch | Watch | Halt | Again | Conclude


def decide(job: Job, seen: Absent | Running | Exited) -> Action:
    """The next action for a job whose workload is `seen`."""
    if job.status in TERMINAL:
        return Rest()
    if isinstance(seen, Running):
        return Halt() if job.stopping else Watch()
    if isinstance(seen, Exited):
        return ending(job, seen)
    if job.stopping:
        return Conclude("Stopped", "Stopped", keep=False)
    if job.secondary in STARTED:
        reason = "InternalServerError: the job's working folder is gone."
        return resumed(job) or Conclude("Failed", "Failed", reason, keep=False)
    return Conclude("Stopped", job.over, keep=False) if job.over else Launch()


def ending(job: Job, seen: Exited) -> Again | Conclude:
    """What comes of a job whose workload exited."""
    if seen.reason == "time limit":
        return Conclude("Stopped", job.over or "MaxRuntimeExceeded")
    if job.stopping and seen.reason in ("stopped", "exited", "killed"):
        return Conclude("Stopped", "Stopped")
    if seen.reason == "exited" and seen.code == 0:
        return Conclude("Completed", "Completed")
    if seen.reason == "lost" and not job.stopping:
        return resumed(job) or Conclude("Failed", "Failed", failure(seen))
    if seen.reason == "stopped":  # not by StopTrainingJob: by whoever wanted its place, or to begin another attempt
        return (resumed(job) if job.spot or job.secondary == "Restarting" else None) or Conclude("Stopped", "Stopped")
    return Conclude("Failed", "Failed", failure(seen))


def resumed(job: Job) -> Again | Conclude | None:
    """How a job goes on whose machine was taken or lost: anew, or not for want of time; None where it does not."""
    if not job.spot and job.retries <= 0:
        return None
    if job.over:
        return Conclude("Stopped", job.over)
    return Again("Interrupted" if job.spot else "Restarting")


def failure(seen: Exited) -> str:
    """Why a workload failed, for want of its own words."""
    if seen.reason == "input":
        return f"ClientError: Data download failed: {seen.detail}"
    if seen.detail:
        return f"ClientError: {seen.detail}"
    if seen.reason == "lost":
        return "InternalServerError: the training process and its supervisor were lost (a reboot or kill -9?)."
    if seen.code is None or seen.code < 0:
        return f"AlgorithmError: the training program was killed by signal {seen.signal or -(seen.code or 0)}."
    return f"AlgorithmError: the training program exited with code {seen.code}. Its log says more."


def overdue(doc: Mapping[str, Any], accelerated: bool, now: float) -> float | None:
    """Seconds until a job that waits for its instances has waited too long, None where it may wait for ever.

    AWS minds MaxPendingTimeInSeconds for accelerated instance types only.
    """
    limit = doc["StoppingCondition"].get("MaxPendingTimeInSeconds")
    last = doc["SecondaryStatusTransitions"][-1]
    if limit is None or not accelerated or last["Status"] != "Pending":
        return None
    return last["StartTime"] + limit - now


def moved(doc: dict[str, Any], secondary: str, at: float, message: str = "", **changes: Any) -> dict[str, Any]:
    """The document of a job that has gone on to another secondary status.

    Parameters
    ----------
    doc : the job's document, left as it is.
    secondary : the SecondaryStatus reached; reaching the present one again only makes the changes.
    at : when, in seconds since 1970.
    message : what the status says, in place of its usual words.
    changes : members to set beside it.
    """
    past = [dict(step) for step in doc.get("SecondaryStatusTransitions", ())]
    if past and past[-1]["Status"] == secondary:
        return doc | changes
    if past:
        past[-1].setdefault("EndTime", at)
    step: dict[str, Any] = {"Status": secondary, "StartTime": at, "StatusMessage": message or MESSAGES[secondary]}
    if secondary in ENDS:
        step["EndTime"] = at
        step["StatusMessage"] = changes.get("FailureReason") or step["StatusMessage"]
    return doc | {"SecondaryStatus": secondary, "SecondaryStatusTransitions": [*past, step]} | changes
