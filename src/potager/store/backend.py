"""What a database is to the house, whichever it is: `sqlite.py` and `postgres.py` are the two."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from potager.store.batches import Job, Outcome
from potager.store.prepared import Prepared

T = TypeVar("T")


class Backend(ABC):
    """One database of one kind. `read` is called in any thread, `write` in one."""

    engine: Engine
    name: str
    """What it is called in messages; never with a password."""
    readers: int
    """Threads that read at a time."""
    near = False
    """Whether a row is found without waiting for anybody but the disk."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._connections: list[Connection] = []

    @abstractmethod
    def open(self) -> None:
        """Makes it ready: locked where need be, its schema the present one."""

    @abstractmethod
    def read(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` gives on one snapshot."""

    def look(self, query: Prepared, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row of one query; called in any thread where the database is `near`."""
        return self.read(lambda connection: query.first(connection, values))

    @abstractmethod
    def write(self, batch: list[Job]) -> list[Outcome]:
        """What became of each write of a batch."""

    def brief(self, batch: list[Job]) -> list[Outcome] | None:
        """As `write`, in the present thread and without waiting; None where that cannot be: nothing was written."""
        return None

    @abstractmethod
    def named(self, error: BaseException) -> BaseException:
        """The error in the house's words, where it has some; else the error itself."""

    @abstractmethod
    def unusable(self, error: BaseException) -> BaseException:
        """Why the database cannot be used at all, in the house's words."""

    @abstractmethod
    def claimed(self) -> AbstractContextManager[Connection]:
        """A connection that writes, and keeps other servers out as long as it is entered; for tools."""

    def sync(self) -> None:  # noqa: B027  (nothing to do is an answer)
        """Brings what is committed so far to the disk, in the present thread."""

    def stop(self) -> None:  # noqa: B027
        """Has a write that waits for the database wait no more."""

    def close(self) -> None:
        """Lets go of everything. Nobody reads or writes any more."""
        for connection in self._connections:
            connection.close()
        self.engine.dispose()

    def _reader(self) -> Connection:
        """The present thread's own connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._connections.append(connection)
        return connection

    def _connect(self) -> Connection:
        return self.engine.connect()


def dumps(value: Any) -> str:
    """A document as JSON: instants as seconds since 1970, bytes and NaN refused."""
    return json.dumps(value, default=_seconds, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"A document cannot hold {type(value).__name__}: {value!r}")
