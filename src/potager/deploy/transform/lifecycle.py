"""What a transform job needs next, decided from what is wanted and what is seen. Pure: no clock, no disk, no database.

    InProgress ─► Completed | Failed
         └── StopTransformJob ─► Stopping ─► Stopped

The row holds what is wanted. What is seen is this server's own work on the job: a server that was killed leaves none,
so the next one finds the job idle and launches it again; objects that were finished are passed over (`work.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
"""Values of TransformJobStatus that never change again."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody here works on it."""


@dataclass(frozen=True, slots=True)
class Busy:
    """It is being worked on."""


@dataclass(frozen=True, slots=True)
class Done:
    """The work has ended; `reason` says why it failed, None when it did not."""

    reason: str | None = None


Seen = Idle | Busy | Done


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do, ever again."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Begin to work on it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the work to end."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Break the work off, then wait for its end."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """Write the end."""

    status: str
    reason: str | None = None


Action = Rest | Launch | Wait | Halt | Conclude


def decide(status: str, seen: Seen) -> Action:
    """The next action for a job of that status whose work is `seen`."""
    if status in TERMINAL:
        return Rest()
    if status == "Stopping":
        return Halt() if isinstance(seen, Busy) else Conclude("Stopped")
    if isinstance(seen, Idle):
        return Launch()
    if isinstance(seen, Busy):
        return Wait()
    return Conclude("Completed") if seen.reason is None else Conclude("Failed", seen.reason)
