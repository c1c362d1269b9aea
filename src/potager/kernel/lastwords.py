"""Why a program failed, for want of better: the last words in its log."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

LINES = 400
"""Lines at the end of a log that are looked at."""


def spoken(events: Iterable[tuple[int, str]], command: str) -> str:
    """What a program said last.

    Parameters
    ----------
    events : timestamp and text of each log line, oldest first.
    command : as the log shows it; what stands above it is not the program's.
    """
    lines = [text for _, text in deque(events, LINES)]
    if command in lines:
        lines = lines[len(lines) - lines[::-1].index(command) :]
    return message(lines)


def message(lines: list[str]) -> str:
    """The exception at the end of the last traceback and what follows it; the last line where there is no traceback."""
    start = next((at for at in range(len(lines), 0, -1) if lines[at - 1].startswith("Traceback (most recent")), None)
    if start is not None:
        said = next((at for at in range(start, len(lines)) if lines[at] and not lines[at][0].isspace()), len(lines))
        return "\n".join(lines[said:]).strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
