r"""One log event a line, in files that a worker appends to while the server reads.

A line is `<milliseconds since 1970> <text>\n`, the text in UTF-8 with backslash, carriage return and newline escaped,
so that a line feed always ends an event and a torn last line shows. Writers open the file with O_APPEND and write
whole lines; readers stop before a line without its line feed. `potager.compute` writes, `potager.store` reads.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from potager.kernel import clock

MAX_MESSAGE = 256 * 1024 - 26
"""Bytes of one event's text; CloudWatch Logs takes 256 KiB an event, 26 bytes of it overhead."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def encode(timestamp_ms: int, message: bytes | str) -> bytes:
    """One event as a line. Bytes that are not UTF-8 become U+FFFD; a text past `MAX_MESSAGE` is cut."""
    raw = message.encode(errors="replace") if isinstance(message, str) else message
    text = raw[:MAX_MESSAGE].decode("utf-8", "replace").translate(_ESCAPES)
    return f"{timestamp_ms} {text}\n".encode()


def decode(line: bytes) -> tuple[int, str] | None:
    """The timestamp (ms) and text of a whole line; None for a line that is torn or not ours."""
    head, space, tail = line.partition(b" ")
    if not space or not line.endswith(b"\n") or not head.isdigit():
        return None
    return int(head), _unescape(tail[:-1].decode("utf-8", "replace"))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\n", "\n").replace("\\r", "\r") for part in parts)


def append(path: Path, text: str) -> None:
    """Adds an event of the platform's to a log whose program has ended; a log that cannot be written is left alone."""
    with suppress(OSError), path.open("ab") as file:
        file.write(encode(round(clock.now() * 1000), text))
