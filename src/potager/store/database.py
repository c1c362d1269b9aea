"""The database: many readers, one writer, every call one transaction.

    await db.read(fn)    fn(connection) in a reader's thread, on a snapshot
    await db.write(fn)   fn(connection) in the writer's thread; done when it is committed

Writes that wait together share one transaction, each in a savepoint of its own: one that raises is undone alone, and
the price of a commit is paid once. On SQLite the writer begins IMMEDIATE in WAL mode, so readers never wait for it.
What is committed survives a killed server; the last moments before a power cut may be lost (synchronous=NORMAL), whole.
Whoever removes what older rows still name calls `sync` first, or those moments would take the older rows' files along.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError

from potager.kernel import ballast
from potager.kernel.errors import Exists, LimitReached
from potager.store import schema

T = TypeVar("T")

READERS = 2
BATCH = 64
"""Writes that share one transaction at most."""

_PRAGMAS = (
    "PRAGMA busy_timeout=20000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA cache_size=-8192",
)

_VERSION = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"""
"""As Alembic makes it."""

REMAKE = 60.0
"""Seconds between two attempts to hold a ballast."""

_Job = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]
_Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Database:
    """One database, its schema up to date. Methods may be called from any event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        self._log = f"{file}-wal" if file else None
        self._ballast = ballast.of(Path(file).parent) if file else None
        self._remade = float("-inf")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-read")
        self._local = threading.local()
        self._closed = False
        self._connections: list[Connection] = []
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="database-write", daemon=True)
        self._writer.start()

    @classmethod
    async def open(cls, url: str) -> Database:
        """Opens the database at an SQLAlchemy URL, makes it when it is not there, migrates it when it is older."""
        engine = _engine(url)
        await asyncio.to_thread(_migrate, engine)
        return cls(engine)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` gives on a consistent view of all that was committed when it began."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` gives, once its changes are committed; when `fn` raises, none of them is made."""
        if self._closed:
            raise RuntimeError("the database is closed, nothing is written any more")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((fn, future))
        return await future

    def sync(self) -> None:
        """Brings what is committed so far to the disk, in the present thread: a power cut takes back none of it then.

        What a checkpoint has moved out of the log since is on the disk already: SQLite syncs around it.
        """
        if self._log is not None:
            with suppress(FileNotFoundError):
                fd = os.open(self._log, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    async def close(self) -> None:
        """Finishes the writes that wait, then lets go of the files."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._connections:
            connection.close()
        self._engine.dispose()

    def _read(self, fn: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
            self._connections.append(connection)
        with connection.begin():
            return fn(connection)

    def _write_all(self) -> None:
        with self._engine.connect().execution_options(potager_writes=True) as connection:
            while (job := self._queue.get()) is not None:
                batch, last = self._gather(job)
                self._hold()
                outcomes = _transact(connection, batch)
                if self._ballast and all(map(_is_full, outcomes)) and self._ballast.spend():
                    outcomes = _transact(connection, batch)
                _settle(outcomes)
                if last:
                    return

    def _hold(self) -> None:
        """Holds some of the disk for the writes that end what fills it; a ballast that was spent is made anew."""
        if self._ballast is not None and time.monotonic() - self._remade > REMAKE:
            self._remade = time.monotonic()
            self._ballast.make()

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False


def _is_full(outcome: _Outcome) -> bool:
    """Whether a write was undone because the disk is full: then all of its batch was."""
    return isinstance(outcome[2], LimitReached) and isinstance(outcome[2].__cause__, OperationalError)


def _transact(connection: Connection, batch: list[_Job]) -> list[_Outcome]:
    """Runs a batch in one transaction; should that fail as a whole, every write of it failed."""
    outcomes: list[_Outcome] = []
    try:
        if len(batch) == 1:
            fn, future = batch[0]
            with connection.begin():
                outcomes.append((future, fn(connection), None))
            return outcomes
        with connection.begin():
            for fn, future in batch:
                outcomes.append(_attempt(connection, fn, future))
    except BaseException as error:
        fault = _named(error)
        return [(future, None, fault) for _, future in batch]
    return outcomes


def _attempt(connection: Connection, fn: Callable[[Connection], Any], future: asyncio.Future[Any]) -> _Outcome:
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        result = fn(connection)
    except Exception as error:
        _undo(connection, _named(error))
        return future, None, _named(error)
    connection.exec_driver_sql("RELEASE SAVEPOINT job")
    return future, result, None


def _undo(connection: Connection, why: BaseException) -> None:
    """Undoes one write of a batch; a full disk has undone the whole transaction already, and is told to all."""
    try:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
    except OperationalError:
        raise why from None


def _named(error: BaseException) -> BaseException:
    if isinstance(error, OperationalError) and "full" in str(error.orig):
        fault = LimitReached("The disk that holds the database is full. Free some space and try again.")
        fault.__cause__ = error
        return fault
    return error


def _settle(outcomes: list[_Outcome]) -> None:
    """Hands results to the loops that wait for them, one wake-up a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, settled in loops.items():
        try:
            loop.call_soon_threadsafe(_tell, settled)
        except RuntimeError:  # that loop is closed: nobody waits any more, and the write is made
            continue


def _tell(outcomes: list[_Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():  # whoever asked was cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


@contextmanager
def inserting(connection: Connection, taken: str) -> Generator[None]:
    """Around an INSERT: `Exists(taken)` where its key is there already, and the transaction goes on."""
    postgres = connection.dialect.name == "postgresql"
    try:
        with connection.begin_nested() if postgres else nullcontext():
            yield
    except IntegrityError as error:
        raise Exists(taken) from error


def dumps(value: Any) -> str:
    """A document as JSON: instants as seconds since 1970, bytes and NaN refused."""
    return json.dumps(value, default=_seconds, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"A document cannot hold {type(value).__name__}: {value!r}")


def _engine(url: str) -> Engine:
    sqlite = make_url(url).get_backend_name() == "sqlite"
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}} if sqlite else {}
    engine = create_engine(url, json_serializer=dumps, pool_size=READERS + 2, **options)
    if sqlite:
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("potager_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    with engine.connect().execution_options(potager_writes=True) as connection, connection.begin():
        if not inspect(connection).get_table_names():
            schema.metadata.create_all(connection)
            connection.execute(text(_VERSION))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD})
            return
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version != schema.HEAD:
        from potager.store.migrations import upgrade  # Alembic is only imported where there is something to do

        upgrade(engine)
