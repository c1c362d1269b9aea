"""Rows and blobs belong together: both know one id, so that no server sweeps one database's blobs by another's rows.

    a row of kind `house` in the database   ═   the file DATA/bond

Both are made at the first start, and anew for a folder that is restored. A server that is given another database, or
whose database was lost, does not start: every blob would be one that nothing names.
"""

from __future__ import annotations

import itertools
import os
import secrets
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from potager.kernel import clock
from potager.kernel.errors import Invalid
from potager.store import references, schema
from potager.store.blobs import Blobs
from potager.store.database import Database

FILE = "bond"
KIND = "house"
SAMPLE = 50
"""Blobs that are looked for, where only the database knows its id."""

_t = schema.rows


async def bind(database: Database, blobs: Blobs, path: Path) -> None:
    """Sees that a database and a folder of blobs belong together, or binds them; `Invalid` where they do not."""
    known, said = await database.read(_known), await blobs.run(lambda: _said(path))
    if known and said:
        fits = known == said
    elif known:
        named = await database.read(_named)
        fits = await blobs.run(lambda: any(map(blobs.has, named))) or await database.read(references.nothing)
    else:
        fits = not said or await blobs.run(lambda: next(blobs.ids(), None)) is None
    if not fits:
        raise Invalid(
            f"{blobs.folder} does not belong to {database.name}: the setting `database` is another than before, or the "
            "database was lost or replaced. Give the one that was used before, or restore a backup; to begin anew, "
            "use another data folder and another database."
        )
    bond = known or said or fresh()
    if not known:
        await database.write(lambda connection: keep(connection, bond))
    if not said:
        await blobs.run(database.sync)  # a power cut must not take the row and leave the file
        await blobs.run(lambda: say(path, bond))


def fresh() -> str:
    """An id that no others have."""
    return secrets.token_hex(16)


def _known(connection: Connection) -> str | None:
    doc = connection.scalar(select(_t.c.doc).where(_t.c.kind == KIND, _t.c.name == "blobs"))
    return None if doc is None else doc["id"]


def _named(connection: Connection) -> list[str]:
    """Some blobs that must be files: those of objects that lie in no row and are made of no pieces."""
    objects, inline, pieces = schema.objects, schema.inline, schema.pieces
    query = (
        select(objects.c.blob)
        .where(objects.c.blob.not_in(select(inline.c.blob)), objects.c.blob.not_in(select(pieces.c.blob)))
        .limit(SAMPLE)
    )
    return list(itertools.islice(connection.scalars(query), SAMPLE))


def keep(connection: Connection, bond: str) -> None:
    """Has a database know an id, in the place of one that it knew."""
    connection.execute(delete(_t).where(_t.c.kind == KIND))
    now = clock.now()
    values = {"kind": KIND, "account": "", "region": "", "name": "blobs", "arn": "", "doc": {"id": bond}}
    connection.execute(insert(_t).values(**values, created=now, modified=now, version=1))


def _said(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip() or None
    except FileNotFoundError:
        return None


def say(path: Path, bond: str) -> None:
    """Writes the id of a folder."""
    draft = path.with_name(f".{FILE}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(bond + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
