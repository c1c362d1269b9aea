"""A program's standard output and error, on their way into its log file.

Bytes come from one pipe; each line becomes one event with the time at which it was read. A line longer than an event
may be is cut into several. `Output.admit` is the place for a limit on rate or size.
"""

from __future__ import annotations

import os
from pathlib import Path

from potager.kernel import clock, logfile

CHUNK = 1 << 16
_LONGEST = logfile.MAX_MESSAGE


class Output:
    """Appends lines to a log file. A full disk loses lines and never stops the program.

    Attributes
    ----------
    dropped : bytes that could not be kept.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._rest = bytearray()
        self._torn = False
        self.dropped = 0

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
        """Writes what is left without a line feed."""
        if self._rest:
            self._write([bytes(self._rest)])
            self._rest.clear()
        os.close(self._file)

    def admit(self, size: int) -> bool:
        """Whether `size` more bytes may be written. Every one may, for now."""
        return size >= 0

    def _write(self, lines: list[bytes]) -> None:
        at = round(clock.now() * 1000)
        data = b"".join([logfile.encode(at, piece) for line in lines for piece in _pieces(line)])
        if not self.admit(len(data)):
            self.dropped += len(data)
            return
        if self._torn:
            data = b"\n" + data
        try:
            while data:
                data = data[os.write(self._file, data) :]
            self._torn = False
        except OSError:
            self._torn = True
            self.dropped += len(data)


def _pieces(line: bytes) -> list[bytes]:
    """A line in parts that an event can hold, none for an empty line's sake lost."""
    if len(line) <= _LONGEST:
        return [line.removesuffix(b"\r")]
    return [line[at : at + _LONGEST] for at in range(0, len(line), _LONGEST)]
