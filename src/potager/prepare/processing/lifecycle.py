"""What a processing job needs next, decided from what is wanted and what is seen. Pure: no clock, no disk, no database.

    InProgress ─► Completed | Failed | Stopped
        └── StopProcessingJob ─► Stopping ─► Stopped

The row holds what is wanted; the workload (process and exit record) is the truth about what runs. `runner.py` observes,
asks `decide`, and acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from potager.compute.workload import Absent, Exited, Running

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
"""Values of ProcessingJobStatus that never change again."""

Kept = Literal["all", "continuous", "nothing"]


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do, ever again."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Lay the inputs out and start the workload. Doing it twice is harmless."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Upload what is to be uploaded while it runs, and wait for its end."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Tell the workload to end, then wait for it."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Upload outputs, then write the end.

    reason : why it failed, or what its log is to say besides.
    keep : which outputs. Those of a job that failed go where they are `Continuous`: what it had got so far.
    """

    status: str
    reason: str = ""
    keep: Kept = "all"


Action = Rest | Launch | Watch | Halt | Conclude


def decide(status: str, started: bool, seen: Absent | Running | Exited) -> Action:
    """The next action.

    Parameters
    ----------
    status : the row's.
    started : whether its workload was seen to run before.
    """
    if status in TERMINAL:
        return Rest()
    stopping = status == "Stopping"
    if isinstance(seen, Running):
        return Halt() if stopping else Watch()
    if isinstance(seen, Exited):
        return ending(stopping, seen)
    if stopping:
        return Conclude("Stopped", keep="nothing")
    if started:
        return Conclude("Failed", "InternalServerError: the job's working folder is gone.", keep="nothing")
    return Launch()


def ending(stopping: bool, seen: Exited) -> Conclude:
    """How a job ends whose workload exited."""
    if seen.reason == "time limit":
        return Conclude("Stopped", "it ran longer than StoppingCondition.MaxRuntimeInSeconds allows")
    if seen.reason == "stopped" or (stopping and seen.reason in ("exited", "killed")):
        return Conclude("Stopped")
    if seen.reason == "exited" and seen.code == 0:
        return Conclude("Completed")
    return Conclude("Failed", failure(seen), keep="continuous")


def failure(seen: Exited) -> str:
    """Why a workload failed, where that is not for its program to say; "" where it is."""
    if seen.detail:
        return f"ClientError: {seen.detail}"
    if seen.reason == "lost":
        return "InternalServerError: the program and its supervisor were lost (a reboot or kill -9?)."
    if seen.code is None or seen.code < 0:
        return f"AlgorithmError: the program was killed by signal {seen.signal or -(seen.code or 0)}."
    return ""
