"""Runs every benchmark, or those named: `python -m benchmarks [start] [jobs] ...`; an unknown name lists them.

Each prints its rows as it goes: what, Potager's figure, the peer's or the bare work's in the same run, and the ratio.
"""

from __future__ import annotations

import platform
import sys

from benchmarks import (
    channels,
    control,
    idle,
    images,
    jobs,
    models,
    pending,
    scripts,
    serving,
    start,
    store,
    studio,
    transform,
    trials,
    tuning,
)
from benchmarks.hosting import compare, soak
from benchmarks.measure import say

BENCHMARKS = {
    "start": start.main,
    "jobs": jobs.main,
    "images": images.main,
    "scripts": scripts.main,
    "endpoints": serving.main,
    "models": models.main,
    "idle": idle.main,
    "hosting": compare.main,
    "describe": control.main,
    "queue": pending.main,
    "s3": store.main,
    "studio": studio.main,
    "transform": transform.main,
    "channels": channels.main,
    "trials": trials.main,
    "tuning": tuning.main,
    "soak": soak.main,
}

LONG = ("soak",)
"""Run by name only."""


def main(names: list[str]) -> None:
    """Runs the benchmarks named, all without names."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"No benchmark {unknown[0]!r}. There are: {', '.join(BENCHMARKS)}.")
    say(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}\n")
    for name in names or [each for each in BENCHMARKS if each not in LONG]:
        say(f"## {name}")
        BENCHMARKS[name]()
        say("")


if __name__ == "__main__":
    main(sys.argv[1:])
