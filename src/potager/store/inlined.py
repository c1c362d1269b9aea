"""Small blobs, whose bytes lie in a row of the database and in no file until somebody needs one.

    put      bytes and object in one transaction: no file, no folder, nothing to sync but the database's log
    file     the bytes become a file, synced; then the row goes (`Objects.file`)

So a blob is a row or a file. A server that dies between the two leaves both; the sweep takes the row away. The row goes
with the last name of its blob, in the same transaction (`references.released`), so no row is ever an orphan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select

from potager.store import schema
from potager.store.prepared import Prepared

_inline = schema.inline
_given: BindParameter[list[str]] = bindparam("blobs", expanding=True)
_KEEP = Prepared(insert(_inline))
_DATA = Prepared(select(_inline.c.data).where(_inline.c.blob == bindparam("b_blob")))
_IS_THERE = Prepared(select(_inline.c.blob).where(_inline.c.blob == bindparam("b_blob")))
_FORGET_ONE = Prepared(delete(_inline).where(_inline.c.blob == bindparam("b_blob")))
_THERE = select(_inline.c.blob).where(_inline.c.blob.in_(_given))
_ALL = select(_inline.c.blob, _inline.c.data).where(_inline.c.blob.in_(_given))
_FORGET = delete(_inline).where(_inline.c.blob.in_(_given))


def keep(connection: Connection, blob: str, data: bytes) -> None:
    """Keeps the bytes of a new blob."""
    _KEEP.run(connection, {"blob": blob, "data": data})


def data(connection: Connection, blob: str) -> bytes | None:
    """The bytes of a blob; None for one that is a file, or pieces, or gone."""
    found = _DATA.first(connection, {"b_blob": blob})
    return None if found is None else found[0]


def there(connection: Connection, blobs: Sequence[str]) -> set[str]:
    """Which of a thousand blobs at most lie in rows."""
    return set(connection.scalars(_THERE, {"blobs": blobs}))


def every(connection: Connection, blobs: Sequence[str]) -> dict[str, bytes]:
    """The bytes of those of a thousand blobs at most that lie in rows."""
    return {row.blob: row.data for row in connection.execute(_ALL, {"blobs": blobs})}


def forgotten(connection: Connection, blob: str) -> bool:
    """Takes the row of a blob away; whether it had one."""
    here = {"b_blob": blob}
    if _IS_THERE.first(connection, here) is None:
        return False
    _FORGET_ONE.run(connection, here)
    return True


def forget(connection: Connection, blobs: Iterable[str]) -> None:
    """Takes the rows of a thousand blobs at most away."""
    connection.execute(_FORGET, {"blobs": list(blobs)})
