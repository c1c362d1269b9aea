"""The database: many readers, one writer, every call one transaction.

    await db.read(fn)    fn(connection) in a reader's thread, on a snapshot
    await db.look(query, values)  a row by its key, at once
    await db.write(fn)   fn(connection) in the writer's thread; done when it is committed
    await db.write(fn, brief=True)  in the present thread, where nobody else writes (`brief.py`)

Writes that wait together share one transaction, each in a savepoint of its own: one that raises is undone alone, and
the price of a commit is paid once (`batches.py`). The database is a file (`sqlite.py`) or on a Postgres server
(`postgres.py`). A function may be called twice, where its first transaction was undone. Whoever removes what older rows
still name calls `sync` first, or a power cut that takes back the last moments would take the older rows' files along.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from potager.kernel.errors import Exists, Invalid
from potager.store import batches
from potager.store.backend import Backend, dumps
from potager.store.batches import Job
from potager.store.brief import Brief
from potager.store.prepared import Prepared
from potager.store.sqlite import Sqlite

__all__ = ["Database", "backend", "dumps", "inserting", "located"]

T = TypeVar("T")

BATCH = 64
"""Writes that share one transaction at most."""
SLOW, WARY = 0.02, 0.1
"""Seconds that work in the present thread may take, and for how long none is tried after a look-up that took longer."""
_CLOSED = "the database is closed, nothing is written any more"
FILE = "potager.db"
"""The database of a data folder that has none elsewhere."""


class Database:
    """One database, its schema up to date. Methods may be called from any event loop."""

    def __init__(self, made: Backend) -> None:
        self._backend = made
        self.sync: Callable[[], None] = made.sync
        """Brings what is committed so far to the disk, in the present thread: no power cut takes it back then."""
        self.name = made.name
        self._readers = ThreadPoolExecutor(made.readers, thread_name_prefix="database-read")
        self._closed = False
        self._wary = 0.0
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._brief = Brief(made, self._late)
        self._writer = threading.Thread(target=self._write_all, name="database-write", daemon=True)
        self._writer.start()

    @classmethod
    async def open(cls, url: str | URL) -> Database:
        """Opens the database at an SQLAlchemy URL, makes it when it is not there, migrates it when it is older.

        `InUse` when another server uses it, `Invalid` when it cannot be reached or is not ours, `Damaged` when it does
        not read.
        """
        made = backend(make_url(url))
        await asyncio.to_thread(made.open)
        return cls(made)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` gives on a consistent view of all that was committed when it began."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._backend.read, fn)

    async def look(self, query: Prepared, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row that a query finds by an index, None without one; on a snapshot of its own.

        In the present thread where the database is a file of this machine: that takes microseconds, and to go to a
        thread and back takes ten times as many. When a disk turns out to be slow, a thread waits for it for a while.
        """
        began = time.perf_counter()
        if not self._backend.near or began < self._wary:
            return await self.read(lambda connection: query.first(connection, values))
        row = self._backend.look(query, values)
        if time.perf_counter() - began > SLOW:
            self._wary = began + WARY
        return row

    async def write(self, fn: Callable[[Connection], T], *, brief: bool = False) -> T:
        """What `fn` gives, once its changes are committed; when `fn` raises, none of them is made.

        brief : `fn` runs a few statements that find their rows by an index. The present thread makes the write then,
            where the database is a file of this machine and nobody else is writing: to go to a thread and back takes
            longer than all of it.
        """
        if self._closed:
            raise RuntimeError(_CLOSED)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = (fn, future)
        if not (brief and self._backend.near and self._queue.empty() and self._brief.offer(job)):
            self._queue.put(job)
        return await future

    def _late(self, job: Job) -> None:
        """Has the writer make a write that was to be a brief one."""
        if self._closed:
            batches.tell(batches.failed([job], RuntimeError(_CLOSED)))
        else:
            self._queue.put(job)

    async def close(self) -> None:
        """Finishes the writes that wait, then lets go of the files."""
        self._closed = True
        self._queue.put(None)
        self._backend.stop()
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        self._backend.close()

    def _write_all(self) -> None:
        while (job := self._queue.get()) is not None:
            batch, last = self._gather(job)
            try:
                with self._brief.turn:
                    outcomes = self._backend.write(batch)
            except BaseException as error:
                outcomes = batches.failed(batch, error)
            batches.settle(outcomes)
            self._brief.rested()
            if last:
                return

    def _gather(self, first: Job) -> tuple[list[Job], bool]:
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


def located(named: str, data: Path) -> URL:
    """Where the database is that the setting `database` names, for a data folder."""
    if named == "sqlite":
        return URL.create("sqlite", database=str(data / FILE))
    return make_url(named.replace("postgres://", "postgresql://", 1))


def backend(url: URL) -> Backend:
    """The back end at a URL, not opened; `Invalid` where its driver is not installed."""
    if url.get_backend_name() == "sqlite":
        return Sqlite(url)
    try:
        import psycopg  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise Invalid(
            "The setting `database` names a Postgres database, and psycopg is not installed: "
            "pip install 'potager[postgres]'."
        ) from error
    from potager.store.postgres import Postgres

    return Postgres(url)


@contextmanager
def inserting(connection: Connection, taken: str) -> Generator[None]:
    """Around an INSERT: `Exists(taken)` where its key is there already, and the transaction goes on."""
    postgres = connection.dialect.name == "postgresql"
    try:
        with connection.begin_nested() if postgres else nullcontext():
            yield
    except IntegrityError as error:
        raise Exists(taken) from error
