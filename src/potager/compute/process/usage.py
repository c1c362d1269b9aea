"""What a workload uses, as its control group and /proc tell.

CPU time is that of the processes that live and of the children they waited for. Memory is what the control group holds;
without one, what the processes have resident and share with no file, as their bound counts it (`watch.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

from potager.compute.process import limits, records
from potager.compute.workload import Usage

_TICKS = os.sysconf("SC_CLK_TCK")


def measured(folder: Path) -> Usage | None:
    """What the workload in `folder` uses, None where it does not run or there is no /proc."""
    run = folder / "run"
    minder = records.shim(run)
    if minder is None or not minder.start or not records.alive(run, minder):
        return None
    first = records.keeper(run) or minder.pid
    bound = (records.read(run / "workload.json") or {}).get("memory_bytes")
    held = limits.occupied(Path(minder.group)) if minder.group else 0
    return Usage(limits.worked(first) / _TICKS, held or limits.resident(first), bound, minder.at)
