"""Ends what a server left running under its data folder. For private servers, whose jobs are not to outlive them."""

from __future__ import annotations

import signal
import time
from pathlib import Path

PATIENCE = 5.0
"""Seconds that the jobs are given to end before their minders are killed."""


def end(data: Path) -> None:
    """Stops every workload of the data folder without grace, and returns when all are gone."""
    runs = sorted((data / "jobs").glob("*/run"))
    if not runs:
        return
    # Imported here: most private servers never ran a job.
    from potager.compute.process.executor import ProcessExecutor

    executor = ProcessExecutor()
    for run in runs:
        executor.stop(run.parent, grace=0)
    deadline = time.monotonic() + PATIENCE
    for run in runs:
        _await(run, deadline)


def _await(run: Path, deadline: float) -> None:
    from potager.compute.process import records

    minder = records.shim(run)
    while minder is not None and records.alive(run, minder):
        if time.monotonic() > deadline:
            records.tell(run, minder, signal.SIGKILL)
            return
        time.sleep(0.01)
