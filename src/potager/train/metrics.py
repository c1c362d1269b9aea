"""Metrics read out of a job's log lines by regular expressions, as `FinalMetricDataList` gives them.

    final ─► the image's own definitions, and its own lines ─► here, in a thread
          └► any others ─► a child (`matching`), LIMIT seconds each; the log says what was late and is left out

`re` holds the interpreter's lock while it searches, and an expression such as `(a+)+b` can search for ever: one that
somebody has sent must not run in the server, in whatever thread.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from potager.compute import catalog
from potager.kernel import logfile
from potager.kernel.errors import Invalid
from potager.train import matching
from potager.train.script import program

LIMIT = 10.0
"""Seconds that one definition may take on a whole log."""
AT_HAND = 2**18
"""Bytes of lines that an image's own definitions are looked for in without a process; more would hold up the server."""
PROGRAM = (sys.executable, "-P", "-m", matching.__name__)

Seen = tuple[float, int] | None
"""A metric's last value and its milliseconds since 1970; None when it was not seen."""


def compiled(definitions: Sequence[Mapping[str, str]]) -> list[matching.Definition]:
    """Definitions (`Name`, `Regex`) ready for use; `Invalid` names one that is no regular expression."""
    return [(item["Name"], _compile(item)) for item in definitions]


def _compile(definition: Mapping[str, str]) -> re.Pattern[str]:
    try:
        return re.compile(definition["Regex"])
    except (re.error, OverflowError, RecursionError) as error:
        name, regex = definition["Name"], definition["Regex"]
        message = f"Metric definition '{name}' has an invalid regular expression '{regex}': {error}."
        raise Invalid(message) from error


def defined(algorithm: Mapping[str, Any]) -> list[dict[str, str]]:
    """The definitions of a job: those that it brings, else its image's own."""
    image = catalog.find(algorithm["TrainingImage"])
    return algorithm.get("MetricDefinitions") or (image.metric_definitions() if image else [])


async def final(doc: Mapping[str, Any], logs: Sequence[Path], limit: float = LIMIT) -> list[dict[str, Any]]:
    """The last value of each metric that a job has printed, on whichever host; none that is no finite number.

    Parameters
    ----------
    doc : the job's document.
    logs : the job's logs, at least one; the first is told of a definition that takes longer than `limit` seconds.

    Returns
    -------
    `MetricName`, `Value` and `Timestamp` (seconds since 1970) for each metric seen, in the order of the definitions.
    """
    definitions = defined(doc["AlgorithmSpecification"])
    if _is_ours(doc):
        found = await asyncio.to_thread(lambda: matching.last(compiled(definitions), matching.events(map(str, logs))))
        seen: list[Seen] = [found.get(item["Name"]) for item in definitions]
    else:
        seen = await _apart(definitions, logs, limit)
    return [
        {"MetricName": item["Name"], "Value": value[0], "Timestamp": value[1] / 1000}
        for item, value in zip(definitions, seen, strict=True)
        if value and math.isfinite(value[0])
    ]


def _is_ours(doc: Mapping[str, Any]) -> bool:
    """Whether the definitions are the image's own, and so are the lines that they are to match."""
    algorithm = doc["AlgorithmSpecification"]
    image = catalog.find(algorithm["TrainingImage"])
    return image is not None and not program.wanted(doc) and defined(algorithm) == image.metric_definitions()


async def _apart(definitions: Sequence[Mapping[str, str]], logs: Sequence[Path], limit: float) -> list[Seen]:
    """What each definition finds. A child does one after the other until one is late; another goes on behind that."""
    seen: list[Seen] = []
    while len(seen) < len(definitions):
        found, end = await _child(definitions[len(seen) :], logs, limit)
        seen += found
        if len(seen) < len(definitions):
            _tell(
                logs[0],
                definitions[len(seen)],
                f"took longer than {limit:g} seconds" if end == -signal.SIGALRM else "failed",
            )
            seen.append(None)
    return seen


async def follow(
    doc: Mapping[str, Any], name: str, places: Sequence[tuple[Path, int]], limit: float = LIMIT
) -> list[tuple[list[float], int] | None]:
    """What a metric has come to in logs of jobs alike, read on from where each was left.

    Parameters
    ----------
    doc : the document of one of these jobs.
    name : the metric; one of the definitions.
    places : each log, and the bytes of it that were read before.

    Returns
    -------
    For each log the values behind its place, oldest first, and its new place; None for one that takes longer than
    `limit` seconds, and for those after it.
    """
    regex = next(item["Regex"] for item in defined(doc["AlgorithmSpecification"]) if item["Name"] == name)
    logs = [(str(log), offset) for log, offset in places]
    if _is_ours(doc):
        pattern = re.compile(regex)
        return list(await asyncio.to_thread(lambda: [matching.follow(pattern, *place) for place in logs]))
    answers, _ = await _asked({"regex": regex, "follow": logs, "limit": limit})
    return [(each[0], each[1]) for each in answers] + [None] * (len(logs) - len(answers))


async def course(
    doc: Mapping[str, Any], windows: Sequence[tuple[Path, int, int]], skipped: Container[str] = (), limit: float = LIMIT
) -> dict[str, list[list[tuple[int, float]]] | None]:
    """Every value of each metric in parts of a job's logs, with its milliseconds since 1970.

    Parameters
    ----------
    windows : log, first byte and the end of each part; both at the end of a line.
    skipped : names of definitions that are not looked for.

    Returns
    -------
    A list for each window, by name; None for a definition that takes longer than `limit` seconds or that fails.
    """
    left = [item for item in defined(doc["AlgorithmSpecification"]) if item["Name"] not in skipped]
    places = [(str(log), begin, end) for log, begin, end in windows]
    if _is_ours(doc) and sum(end - begin for _, begin, end in windows) < AT_HAND:

        def look() -> dict[str, list[list[tuple[int, float]]] | None]:
            events = [matching.window(*place)[0] for place in places]
            return {name: matching.course(regex, events) for name, regex in compiled(left)}

        return await asyncio.to_thread(look)
    found: dict[str, list[list[tuple[int, float]]] | None] = {}
    while left:
        answers, _ = await _asked({"definitions": left, "windows": places, "limit": limit})
        found |= {item["Name"]: answer for item, answer in zip(left, answers, strict=False)}
        found |= {item["Name"]: None for item in left[len(answers) : len(answers) + 1]}
        left = left[len(answers) + 1 :]
    return found


async def _child(
    definitions: Sequence[Mapping[str, str]], logs: Sequence[Path], limit: float
) -> tuple[list[Seen], int | None]:
    """What the first definitions find, all of them unless one is late or fails, and how the child ended."""
    return await _asked({"definitions": list(definitions), "logs": [str(log) for log in logs], "limit": limit})


async def _asked(question: Mapping[str, Any]) -> tuple[list[Any], int | None]:
    """The lines that a child answers, and how it ended."""
    child = await asyncio.create_subprocess_exec(*PROGRAM, stdin=PIPE, stdout=PIPE)
    try:
        answer, _ = await child.communicate(json.dumps(question).encode())
    finally:
        with suppress(ProcessLookupError):
            child.kill()
    return [json.loads(line) for line in answer.splitlines()], child.returncode


def _tell(log: Path, definition: Mapping[str, str], what: str) -> None:
    logfile.append(
        log,
        f"Potager left the metric '{definition['Name']}' out of FinalMetricDataList: "
        f"searching the log for '{definition['Regex']}' {what}. Simplify the regular expression.",
    )
