"""Which blobs are named by which rows, and which files nobody needs any more.

    objects.blob, versions.blob, parts.blob  ─►  a file, or pieces  ─►  spans of files

A blob of pieces never has another blob of pieces below it: spans are taken over flat. Counting is done by looking, so
that no counter can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select, union_all

from potager.store import inlined, schema
from potager.store.blobs import Span
from potager.store.prepared import Prepared

BATCH = 1000
"""Blobs that one query asks about: a database takes only so many parameters."""
FEW = 4
"""Blobs that are asked about one by one: a put over an object has one, and a query for each of few is sooner run."""

_pieces = schema.pieces
_given: BindParameter[list[str]] = bindparam("blobs", expanding=True)
_NAMES = (schema.objects.c.blob, schema.versions.c.blob, schema.parts.c.blob, _pieces.c.source)
_NAMED = union_all(*(select(column).where(column.in_(_given)) for column in _NAMES))
_IS_NAMED = Prepared(select(or_(*(select(each).where(each == bindparam("b_blob")).exists() for each in _NAMES))))
_SPANS = (
    select(_pieces.c.source, _pieces.c.start, _pieces.c.size)
    .where(_pieces.c.blob == bindparam("blob"))
    .order_by(_pieces.c.number)
)
_SPANS_OF = (
    select(_pieces.c.blob, _pieces.c.source, _pieces.c.start, _pieces.c.size)
    .where(_pieces.c.blob.in_(_given))
    .order_by(_pieces.c.blob, _pieces.c.number)
)
_SOURCES = select(_pieces.c.source).where(_pieces.c.blob.in_(_given))
_FORGET = delete(_pieces).where(_pieces.c.blob.in_(_given))


def unnamed(connection: Connection, blobs: Iterable[str]) -> list[str]:
    """Those of the blobs that no object, part or piece names."""
    given = list(dict.fromkeys(blobs))
    if len(given) <= FEW:
        return [blob for blob in given if not _is_named(connection, blob)]
    named = {found for batch in _batches(given) for found in connection.scalars(_NAMED, {"blobs": batch})}
    return [blob for blob in given if blob not in named]


def _is_named(connection: Connection, blob: str) -> bool:
    found = _IS_NAMED.first(connection, {"b_blob": blob})
    return bool(found and found[0])


def nothing(connection: Connection) -> bool:
    """Whether no row names any blob at all."""
    tables = (schema.objects, schema.versions, schema.parts)
    return all(
        connection.scalar(select(table.c.blob).where(table.c.blob.is_not(None)).limit(1)) is None for table in tables
    )


def released(connection: Connection, blobs: Iterable[str]) -> list[str]:
    """Which files can go, once this transaction is committed, of blobs that lost a name in it."""
    gone = _as_files(connection, unnamed(connection, blobs))
    if not gone:
        return gone
    sources: list[str] = []
    for batch in _batches(gone):
        found = list(connection.scalars(_SOURCES, {"blobs": batch}))
        if found:
            connection.execute(_FORGET, {"blobs": batch})
        sources += found
    return gone + unnamed(connection, sources)


def _as_files(connection: Connection, gone: Sequence[str]) -> list[str]:
    """Takes away the rows of blobs that nothing names any more; the other blobs."""
    if len(gone) <= FEW:
        return [blob for blob in gone if not inlined.forgotten(connection, blob)]
    left: list[str] = []
    for batch in _batches(gone):
        rows = inlined.there(connection, batch)
        if rows:
            inlined.forget(connection, rows)
        left += [blob for blob in batch if blob not in rows]
    return left


def spans(connection: Connection, blob: str) -> list[Span]:
    """The pieces that a blob is made of; none for one that is a file."""
    return [Span(*piece) for piece in connection.execute(_SPANS, {"blob": blob})]


def spans_of(connection: Connection, blobs: Sequence[str]) -> dict[str, list[Span]]:
    """As `spans`, of many blobs at a time; those that are files are left out."""
    found: dict[str, list[Span]] = {}
    for batch in _batches(blobs):
        for row in connection.execute(_SPANS_OF, {"blobs": batch}):
            found.setdefault(row.blob, []).append(Span(*row[1:]))
    return found


def cut(pieces: Sequence[Span], start: int, end: int) -> list[Span]:
    """The spans of the bytes from `start` up to and without `end` of all the pieces put together.

    >>> cut([Span("a", 0, 10), Span("b", 5, 10)], 8, 12)
    [Span(source='a', start=8, size=2), Span(source='b', start=5, size=2)]
    """
    found: list[Span] = []
    at = 0
    for piece in pieces:
        low, high = max(start, at), min(end, at + piece.size)
        if low < high:
            found.append(Span(piece.source, piece.start + low - at, high - low))
        at += piece.size
    return found


def merged(pieces: Sequence[Span]) -> list[Span]:
    """The same bytes in as few spans as can be.

    >>> merged([Span("a", 0, 10), Span("a", 10, 5), Span("b", 0, 1)])
    [Span(source='a', start=0, size=15), Span(source='b', start=0, size=1)]
    """
    found: list[Span] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last and last.source == piece.source and last.start + last.size == piece.start:
            found[-1] = Span(last.source, last.start, last.size + piece.size)
        elif piece.size or not found:
            found.append(piece)
    return found


def join(connection: Connection, blob: str, pieces: Sequence[Span]) -> None:
    """Makes a blob out of pieces."""
    rows = [
        {"blob": blob, "number": number, "source": piece.source, "start": piece.start, "size": piece.size}
        for number, piece in enumerate(pieces)
    ]
    connection.execute(insert(_pieces), rows)


def settle(connection: Connection, blob: str) -> list[str]:
    """Forgets a blob's pieces, for its file is there now; which files can go after the commit.

    The file itself is among them when the last object that named the blob went while its pieces were put together.
    """
    sources = [piece.source for piece in spans(connection, blob)]
    connection.execute(delete(_pieces).where(_pieces.c.blob == blob))
    return unnamed(connection, [blob, *sources])


def laid_down(connection: Connection, blobs: Sequence[str]) -> list[str]:
    """Takes away the rows of blobs that are files now; which of those can go, for they lost their name meanwhile."""
    inlined.forget(connection, blobs)
    return unnamed(connection, blobs)


def _batches(blobs: Sequence[str]) -> Iterator[Sequence[str]]:
    return (blobs[at : at + BATCH] for at in range(0, len(blobs), BATCH))
