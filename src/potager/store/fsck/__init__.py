"""Finds what is not as it should be in the data folder of a server that is stopped, and mends what can be mended.

    snapshot of the rows ─► findings: rows against rows (`rows.py`), rows against files (`files.py`), bytes against
                            digests (`content.py`)  ─► each is told, and mended where that is asked for (`mending.py`)

Nothing is deleted that anybody could want back: a row that leads nowhere is moved out of sight, into a report, and a
file that is not what it should be is put beside it: DATA/fsck/<when>/rows.jsonl and blobs/. What a mend uncovers, the
next round finds; the last round's findings are what is left.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from potager.kernel.errors import NotFound
from potager.kernel.names import Scope
from potager.store import migrations, snapshot
from potager.store.backup import Progress
from potager.store.database import backend
from potager.store.fsck import content, files, rows
from potager.store.fsck.finding import Finding
from potager.store.fsck.mending import Mender
from potager.store.seals import Seal

ROUNDS = 4
"""Times that a data folder is looked at, each after the one before mended something."""

Opener = Callable[[Any, Mapping[str, Any]], "Seal | None"]
"""`opener(connection, doc)`: what opens the sealed bytes of an object with that document; None where nothing can."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, whether it was mended, and what was done, or can be."""

    finding: Finding
    mended: bool
    remedy: str


def check(
    data: Path,
    url: URL,
    scope: Scope,
    opener: Opener,
    *,
    repair: bool = False,
    deep: bool = False,
    progress: Progress = lambda done, total: None,
) -> Iterator[Told]:
    """Every finding once, as it is made; with `repair` those that are mended, then those that are left.

    Nobody else may use the data folder meanwhile: its lock is the caller's to hold; a database on a server is claimed
    here.

    Parameters
    ----------
    scope : to whom a bucket belongs that has to be made anew.
    deep : whether the bytes of all objects are read, and compared with what is known of them.
    """
    made = backend(url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise NotFound(snapshot.absent(url.database))
    with made.claimed() as connection:
        mender = Mender(connection, data, scope) if repair else None
        if repair:
            with connection.begin():
                migrations.migrate(connection, made.name)
        for number in range(ROUNDS):
            left: list[Finding] = []
            again = False
            with tempfile.TemporaryDirectory(prefix=".fsck-", dir=data) as folder:
                taken = Path(folder) / "rows.db"
                snapshot.take(url, taken)
                for finding in _found(data, taken, opener, deep=deep, progress=progress):
                    if mender is None:
                        yield Told(finding, mended=False, remedy=finding.remedy)
                    elif number < ROUNDS - 1 and (done := mender.mend(finding)):
                        again = True
                        yield Told(finding, mended=True, remedy=done)
                    else:
                        left.append(finding)
            if not again:
                yield from (Told(finding, mended=False, remedy=finding.remedy) for finding in left)
                return


def _found(data: Path, taken: Path, opener: Opener, *, deep: bool, progress: Progress) -> Iterator[Finding]:
    with closing(sqlite3.connect(taken)) as found, snapshot.opened(taken) as connection:
        found.row_factory = sqlite3.Row
        damage = [row[0] for row in found.execute("PRAGMA integrity_check(5)")]
        if damage != ["ok"]:
            remedy = "Restore a backup into another folder; what else is said here may be wrong."
            yield Finding("the database", f"is damaged: {damage[0]}", remedy)
            return
        yield from rows.examined(found)
        bad = files.examined(found, data / "blobs")
        broken: set[str] = set()
        reader = content.Contents(found, data / "blobs", lambda doc: opener(connection, doc))
        for each in bad:
            if isinstance(each, Finding):
                yield each
            else:
                broken.add(each.blob)
                yield from content.lost(found, reader, each, broken)
        yield from files.strays(data)
        if deep:
            yield from content.examined(found, reader, broken, progress)
