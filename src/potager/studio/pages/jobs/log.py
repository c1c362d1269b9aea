"""A training job's log: where it is, and its last words."""

from __future__ import annotations

import re
from typing import Any

from potager.studio.asking import Asking
from potager.studio.loglines import KINDS
from potager.studio.pages import streams
from potager.studio.pages.streams import Printed
from potager.studio.resources import ENDED

GROUP = KINDS["training-jobs"][1]
FAILURE = re.compile(r"\b(error|exception|fatal|critical|traceback|failed)\b|Error\b|Exception\b", re.IGNORECASE)
LAST_WORDS = 12
"""Lines shown of a job that failed."""


def printed(job: dict[str, Any]) -> Printed:
    """Where the job's log is."""
    over = job["TrainingJobStatus"] in ENDED
    return streams.of_job(GROUP, job["TrainingJobName"], job["CreationTime"], over=over)


async def last_words(ask: Asking, job: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The stream whose end tells of an error, and the lines that lead up to the last one that does; or just its end."""
    chosen: tuple[str, list[dict[str, Any]]] = ("", [])
    for stream in (await streams.streams(ask, printed(job)))[:8]:
        found = (await streams.events(ask, GROUP, stream, limit=200))["events"]
        at = max((place for place, each in enumerate(found) if FAILURE.search(each["message"])), default=-1)
        if at >= 0:
            return stream, found[max(0, at + 1 - LAST_WORDS) : at + 1]
        if found and not chosen[1]:
            chosen = stream, found[-LAST_WORDS:]
    return chosen


async def _find(ask: Asking, name: str) -> Printed:
    return printed(await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=name))


ROUTES = streams.routes("/training-jobs", _find)
