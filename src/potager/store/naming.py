"""Which files the rows of a snapshot need, and how many bytes of each: what a backup copies and `fsck` looks for.

    an object's, version's or part's blob      the file of that id, or the pieces it is made of, or its bytes in a row
    a piece's source                           a file that reaches at least to the piece's end

An upload's own file (`sites.py`) is named by a piece of no bytes: it need not be there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from potager.store import seals

_NEEDED = """
SELECT blob, max(least) AS size, max(exact) FROM (
    SELECT blob, size AS least, 1 AS exact FROM objects
    UNION ALL SELECT blob, size, 1 FROM versions WHERE blob IS NOT NULL
    UNION ALL SELECT blob, size, 1 FROM parts
    UNION ALL SELECT source, start + size, 0 FROM pieces
) WHERE blob NOT IN (SELECT blob FROM pieces) AND blob NOT IN (SELECT blob FROM inline)
GROUP BY blob ORDER BY blob
"""


class Needed(NamedTuple):
    """A file that rows need.

    `size` is how many bytes it has at least; with `exact` just that many.
    """

    blob: str
    size: int
    exact: bool

    @property
    def optional(self) -> bool:
        """Whether nothing is lost without it."""
        return not self.size and not self.exact


def needed(rows: sqlite3.Connection) -> Iterator[Needed]:
    """The files that rows need, by id; read as it is asked for."""
    for blob, size, exact in rows.execute(_NEEDED):
        yield Needed(blob, stored(blob, size) if size or exact else 0, bool(exact))


def stored(blob: str, size: int) -> int:
    """How many bytes a file has that holds `size` bytes of a blob."""
    return seals.length(size) if seals.is_sealed(blob) else size


def total(rows: sqlite3.Connection) -> tuple[int, int]:
    """How many files that is, and how many bytes about."""
    count, size = rows.execute(f"SELECT count(*), total(size) FROM ({_NEEDED})").fetchone()  # noqa: S608
    return count, int(size)
