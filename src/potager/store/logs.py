"""Log groups and streams as folders and files, which workers append to while clients read.

    LOGS/<account>/<region>/<group>/<stream>.log     one event a line, in the format of `potager.kernel.logfile`

Names are percent-encoded, and cut into nested folders ending in `+` where a file system would refuse them whole. A
stream's timestamps do not fall, as its one writer sees to. A token is a place in the file: `f/<byte>/s` reads on from
there, `b/<byte>/s` reads back; at either end the token that came in comes back, as on CloudWatch.
`potager.store.search` looks through many streams, `potager.store.lines` finds places in one.
Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from potager.kernel import logfile
from potager.kernel.errors import Invalid, NotFound
from potager.kernel.names import Scope
from potager.store import lines
from potager.store.lines import Event
from potager.store.search import Found, searched

SUFFIX = ".log"
BORN = ".born"
"""An empty file in a group's folder, as old as the group."""
PAGE_BYTES = 2**20
"""Bytes of events in one page at most, as on CloudWatch."""
_SEGMENT = 200
_TOKEN = re.compile(r"([fb])/([0-9]{1,56})/s")


@dataclass(frozen=True, slots=True)
class Group:
    """A log group; `created` in seconds since 1970."""

    name: str
    created: float
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream; `created` in seconds since 1970, the times of its first and last event in milliseconds or None."""

    name: str
    created: float
    first_event: int | None
    last_event: int | None
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Events:
    """A page of a stream's events, oldest first, and the tokens to go on with."""

    events: list[Event]
    forward: str
    backward: str


class Logs:
    """The log groups in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, scope: Scope, group: str, stream: str) -> Path:
        """The file that a stream's writer appends to, in a folder that is there."""
        path = self._stream(scope, group, stream)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            (self._group(scope, group) / BORN).touch(exist_ok=False)
        return path

    def lines(self, path: Path) -> Iterator[Event]:
        """The whole events of a stream's file, oldest first; none where the file is not there."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                if event := logfile.decode(line):
                    yield event

    async def groups(self, scope: Scope, prefix: str = "") -> list[Group]:
        """The groups whose names start with `prefix`, by name."""
        return await asyncio.to_thread(self._groups, scope, prefix)

    async def names(self, scope: Scope, group: str, prefix: str = "") -> list[str]:
        """The names of the streams that start with `prefix`, in their order; `NotFound` when there is no such group."""
        return await asyncio.to_thread(lambda: sorted(self._paths(scope, group, prefix)))

    async def streams(
        self,
        scope: Scope,
        group: str,
        prefix: str = "",
        *,
        by_time: bool = False,
        descending: bool = False,
        limit: int | None = None,
    ) -> list[Stream]:
        """The streams whose names start with `prefix`; `NotFound` when there is no such group.

        Parameters
        ----------
        by_time : in the order of their last events and not of their names; this looks into every stream.
        limit : the first of that order, None for all.
        """
        return await asyncio.to_thread(self._streams, scope, group, prefix, by_time, descending, limit)

    async def search(
        self,
        scope: Scope,
        group: str,
        streams: Sequence[str],
        matches: Callable[[str], bool],
        *,
        start: int = 0,
        end: int | None = None,
        token: str | None = None,
        limit: int = 10_000,
    ) -> Found:
        """A page of the events of many streams, by time; it can be empty and have a token.

        Parameters
        ----------
        streams : their names.
        matches : whether a text is wanted.
        start, end : milliseconds since 1970; events at either belong to it.

        `NotFound` for a group or stream that is not there, `Invalid` for a token that is none.
        """

        def look() -> Found:
            paths = {name: self._known(scope, group, name) for name in streams}
            return searched(paths, matches, start, end, token, limit)

        return await asyncio.to_thread(look)

    async def events(
        self,
        scope: Scope,
        group: str,
        stream: str,
        *,
        start: int | None = None,
        end: int | None = None,
        token: str | None = None,
        limit: int = 10_000,
        from_head: bool = False,
    ) -> Events:
        """A page of a stream's events.

        Parameters
        ----------
        start, end : milliseconds since 1970; events at `start` belong to it, those at `end` do not.
        token : where an earlier page ended; it wins over `from_head`.
        from_head : without a token, the oldest events and not the newest.

        `NotFound` for a group or stream that is not there, `Invalid` for a token that is none.
        """
        path = self._known(scope, group, stream)
        return await asyncio.to_thread(_page, path, start, end, token, limit, from_head)

    def _known(self, scope: Scope, group: str, stream: str) -> Path:
        path = self._stream(scope, group, stream)
        if not self._group(scope, group).is_dir():
            raise NotFound("The specified log group does not exist.")
        if not path.is_file():
            raise NotFound("The specified log stream does not exist.")
        return path

    def _home(self, scope: Scope) -> Path:
        return self.folder / _encoded(scope.account) / _encoded(scope.region)

    def _group(self, scope: Scope, group: str) -> Path:
        return self._home(scope) / _encoded(group)

    def _stream(self, scope: Scope, group: str, stream: str) -> Path:
        path = self._group(scope, group) / _encoded(stream)
        return path.with_name(path.name + SUFFIX)

    def _groups(self, scope: Scope, prefix: str) -> list[Group]:
        home = self._home(scope)
        found = [_group(name, Path(entry)) for name, entry in _entries(home, "") if name.startswith(prefix)]
        return sorted(found, key=lambda group: group.name)

    def _paths(self, scope: Scope, group: str, prefix: str) -> dict[str, Path]:
        home = self._group(scope, group)
        if not home.is_dir():
            raise NotFound("The specified log group does not exist.")
        return {name: Path(entry) for name, entry in _entries(home, SUFFIX) if name.startswith(prefix)}

    def _streams(
        self, scope: Scope, group: str, prefix: str, by_time: bool, descending: bool, limit: int | None
    ) -> list[Stream]:
        paths = sorted(self._paths(scope, group, prefix).items(), reverse=descending)
        if not by_time:
            return [_stream(name, path) for name, path in paths[:limit]]
        found = [_stream(name, path) for name, path in paths]
        found.sort(key=lambda stream: stream.last_event or 0, reverse=descending)
        return found[:limit]


def _encoded(name: str) -> Path:
    """A name as a relative path of segments that every file system takes."""
    text = quote(name, safe="", errors="surrogatepass").replace(".", "%2E")
    cuts = [text[at : at + _SEGMENT] for at in range(0, len(text), _SEGMENT)] or ["%"]
    return Path(*(cut + "+" for cut in cuts[:-1]), cuts[-1])


def _entries(home: Path, suffix: str, so_far: str = "") -> Iterator[tuple[str, str]]:
    """Names and paths of what lies in a folder: files that end in `suffix`, or folders where it is empty."""
    try:
        entries = list(os.scandir(home))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.endswith("+"):
            yield from _entries(Path(entry.path), suffix, so_far + entry.name[:-1])
        elif entry.is_dir() if not suffix else entry.name.endswith(suffix):
            yield unquote(so_far + entry.name.removesuffix(suffix)), entry.path


def _group(name: str, home: Path) -> Group:
    sizes = [os.stat(path).st_size for _, path in _entries(home, SUFFIX)]
    born = home / BORN if (home / BORN).exists() else home
    return Group(name, born.stat().st_mtime, sum(sizes))


def _stream(name: str, path: Path) -> Stream:
    with path.open("rb") as file:
        end = lines.whole(file)
        first = lines.event_at(file, 0, end)
        last = lines.event_at(file, lines.line_before(file, end), end) if end else None
        created = first[0] / 1000 if first else path.stat().st_mtime
        return Stream(name, created, first and first[0], last and last[0], end)


def _page(path: Path, start: int | None, end: int | None, token: str | None, limit: int, from_head: bool) -> Events:
    with path.open("rb") as file:
        size = lines.whole(file)
        low = 0 if start is None else lines.first_at(file, size, start)
        high = size if end is None else lines.first_at(file, size, end)
        way, at = _place(token, size) if token else ("f", low) if from_head else ("b", high)
        if way == "f":
            return _forward(file, max(at, low), max(high, at), limit)
        return _backward(file, min(low, at), min(at, high), limit)


def _forward(file: BinaryIO, at: int, high: int, limit: int) -> Events:
    events: list[Event] = []
    begin, taken = at, 0
    file.seek(at)
    while at < high and len(events) < limit and taken < PAGE_BYTES:
        line = file.readline()
        at += len(line)
        if event := logfile.decode(line):
            events.append(event)
            taken += len(line)
    return Events(events, _token("f", at), _token("b", begin))


def _backward(file: BinaryIO, low: int, at: int, limit: int) -> Events:
    events: list[Event] = []
    end, taken = at, 0
    while at > low and len(events) < limit and taken < PAGE_BYTES:
        before = lines.line_before(file, at)
        if event := lines.event_at(file, before, at):
            events.append(event)
            taken += at - before
        at = before
    events.reverse()
    return Events(events, _token("f", end), _token("b", at))


def _token(way: str, at: int) -> str:
    return f"{way}/{at:056d}/s"


def _place(token: str, size: int) -> tuple[str, int]:
    found = _TOKEN.fullmatch(token)
    if not found or int(found[2]) > size:
        raise Invalid("The specified nextToken is invalid.")
    return found[1], int(found[2])
