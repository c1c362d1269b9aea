"""The course of a training job's metrics, value after value, as BatchGetMetrics gives it: what curves are drawn of.

    logs ─► read on from where the last look ended ─► matching (apart from the server where that could take long)
         ─► Tracks, one a metric and host, in memory ─► a statistic an iteration, or a period of time

The n-th time that a host prints a metric is its iteration n, from 0. Nothing is stored but the logs: whoever asks first
has them read, whoever asks again what has been added. The courses of the jobs that were asked for last are kept.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_metrics_MetricQuery.html
"""

from __future__ import annotations

import asyncio
import math
import statistics
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.store.rows import Row, Rows
from potager.train import metrics
from potager.train.runner import KIND
from potager.wire.service import Service, partly

service = Service("sagemaker-metrics")

KEPT = 64
"""Jobs whose courses are kept."""
MOST = 50_000
"""Values of one metric and host that are kept; of more, every second one, and so on."""
WINDOW, WINDOWS = 8 * 2**20, 8
"""Bytes of logs that are searched at once, and how often for one request."""

SECONDS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}

STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Min": min,
    "Max": max,
    "Avg": statistics.fmean,
    "Count": len,
    "StdDev": statistics.pstdev,
    "Last": lambda values: values[-1],
}


class Track:
    """The values of one metric on one host, in the order in which they were printed."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.step = 1
        """One of so many iterations is kept."""
        self.number = 0
        self._places = array("q")  # iteration and milliseconds of each value, in turn
        self._values = array("d")

    def add(self, at: int, value: float) -> None:
        """Takes in the next iteration; a value that is no finite number is none, but counts as an iteration."""
        number, self.number = self.number, self.number + 1
        if number % self.step or not math.isfinite(value):
            return
        self._places.extend((number, at))
        self._values.append(value)
        if len(self._values) > self.most:
            self.step *= 2
            kept = [each for each in self if each[0] % self.step == 0]
            self._places = array("q", [place for number, at, _ in kept for place in (number, at)])
            self._values = array("d", [value for _, _, value in kept])

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        """Iteration, milliseconds since 1970, value."""
        return zip(self._places[::2], self._places[1::2], self._values, strict=True)


class Course:
    """What the logs of one job have come to so far.

    Attributes
    ----------
    tracks : by metric, one a host. late : metrics whose expression takes too long. behind : whether logs go on.
    """

    def __init__(self) -> None:
        self.tracks: dict[str, list[Track]] = {}
        self.late: set[str] = set()
        self.behind = False
        self._ends: dict[Path, int] = {}
        self._looking = asyncio.Lock()

    async def look(self, doc: Mapping[str, Any], logs: Sequence[Path]) -> None:
        """Reads on, up to `WINDOWS` windows."""
        async with self._looking:
            self.behind = True
            for _ in range(WINDOWS):
                windows = [place for place in await asyncio.to_thread(self._windows, logs) if place[2] > place[1]]
                if not windows:
                    self.behind = False
                    return
                await self._take(doc, logs, windows)

    def _windows(self, logs: Sequence[Path]) -> list[tuple[Path, int, int]]:
        """The next part of each log, of whole lines."""
        return [(log, begin := self._ends.get(log, 0), _last_line(log, begin)) for log in logs]

    async def _take(
        self, doc: Mapping[str, Any], logs: Sequence[Path], windows: Sequence[tuple[Path, int, int]]
    ) -> None:
        for name, found in (await metrics.course(doc, windows, self.late)).items():
            if found is None:
                self.late.add(name)
                self.tracks.pop(name, None)
                continue
            tracks = self.tracks.setdefault(name, [Track() for _ in logs])
            for (log, _, _), values in zip(windows, found, strict=True):
                for at, value in values:
                    tracks[logs.index(log)].add(at, value)
        self._ends |= {log: end for log, _, end in windows}


def _last_line(log: Path, begin: int) -> int:
    """Where the last whole line ends that lies within a window from `begin` on."""
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return begin
    with file:
        file.seek(begin)
        return begin + file.read(WINDOW).rfind(b"\n") + 1


class Courses:
    """The courses of the jobs that were asked for last.

    Parameters
    ----------
    logs_of : the log of each host of a job.
    """

    def __init__(self, logs_of: Callable[[Row], list[Path]]) -> None:
        self._logs_of = logs_of
        self._kept: OrderedDict[str, Course] = OrderedDict()

    async def of(self, row: Row) -> Course:
        """A job's, up to now."""
        key = row.doc["_id"]
        course = self._kept.setdefault(key, Course())
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        await course.look(row.doc, self._logs_of(row))
        return course


@service.operation
@partly("of training jobs: what their logs hold; x values of the type Timestamp are milliseconds since 1970")
async def batch_get_metrics(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of metrics that training jobs have printed so far, while they run, too."""
    queries, courses = req["MetricQueries"], dict[str, Course]()
    for arn in {query["ResourceArn"] for query in queries}:
        row = await ctx[Rows].get(KIND, ctx.scope, arn.rpartition("/")[2])
        if row is not None and row.arn == arn:
            courses[arn] = await ctx[Courses].of(row)
    return {"MetricQueryResults": [_answered(courses.get(query["ResourceArn"]), query) for query in queries]}


def _answered(course: Course | None, query: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return answer(course, query)
    except WireError as fault:
        return {"Status": "ValidationError", "Message": fault.message, "XAxisValues": [], "MetricValues": []}


def answer(course: Course | None, query: Mapping[str, Any]) -> dict[str, Any]:
    """One query's result; what several hosts say of the same iteration or period goes into one statistic."""
    name, by_time = query["MetricName"], query["XAxisType"] == "Timestamp"
    if course is None:
        raise WireError("ValidationError", f"{query['ResourceArn']} is no training job of this account and region.")
    if query["Period"] != "IterationNumber" and not by_time:
        raise WireError("ValidationError", f"Period {query['Period']} goes with the XAxisType Timestamp alone.")
    if name in course.late:
        text = f"Searching the log for '{name}' took too long. Simplify its regular expression."
        raise WireError("ValidationError", text)
    tracks = course.tracks.get(name, ())
    points = _points(tracks, query["Period"], by_time)
    low, high = query.get("Start", -math.inf), query.get("End", math.inf)
    kept = [(x, values) for x, values in points if low <= x <= high]
    shown = STATISTICS[query["MetricStat"]]
    whole = not course.behind and all(track.step == 1 for track in tracks)
    return {
        "Status": "Complete" if whole else "Truncated",
        "Message": "" if whole else _lack(course, tracks),
        "XAxisValues": [x for x, _ in kept],
        "MetricValues": [float(shown(values)) for _, values in kept],
    }


def _lack(course: Course, tracks: Iterable[Track]) -> str:
    if course.behind:
        return "The log goes on: ask again for what follows."
    return f"One of {max(track.step for track in tracks)} values is kept."


def _points(tracks: Sequence[Track], period: str, by_time: bool) -> list[tuple[int, list[float]]]:
    """The values that belong together, by where they stand on the x axis."""
    if period != "IterationNumber":
        length = SECONDS[period] * 1000
        merged = sorted((at, value) for track in tracks for _, at, value in track)
        return _gathered((at - at % length, value) for at, value in merged)
    merged = _gathered((number, (at, value)) for track in tracks for number, at, value in track)
    return [
        (max(at for at, _ in values) if by_time else number, [value for _, value in values])
        for number, values in sorted(merged)
    ]


def _gathered(pairs: Iterable[tuple[int, Any]]) -> list[tuple[int, list[Any]]]:
    found: dict[int, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return list(found.items())
