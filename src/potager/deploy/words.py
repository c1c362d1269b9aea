"""What a container said last before it failed: the end of its log, short enough for a FailureReason."""

from __future__ import annotations

from pathlib import Path

from potager.kernel import logfile

ROOM = 750
"""Characters for a reason and a log's end: what AWS's 1,024 leave beside the name of the variant."""
READ = 16 * 1024
"""Bytes at the end of a log that are looked at."""
CAUSE = "The above exception was the direct cause of the following exception:"
"""What Python writes between the traceback of a failure and that of what was made of it, which is our own."""


def last_words(log: Path, told: str) -> str:
    """The end of a log as a sentence that follows `told`; "" where it says no more than that does."""
    said = _end(log)
    if said and told and told in said[-1] and CAUSE in said:
        said = said[: len(said) - 1 - said[::-1].index(CAUSE)]
    lines = [line for line in said if line.strip("^~ ") and line not in told and (not told or told not in line)]
    text, room = " | ".join(lines), max(ROOM - len(told), 0)
    return f" Its log ends: {text if len(text) <= room else '...' + text[len(text) - room :]}" if text else ""


def _end(log: Path) -> list[str]:
    """The last lines of a log, without their times."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - READ))
            whole = file.read().split(b"\n")[bool(size > READ) :]
    except OSError:
        return []
    events = [event for line in whole if line and (event := logfile.decode(line + b"\n"))]
    return [" ".join(event[1].split()) for event in events if event[1].strip()]
