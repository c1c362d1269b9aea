"""Log groups and streams as folders and files, which workers append to while clients read.

    LOGS/<account>/<region>/<group>/<stream>.log     one event a line, in the format of `potager.kernel.logfile`

Names are percent-encoded, and cut into nested folders ending in `+` where a file system would refuse them whole. A
stream's timestamps do not fall, as its one writer sees to. A token is a place in the file: `f/<byte>/s` reads on from
there, `b/<byte>/s` reads back; at either end the token that came in comes back, as on CloudWatch.
Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from potager.kernel import logfile
from potager.kernel.errors import Invalid, NotFound
from potager.kernel.names import Scope

Event = tuple[int, str]
"""Milliseconds since 1970, and the text."""

SUFFIX = ".log"
BORN = ".born"
"""An empty file in a group's folder, as old as the group."""
PAGE_BYTES = 2**20
"""Bytes of events in one page at most, as on CloudWatch."""
_SEGMENT = 200
_TOKEN = re.compile(r"([fb])/(\d{1,56})/s")


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

    async def all(self, scope: Scope, group: str, stream: str) -> list[Event]:
        """Every whole event of a stream; `NotFound` when there is no such stream."""
        path = self._known(scope, group, stream)
        return await asyncio.to_thread(lambda: list(self.lines(path)))

    async def groups(self, scope: Scope, prefix: str = "") -> list[Group]:
        """The groups whose names start with `prefix`, by name."""
        return await asyncio.to_thread(self._groups, scope, prefix)

    async def streams(self, scope: Scope, group: str, prefix: str = "") -> list[Stream]:
        """The streams whose names start with `prefix`, by name; `NotFound` when there is no such group."""
        return await asyncio.to_thread(self._streams, scope, group, prefix)

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

    def _group(self, scope: Scope, group: str) -> Path:
        return self.folder / scope.account / scope.region / _encoded(group)

    def _stream(self, scope: Scope, group: str, stream: str) -> Path:
        path = self._group(scope, group) / _encoded(stream)
        return path.with_name(path.name + SUFFIX)

    def _groups(self, scope: Scope, prefix: str) -> list[Group]:
        home = self.folder / scope.account / scope.region
        found = [_group(name, Path(entry)) for name, entry in _entries(home, "") if name.startswith(prefix)]
        return sorted(found, key=lambda group: group.name)

    def _streams(self, scope: Scope, group: str, prefix: str) -> list[Stream]:
        home = self._group(scope, group)
        if not home.is_dir():
            raise NotFound("The specified log group does not exist.")
        found = [_stream(name, Path(entry)) for name, entry in _entries(home, SUFFIX) if name.startswith(prefix)]
        return sorted(found, key=lambda stream: stream.name)


def _encoded(name: str) -> Path:
    """A name as a relative path of segments that every file system takes."""
    text = quote(name, safe="").replace(".", "%2E")
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
        end = _whole(file)
        first = _event_at(file, 0, end)
        last = _event_at(file, _line_before(file, end), end) if end else None
        created = first[0] / 1000 if first else path.stat().st_mtime
        return Stream(name, created, first and first[0], last and last[0], end)


def _page(path: Path, start: int | None, end: int | None, token: str | None, limit: int, from_head: bool) -> Events:
    with path.open("rb") as file:
        size = _whole(file)
        low = 0 if start is None else _first_at(file, size, start)
        high = size if end is None else _first_at(file, size, end)
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
        before = _line_before(file, at)
        if event := _event_at(file, before, at):
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


def _whole(file: BinaryIO) -> int:
    """Bytes of the whole lines: a last one without its line feed is still being written."""
    size = file.seek(0, os.SEEK_END)
    return _line_before(file, size + 1) if size else 0


def _line_before(file: BinaryIO, at: int) -> int:
    """Where the line begins that ends before byte `at`, its line feed being the byte before `at`."""
    end = at - 1
    while end > 0:
        begin = max(0, end - 8192)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _event_at(file: BinaryIO, at: int, end: int) -> Event | None:
    file.seek(at)
    return logfile.decode(file.readline()) if at < end else None


def _first_at(file: BinaryIO, size: int, when: int) -> int:
    """Where the first line begins whose time is `when` or later, by bisection."""
    low, high = 0, size
    while low < high:
        middle = _line_before(file, (low + high) // 2 + 1)
        file.seek(middle)
        line = file.readline()
        event = logfile.decode(line)
        if event is None or event[0] < when:
            low = middle + len(line)
        else:
            high = middle
    return low
