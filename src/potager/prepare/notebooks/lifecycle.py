"""What a notebook instance needs next, decided from what is wanted and what is seen. Pure: no clock, no disk.

    Pending ─► InService ─► Stopped | Failed ─► StartNotebookInstance ─► Pending
       └──────────┴─ StopNotebookInstance ─► Stopping ─► Stopped ─► DeleteNotebookInstance ─► Deleting

The row holds what is wanted; the workload is the truth about what runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from potager.compute.workload import Absent, Exited, Running

ACTIVE = ("Pending", "InService", "Stopping", "Deleting")
"""Statuses that somebody looks after."""
STOPPED = ("Stopped", "Failed")
"""Statuses from which it can be started, and deleted."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do until somebody asks for something."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Start the workload. Doing it twice is harmless."""


@dataclass(frozen=True, slots=True)
class Await:
    """See whether it answers by now."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Wait for its end."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Tell the workload to end, then wait for it."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Clear the workload away and write the end; the notebooks stay. `reason` says why it failed."""

    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the notebooks, then the row."""


Action = Rest | Launch | Await | Watch | Halt | Conclude | Forget


def decide(status: str, launched: bool, seen: Absent | Running | Exited) -> Action:
    """The next action.

    Parameters
    ----------
    status : the row's.
    launched : whether its workload was started before.
    """
    if status not in ACTIVE:
        return Rest()
    if isinstance(seen, Running):
        if status in ("Stopping", "Deleting"):
            return Halt()
        return Await() if status == "Pending" else Watch()
    if status == "Deleting":
        return Forget()
    if status == "Stopping":
        return Conclude("Stopped")
    if isinstance(seen, Exited):
        return ending(status, seen)
    if launched:
        return Conclude("Failed", "InternalServerError: the instance's working folder is gone. Start it again.")
    return Launch()


def ending(status: str, seen: Exited) -> Conclude:
    """How an instance ends whose workload did so by itself: shut down by its user, or after nobody used it."""
    if status == "InService" and (seen.reason == "stopped" or (seen.reason == "exited" and seen.code == 0)):
        return Conclude("Stopped")
    if seen.detail:
        return Conclude("Failed", seen.detail)
    if seen.reason == "lost":
        reason = "JupyterLab and its supervisor were lost (a reboot or kill -9?). Start it again."
        return Conclude("Failed", f"InternalServerError: {reason}")
    how = f"by signal {seen.signal}" if seen.signal else f"with exit code {seen.code}"
    return Conclude("Failed", f"JupyterLab ended {how}; its log says more.")
