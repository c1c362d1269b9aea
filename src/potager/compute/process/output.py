"""A program's standard output and error, on their way into its log file.

Bytes come from one pipe; each line becomes one event with the time at which it was read. A line longer than an event
may be is cut into several. A log takes an eighth of what it may hold at once, and then a thousandth part a second:
what comes faster is dropped, and a line says how much; so is what comes when the log is full. The last lines
before the end are kept all the same, for they say why a program failed.
"""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

from potager.kernel import clock, logfile

CHUNK = 1 << 16
TAIL = 1 << 16
"""Bytes of dropped lines that are remembered in case they are the last."""
_LONGEST = logfile.MAX_MESSAGE


class Output:
    """Appends lines to a log file. A full disk loses lines and never stops the program.

    Parameters
    ----------
    most : bytes that the log may hold, None for all that come.

    Attributes
    ----------
    dropped : bytes that could not be kept.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._rest = bytearray()
        self._torn = False
        self._flow = _Flow(most)
        self._most = most
        self._skipped = 0
        self._skipping = 0
        self._tail: deque[bytes] = deque()
        self._remembered = 0
        self._excess = 0
        self.dropped = 0

    @property
    def flooded(self) -> bool:
        """Whether the program printed as much in excess as is kept at most."""
        return self._most is not None and self._excess > self._most

    def take(self, data: bytes) -> None:
        """More bytes; whole lines are written."""
        lines = data.split(b"\n")
        if len(lines) > 1:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
            self._write(lines[:-1])
        self._rest += lines[-1]
        while len(self._rest) >= _LONGEST:
            self._write([bytes(self._rest[:_LONGEST])])
            del self._rest[:_LONGEST]

    def close(self) -> None:
        """Writes what is left without a line feed, and the last of the lines that were dropped."""
        self._recall()
        os.close(self._file)

    def say(self, line: str) -> None:
        """Writes a line of the platform's own, whatever was dropped before."""
        self._recall()
        self._put(logfile.encode(round(clock.now() * 1000), line))

    def _recall(self) -> None:
        """Writes what is left without a line feed, and after all the last of the lines that were dropped."""
        if self._rest:
            self._write([bytes(self._rest)])
            self._rest.clear()
        self._skipped -= len(self._tail)
        self._put(self._notice() + b"".join(self._tail))
        self._forget()

    def _write(self, lines: list[bytes]) -> None:
        at = round(clock.now() * 1000)
        events = [logfile.encode(at, piece) for line in lines for piece in _pieces(line)]
        size = sum(map(len, events))
        if not self._flow.admits(size):
            self._skip(at, events, size)
            return
        notice = self._notice() if self._skipped else b""
        self._forget()
        self._put(notice + b"".join(events))

    def _skip(self, at: int, events: list[bytes], size: int) -> None:
        """Drops events, but for the last ones of all."""
        self._skipping = self._skipping if self._skipped else at
        self._skipped += len(events)
        self.dropped += size
        self._excess += size
        self._tail += events
        self._remembered += size
        while self._remembered > TAIL:
            self._remembered -= len(self._tail.popleft())

    def _forget(self) -> None:
        self._skipped = self._remembered = 0
        self._tail.clear()

    def _notice(self) -> bytes:
        """The line that stands for those that were dropped; none where none was."""
        if not self._skipped:
            return b""
        text = f"Potager dropped {self._skipped} lines here: the program prints more, or faster, than its log takes."
        return logfile.encode(self._skipping, text)

    def _put(self, data: bytes) -> None:
        if self._torn and data:
            data = b"\n" + data
        try:
            while data:
                data = data[os.write(self._file, data) :]
            self._torn = False
        except OSError:
            self._torn = True
            self.dropped += len(data)


class _Flow:
    """How much may be written, by size and by rate."""

    def __init__(self, most: int | None) -> None:
        self._left = most
        self._most = most or 0
        self._level = self._burst = max(4 * CHUNK, self._most // 8)
        self._rate = max(1024, self._most // 1024)
        self._at = time.monotonic()
        self._dry = False

    def admits(self, size: int) -> bool:
        """Whether `size` bytes may be written now; once dry, not before there is room for a second's worth."""
        if self._left is None:
            return True
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        wanted = max(size, min(self._rate, self._burst)) if self._dry else size
        self._dry = wanted > self._level or size > self._left
        if self._dry:
            return False
        self._level -= size
        self._left -= size
        return True


def _pieces(line: bytes) -> list[bytes]:
    """A line in parts that an event can hold, none for an empty line's sake lost."""
    if len(line) <= _LONGEST:
        return [line.removesuffix(b"\r")]
    return [line[at : at + _LONGEST] for at in range(0, len(line), _LONGEST)]
