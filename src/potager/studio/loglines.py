"""Searching the logs of all jobs and endpoints, and which of them a line belongs to.

what is asked ─► groups ─► FilterLogEvents of each, side by side ─► lines by time ─► where to go on in each
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.kernel.errors import WireError
from potager.studio.asking import Asking

ROOT = "/aws/sagemaker/"
KINDS = {
    "training-jobs": ("Training jobs", f"{ROOT}TrainingJobs"),
    "processing-jobs": ("Processing jobs", f"{ROOT}ProcessingJobs"),
    "transform-jobs": ("Transform jobs", f"{ROOT}TransformJobs"),
    "endpoints": ("Endpoints", f"{ROOT}Endpoints/"),
}
"""Where each kind's logs are; an endpoint has a group of its own, jobs of a kind share one."""
PAGE = 200
"""Lines of a group that a page shows."""
TRIES = 8
"""How often a group is asked for one page: each time looks at so much of it, found or not."""
GROUPS = 50
"""Groups of a kind that one search looks at."""
LONGEST = 4000
"""Letters of a line that are shown; the job's own page has all of them."""
ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback)\b|\w*(Error|Exception)\b")
WARNING = re.compile(r"\bWARN(ING)?\b|\w*Warning\b", re.IGNORECASE)
PROBLEMS = "?ERROR ?CRITICAL ?FATAL ?Traceback ?Error ?Exception ?WARN ?Warning ?warning"
"""The terms of a filter pattern that find what these mark."""


@dataclass(frozen=True)
class Line:
    """A line of a log. `slug` and `name` say whose it is; `level` is error, warning or ""."""

    at: int
    id: str
    group: str
    stream: str
    text: str

    @property
    def level(self) -> str:
        return "error" if ERROR.search(self.text) else "warning" if WARNING.search(self.text) else ""

    @property
    def slug(self) -> str:
        """The kind, "" for a group that no page is about."""
        return next((slug for slug, (_, group) in KINDS.items() if _belongs(self.group, group)), "")

    @property
    def name(self) -> str:
        """The job or the endpoint."""
        return self.group.rpartition("/")[2] if self.slug in ("endpoints", "") else self.stream.partition("/")[0]

    @property
    def shown(self) -> str:
        return self.text if len(self.text) <= LONGEST else f"{self.text[:LONGEST]} ..."


def _belongs(group: str, of: str) -> bool:
    return group.startswith(of) if of.endswith("/") else group == of


@dataclass(frozen=True)
class Search:
    """What is looked for: a filter pattern's terms, in one kind or "" for all, in names that begin so, from a time on
    (milliseconds since 1970)."""

    terms: str = ""
    kind: str = ""
    name: str = ""
    start: int = 0
    problems: bool = False

    @property
    def pattern(self) -> str:
        return f"{self.terms} {PROBLEMS}".strip() if self.problems else self.terms.strip()


async def groups(ask: Asking, search: Search) -> list[str]:
    """The groups that a search looks at. Of everything, each kind's come first: many endpoints hide no jobs."""
    if search.kind == "endpoints":
        prefixes = [KINDS["endpoints"][1] + search.name]
    elif search.kind in KINDS:
        prefixes = [KINDS[search.kind][1]]
    else:
        prefixes = [*(prefix for _, prefix in KINDS.values()), ROOT]
    lists = await asyncio.gather(
        *(ask("logs", "DescribeLogGroups", logGroupNamePrefix=prefix, limit=GROUPS) for prefix in prefixes)
    )
    names = dict.fromkeys(each["logGroupName"] for found in lists for each in found["logGroups"])
    return [name for name in names if _wanted(name, search)]


def _wanted(group: str, search: Search) -> bool:
    """Whether an endpoint's group is of a name that is asked for; jobs are told apart by their streams."""
    shared = any(group == of for _, of in KINDS.values())
    return shared or group.rpartition("/")[2].startswith(search.name)


Marks = Mapping[str, str]
"""Where to go on: a token for each group that has more."""


async def lines(ask: Asking, search: Search, marks: Marks | None = None, most: int = PAGE) -> tuple[list[Line], Marks]:
    """The lines that fit, by time, at most so many of each group; and where to go on, nothing at the end."""
    where = list(marks) if marks is not None else await groups(ask, search)
    parts = await asyncio.gather(*(_of(ask, search, group, (marks or {}).get(group), most) for group in where))
    found = sorted((line for part, _ in parts for line in part), key=lambda line: (line.at, line.id))
    return found, {group: token for group, (_, token) in zip(where, parts, strict=True) if token}


async def _of(
    ask: Asking, search: Search, group: str, token: str | None, most: int
) -> tuple[Sequence[Line], str | None]:
    asked: dict[str, Any] = {"logGroupName": group, "startTime": search.start, "filterPattern": search.pattern}
    if search.name and any(group == of for _, of in KINDS.values()):
        asked["logStreamNamePrefix"] = search.name
    found: list[Line] = []
    for _ in range(TRIES):
        try:
            told = await ask("logs", "FilterLogEvents", **asked, nextToken=token, limit=most - len(found))
        except WireError as error:
            if error.code == "ResourceNotFoundException":  # it went since the groups were asked for
                return found, None
            raise
        found += [
            Line(each["timestamp"], each["eventId"], group, each["logStreamName"], each["message"])
            for each in told["events"]
        ]
        token = told.get("nextToken")
        if not token or len(found) >= most:
            break
    return found, token


class Tail:
    """What has been printed since the last look."""

    def __init__(self, ask: Asking, search: Search) -> None:
        self._ask, self._search = ask, search
        self._since = search.start
        self._seen: set[str] = set()

    async def news(self) -> list[Line]:
        """Lines that were not told before."""
        search = Search(self._search.terms, self._search.kind, self._search.name, self._since, self._search.problems)
        found, _ = await lines(self._ask, search)
        fresh = [line for line in found if line.id not in self._seen]
        if fresh:
            self._since = max(line.at for line in fresh) - BEHIND
            self._seen = {line.id for line in found if line.at >= self._since} | self._seen
        return fresh


BEHIND = 2000
"""Milliseconds before the last line that are looked at again: streams are written side by side."""


def marked(marks: Marks) -> str:
    """Where to go on, for an address."""
    return json.dumps(marks, separators=(",", ":")) if marks else ""


def unmarked(text: str | None) -> Marks | None:
    """Where an address says to go on; None where it says nothing, or nothing that can be read."""
    try:
        found: Any = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {str(group): str(token) for group, token in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
