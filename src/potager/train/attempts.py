"""The attempts of a job: how often it was started, what time it has had and has left, and how it is started again.

A job that was interrupted (managed spot), or that an error of ours ended (RetryStrategy), begins anew under another
`_id`: with another folder, and other credentials. That change of the row is what makes an attempt: a server that is
killed before it finds the old attempt ended and decides the same again, one that is killed after it finds a job that
was not started yet.

    _attempt   which one this is, from 1            _began     when it began to prepare, seconds since 1970
    _retries   errors of ours that were retried     _seconds   what earlier attempts have taken together
    _logged    bytes of the first host's log that are those attempts'

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from potager.compute.workload import Exited, Seen
from potager.kernel import ids
from potager.kernel.errors import Invalid
from potager.store.rows import Row
from potager.train import lifecycle
from potager.train.lifecycle import Job

SHORTEST = 1.0
"""Seconds that an attempt is given at least, once it has been decided to start it."""


def check(req: Mapping[str, Any]) -> None:
    """`Invalid`, in AWS's words, where the times of a managed spot job do not fit together."""
    limits = req.get("StoppingCondition", {})
    wait = limits.get("MaxWaitTimeInSeconds")
    if not req.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise Invalid(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
        return
    if wait is None or wait < limits.get("MaxRuntimeInSeconds", lifecycle.DEFAULT_RUNTIME):
        raise Invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def new_id() -> str:
    """The name of an attempt that no other one ever had."""
    return f"job-{ids.short(16)}"


def job(row: Row, seen: Seen, logs: Sequence[Path], now: float) -> Job:
    """What a decision depends on beside the workload."""
    doc = row.doc
    return Job(
        row.status or "",
        doc["SecondaryStatus"],
        spot=doc.get("EnableManagedSpotTraining", False),
        retries=retries(doc),
        over=over(row, taken(doc, ended(seen, logs)), now),
    )


def retries(doc: Mapping[str, Any]) -> int:
    """How often a job may still be started again after an error of ours."""
    return doc.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0) - doc.get("_retries", 0)


def ended(seen: Seen, logs: Sequence[Path]) -> float | None:
    """When an attempt ended; of one that was lost, when its logs last heard of it. None while it has not ended."""
    if not isinstance(seen, Exited):
        return None
    if seen.reason != "lost":
        return seen.at
    heard = [seen.started or 0.0]
    for log in logs:
        with suppress(OSError):
            heard.append(log.stat().st_mtime)
    return min(seen.at, max(heard)) or seen.at


def begun(doc: Mapping[str, Any], at: float) -> dict[str, Any]:
    """The members that say when an attempt, and with the first one the job, has begun."""
    return {"TrainingStartTime": doc.get("TrainingStartTime", at), "_began": at}


def renewed(doc: Mapping[str, Any], secondary: str, end: float | None, now: float, logged: int = 0) -> dict[str, Any]:
    """The document of a job that is to be started again.

    Parameters
    ----------
    secondary : why, `Interrupted` or `Restarting`.
    end : when its last attempt ended, None where nobody knows.
    logged : bytes of its first host's log by now.
    """
    changes: dict[str, Any] = {
        "_id": new_id(),
        "_attempt": number(doc) + 1,
        "_seconds": taken(doc, end),
        "_logged": logged,
        "_retries": doc.get("_retries", 0) + (secondary == "Restarting"),
    }
    rest = {name: value for name, value in doc.items() if name != "_began"}
    return lifecycle.moved(rest, "Starting", now, **changes)


def logged(log: Path) -> int:
    """The bytes of a log, 0 of one that is not there."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def number(doc: Mapping[str, Any]) -> int:
    """Which attempt this is, from 1."""
    return doc.get("_attempt", 1)


def taken(doc: Mapping[str, Any], end: float | None) -> float:
    """Seconds that the job has had when its present attempt ended at `end`; None leaves that one out."""
    began, before = doc.get("_began"), doc.get("_seconds", 0.0)
    return before if began is None or end is None else before + max(0.0, end - began)


def left(row: Row, now: float) -> float:
    """Seconds after which an attempt that starts now is to be ended."""
    limits = row.doc["StoppingCondition"]
    runtime = limits["MaxRuntimeInSeconds"] - row.doc.get("_seconds", 0.0)
    wait = limits.get("MaxWaitTimeInSeconds")
    return max(SHORTEST, runtime if wait is None else min(runtime, row.created + wait - now))


def over(row: Row, seconds: float, now: float) -> str:
    """The SecondaryStatus in which a job ends that has had so many seconds; "" for one that may have more."""
    limits = row.doc["StoppingCondition"]
    if now >= row.created + limits.get("MaxWaitTimeInSeconds", float("inf")):
        return "MaxWaitTimeExceeded"
    return "MaxRuntimeExceeded" if seconds >= limits["MaxRuntimeInSeconds"] else ""


def patience(row: Row, now: float) -> float | None:
    """Seconds until a job has waited too long to begin or to end, None where it may wait for ever."""
    wait = row.doc["StoppingCondition"].get("MaxWaitTimeInSeconds")
    return None if wait is None else max(0.0, row.created + wait - now)


def preface(doc: Mapping[str, Any]) -> tuple[str, ...]:
    """What the log says before a later attempt, which goes on in the log of the one before."""
    again = f"Attempt {number(doc)}: the job was ended from outside and starts again."
    return (again,) if number(doc) > 1 else ()
