"""A search through many log streams, as FilterLogEvents pages it.

    streams ─► bisected to the start ─► merged by (time, stream, byte) ─► those that match, until the page is full

No file is held open: a stream is read in blocks when its turn comes. A token is the event to go on with:
`<milliseconds>/<byte>/<stream>`.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from potager.kernel import logfile
from potager.kernel.errors import Invalid
from potager.store import lines

PAGE_BYTES = 2**20
"""Bytes of events in one page at most, as on CloudWatch."""
SEARCH_BYTES = 16 * 2**20
"""Bytes of events that a search looks at for one page, matching or not."""
_BLOCK = 64 * 1024
_MARK = re.compile(r"([0-9]{1,18})/([0-9]{1,18})/(.+)", re.DOTALL)


class Hit(NamedTuple):
    """One event of a search, in the order of a search: by time, stream and the byte where it begins."""

    at: int
    stream: str
    place: int
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search, oldest first, and the token to go on with, None at the end."""

    hits: list[Hit]
    token: str | None


def searched(
    paths: dict[str, Path],
    matches: Callable[[str], bool],
    start: int,
    end: int | None,
    token: str | None,
    limit: int,
) -> Found:
    """A page of the events of the streams at `paths`, as `Logs.search` has it; `Invalid` for a token that is none."""
    mark = _mark(token) if token else (start, "", 0)
    hits: list[Hit] = []
    looked = taken = 0
    for hit in heapq.merge(*(_from(name, path, max(mark, (start, "", 0)), end) for name, path in paths.items())):
        if len(hits) == limit or taken >= PAGE_BYTES or looked >= SEARCH_BYTES:
            return Found(hits, f"{hit.at}/{hit.place}/{hit.stream}")
        looked += hit.size
        if matches(hit.text):
            hits.append(hit)
            taken += hit.size
    return Found(hits, None)


def _mark(token: str) -> tuple[int, str, int]:
    found = _MARK.fullmatch(token)
    if not found:
        raise Invalid("The specified nextToken is invalid.")
    return int(found[1]), found[3], int(found[2])


def _from(name: str, path: Path, mark: tuple[int, str, int], end: int | None) -> Iterator[Hit]:
    """A stream's events from a mark (time, stream, byte) on, up to those at `end`."""
    for place, line in _read(path, _first_from(path, name, mark)):
        event = logfile.decode(line)
        if event and end is not None and event[0] > end:
            return
        if event:
            yield Hit(event[0], name, place, event[1], len(line))


def _first_from(path: Path, name: str, mark: tuple[int, str, int]) -> int:
    """The byte of the first event that does not come before the mark in the order of a search."""
    at, stream, place = mark
    with path.open("rb") as file:
        size = lines.whole(file)
        if name != stream:
            return lines.first_at(file, size, at + (name < stream))
        if place > size or (place and lines.line_before(file, place + 1) != place):
            raise Invalid("The specified nextToken is invalid.")
        return place


def _read(path: Path, at: int) -> Iterator[tuple[int, bytes]]:
    """Where the whole lines from byte `at` on begin, and their bytes; the first alone, for it may be all."""
    block = 1
    while True:
        with path.open("rb") as file:
            file.seek(at)
            read = file.readlines(block)
        for line in read:
            if not line.endswith(b"\n"):
                return
            yield at, line
            at += len(line)
        if not read:
            return
        block = _BLOCK
