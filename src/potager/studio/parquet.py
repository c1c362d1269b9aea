"""The beginning of a Parquet file, read by a process of its own: a hostile file may crash that, and nothing else.

    preview.py ── spawns ──► python -m potager.studio.parquet
               ◄── {"read": [start, end]} ──      asks for bytes, a line of JSON each
               ── those bytes ──►
               ◄── {"names": [...], "types": [...], "rows": [...], "total": n}   or {"error": "..."}

Only the footer and the first pages of the first columns are asked for, `MOST` bytes at most.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from potager.studio import glimpse

MOST = 16 * 2**20
"""Bytes that are read of a file."""
MEMORY = 4 * 2**30
"""Bytes of address space, most of which pyarrow only reserves."""
SECONDS = 60
AT_ONCE = asyncio.Semaphore(2)
"""Files that are looked into at a time."""
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "HOME")
"""What the process is told of the server's environment."""
ABSENT = (
    "Parquet is read by pyarrow, which is not installed: `pip install 'potager[parquet]'`, and start the server anew."
)

Read = Callable[[int, int], Awaitable[bytes]]
"""Bytes of the file from the first number up to and without the second."""


async def look(read: Read, size: int) -> glimpse.Glimpse:
    """The first rows of a file of that size."""
    found: dict[str, Any] = {"error": f"It took longer than {SECONDS} seconds to look into it."}
    async with AT_ONCE:
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                found = await _asked(read, size)
    if "error" in found:
        return glimpse.Glimpse(notes=[found["error"]])
    table = glimpse.table(found["names"], found["rows"], found["types"], found["total"])
    table.notes += [found["note"]] if found.get("note") else []
    return table


async def _asked(read: Read, size: int) -> dict[str, Any]:
    """What the process tells in the end, its questions answered."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, str(size)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in KEPT if name in os.environ},
        limit=2**24,
    )
    assert child.stdin
    assert child.stdout
    left = MOST
    try:
        while line := await child.stdout.readline():
            said = json.loads(line)
            if "read" not in said:
                return said
            start, end = said["read"]
            left -= end - start
            if not 0 <= start <= end <= size or left < 0:
                break
            child.stdin.write(await read(start, end))
            await child.stdin.drain()
    except (ValueError, ConnectionError):
        pass
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    return {"error": "It does not read as Parquet: the file is broken."}


class _Asking(io.RawIOBase):
    """The file, as the process sees it."""

    def __init__(self, size: int) -> None:
        self._size, self._at, self._left = size, 0, MOST

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        start, self._at = self._at, max(self._at, end)
        self._left -= self._at - start
        if self._left < 0:
            raise OSError("too much")
        if self._at == start:
            return b""
        _say({"read": [start, self._at]})
        return sys.stdin.buffer.read(self._at - start)


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Looks into the file whose size is the argument."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        _say({"error": ABSENT})
        return
    try:
        _say(_found(parquet, int(sys.argv[1])))
    except Exception as error:
        text = str(error).splitlines()[0][: glimpse.CELL] if str(error) else type(error).__name__
        _say({"error": f"It does not read as Parquet: {text}"})


def _found(parquet: Any, size: int) -> dict[str, Any]:
    file = parquet.ParquetFile(
        _Asking(size),
        buffer_size=2**16,
        pre_buffer=False,
        thrift_string_size_limit=2**24,
        thrift_container_size_limit=2**20,
    )
    schema = file.schema_arrow
    names, shown = list(schema.names), list(dict.fromkeys(schema.names[: glimpse.COLUMNS]))
    told = {"names": names, "types": [str(field.type) for field in schema], "total": file.metadata.num_rows}
    try:
        batch = next(file.iter_batches(batch_size=glimpse.ROWS, columns=shown, use_threads=False), None)
    except OSError:
        note = "Its pages are too large for a look: its columns are shown alone."
        return {**told, "rows": [], "note": note}
    columns = [_cells(batch.column(at)) for at in range(batch.num_columns)] if batch is not None else []
    return {**told, "rows": [list(row) for row in zip(*columns, strict=True)]}


def _cells(column: Any) -> list[str]:
    try:
        return ["" if value is None else str(value)[: glimpse.CELL + 1] for value in column.to_pylist()]
    except (ValueError, OverflowError, ImportError):  # a time that Python does not know
        return ["?"] * len(column)


if __name__ == "__main__":
    main()
