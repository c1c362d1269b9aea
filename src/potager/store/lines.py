"""Places in a log file, in bytes: where its whole lines end, where one begins, where a time begins.

Lines are those of `potager.kernel.logfile`, their times do not fall. `logs` and `search` page by these places.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from potager.kernel import logfile

Event = tuple[int, str]
"""Milliseconds since 1970, and the text."""


def whole(file: BinaryIO) -> int:
    """Bytes of the whole lines: a last one without its line feed is still being written."""
    size = file.seek(0, os.SEEK_END)
    return line_before(file, size + 1) if size else 0


def line_before(file: BinaryIO, at: int) -> int:
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


def event_at(file: BinaryIO, at: int, end: int) -> Event | None:
    """The event of the line that begins at byte `at`; None at `end`, and where the line is none of ours."""
    file.seek(at)
    return logfile.decode(file.readline()) if at < end else None


def first_at(file: BinaryIO, size: int, when: int) -> int:
    """Where the first line begins whose time is `when` or later, by bisection."""
    low, high = 0, size
    while low < high:
        middle = line_before(file, (low + high) // 2 + 1)
        file.seek(middle)
        line = file.readline()
        event = logfile.decode(line)
        if event is None or event[0] < when:
            low = middle + len(line)
        else:
            high = middle
    return low
