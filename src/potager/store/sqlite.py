"""The database as a file: SQLite in WAL mode, its one writer BEGINs IMMEDIATE, so that readers never wait for it.

What is committed survives a killed server; the last moments before a power cut may be lost (synchronous=NORMAL), whole.
One connection writes, the writer's thread with it or, in its turn, a loop's (`brief.py`). The log of what was written
(the WAL) goes into the file in the writer's thread alone, for that waits for the disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from potager.kernel import ballast
from potager.kernel.errors import Damaged, LimitReached
from potager.store import batches, migrations
from potager.store.backend import Backend, dumps
from potager.store.batches import Job, Outcome
from potager.store.prepared import Prepared, tell

T = TypeVar("T")

READERS = 2
REMAKE = 60.0
"""Seconds between two attempts to hold a ballast."""

_PRAGMAS = (
    "PRAGMA busy_timeout=20000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA wal_autocheckpoint=4000",
    "PRAGMA cache_size=-8192",
)
_PATIENT = ("PRAGMA wal_autocheckpoint=4000", "PRAGMA busy_timeout=20000")
"""Has a commit that finds so many pages in the log move them into the file, and a write wait for another program's."""
_BRIEF = ("PRAGMA wal_autocheckpoint=0", "PRAGMA busy_timeout=0")
"""Has the writer's connection wait for nothing."""
_WRITES = "BEGIN IMMEDIATE"
_DAMAGE = ("malformed", "not a database", "disk I/O error")
"""How SQLite begins to say that a file is none of its own, or that the disk does not give it back."""


class Sqlite(Backend):
    """A database in a file."""

    readers = READERS
    near = True

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._file = Path(url.database or "")
        self.name = f"the database {self._file}"
        self.engine = create_engine(
            url, json_serializer=dumps, pool_size=READERS + 2, connect_args={"check_same_thread": False}
        )
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._ballast = ballast.of(self._file.parent)
        self._remade = float("-inf")
        self._writer: Connection | None = None

    def open(self) -> None:
        try:
            with self._connect_writer() as connection, connection.begin():
                migrations.migrate(connection, self.name)
        except DatabaseError as error:
            self.engine.dispose()
            raise self.unusable(error) from error

    @contextmanager
    def claimed(self) -> Generator[Connection]:
        try:
            with self._connect_writer() as connection:
                yield connection
        except DatabaseError as error:
            raise self.unusable(error) from error
        finally:
            self.engine.dispose()

    def unusable(self, error: BaseException) -> BaseException:
        return self.named(error)

    def read(self, fn: Callable[[Connection], T]) -> T:
        connection = self._reader()
        try:
            with connection.begin():
                return fn(connection)
        except DatabaseError as error:
            raise self.named(error) from error.orig

    def look(self, query: Prepared, values: Mapping[str, Any]) -> Sequence[Any] | None:
        try:  # a single statement is its own transaction
            return query.first(self._reader(), values)
        except DatabaseError as error:
            raise self.named(error) from error.orig

    def write(self, batch: list[Job]) -> list[Outcome]:
        if self._writer is None:
            self._writer = self._connect_writer()
            self._connections.append(self._writer)
        self._hold()
        _tell_all(self._writer, _PATIENT)
        try:
            outcomes = self._transact(self._writer, batch)
            if all(map(_is_full, outcomes)) and self._ballast.spend():
                outcomes = self._transact(self._writer, batch)
        finally:
            _tell_all(self._writer, _BRIEF)
        return outcomes

    def brief(self, batch: list[Job]) -> list[Outcome] | None:
        if self._writer is None:
            return None
        outcomes = self._transact(self._writer, batch)
        later = all(map(_is_full, outcomes)) or all(map(_is_locked, outcomes))
        return None if later else outcomes  # the writer's thread has a ballast, and time to wait

    def _transact(self, connection: Connection, batch: list[Job]) -> list[Outcome]:
        """Runs a batch in one transaction; should that fail as a whole, every write of it failed."""
        try:
            tell(connection, _WRITES)
            try:
                outcomes = batches.run(connection, batch, self.named)
                _end(connection, "COMMIT")
            except BaseException:
                _end(connection, "ROLLBACK")
                raise
        except BaseException as error:
            return batches.failed(batch, self.named(error))
        return outcomes

    def _hold(self) -> None:
        """Holds some of the disk for the writes that end what fills it; a ballast that was spent is made anew."""
        if time.monotonic() - self._remade > REMAKE:
            self._remade = time.monotonic()
            self._ballast.make()

    def sync(self) -> None:
        """What a checkpoint has moved out of the log since is on the disk already: SQLite syncs around it."""
        with suppress(FileNotFoundError):
            fd = os.open(f"{self._file}-wal", os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def named(self, error: BaseException) -> BaseException:
        if not isinstance(error, DatabaseError):
            return error
        said = str(error.orig)
        if isinstance(error, OperationalError) and "full" in said:
            fault: Exception = LimitReached("The disk that holds the database is full. Free some space and try again.")
        elif any(each in said for each in _DAMAGE):
            fault = Damaged(
                f"{self._file} is damaged or cannot be read ({said}). Stop the server, look at the disk and keep a "
                "copy of the data folder; then bring a backup back with `potager restore`, or rescue what can be read "
                "with `sqlite3 potager.db .recover`."
            )
        else:
            return error
        fault.__cause__ = error
        return fault

    def _connect_writer(self) -> Connection:
        return self.engine.connect().execution_options(potager_writes=True)


def _is_full(outcome: Outcome) -> bool:
    """Whether a write was undone because the disk is full: then all of its batch was."""
    return isinstance(outcome[2], LimitReached) and isinstance(outcome[2].__cause__, OperationalError)


def _is_locked(outcome: Outcome) -> bool:
    """Whether a write was not begun because another program writes."""
    return isinstance(outcome[2], OperationalError) and "locked" in str(outcome[2].orig)


def _is_open(connection: Connection) -> bool:
    """Whether a transaction is open."""
    driver: Any = connection.connection.driver_connection
    return driver.in_transaction


def _end(connection: Connection, word: str) -> None:
    """Ends a transaction that SQLAlchemy did not begin, as what it had to do with it; nothing where it has ended."""
    if connection.in_transaction():
        connection.commit() if word == "COMMIT" else connection.rollback()
    if _is_open(connection):
        tell(connection, word)


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _tell_all(connection: Connection, pragmas: Sequence[str]) -> None:
    for pragma in pragmas:
        tell(connection, pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("potager_writes")
    if not (writes and _is_open(connection)):  # else `_transact` has begun it
        tell(connection, _WRITES if writes else "BEGIN")
