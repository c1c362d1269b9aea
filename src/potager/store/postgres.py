"""The database on a Postgres server, through psycopg. Readers are on a snapshot, REPEATABLE READ and READ ONLY.

    lock     an advisory lock, held by the connection that writes: a second server on the same database is refused
    lost     a connection that breaks is made anew; what was not being committed is run again, for none of it is made
    commit   where the connection breaks while it commits, Postgres is asked what became of the transaction (`_fate`)

No write is told to have failed that was made, and none is made twice. One whose fate nobody can tell yet waits until
Postgres is back, and its asker with it; when the server is stopped meanwhile, its asker is cancelled, told nothing.

What is committed is on the disk of the Postgres server (`synchronous_commit`, which is turned on where it is off).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Row, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from potager.kernel.errors import Fault, InUse, Invalid, LimitReached, Unavailable
from potager.store import batches, migrations
from potager.store.backend import Backend, dumps
from potager.store.batches import Job, Outcome

log = logging.getLogger(__name__)

T = TypeVar("T")

READERS = 4
PATIENCE = 20.0
"""Seconds after a connection is lost in which reads and writes wait for Postgres to come back."""
PAUSE = 0.1
"""Seconds between two attempts to connect."""
TAKEN = 5.0
"""Seconds that a start waits for the lock: the connection of a server that was killed may linger."""
LOCK = 0x706F7461
"""Says among a database's advisory locks that one is ours; the other half is the schema's."""
OLDEST = 130000
"""The oldest version of Postgres that is served, as it counts them."""

_OPTIONS = {
    "connect_timeout": "5",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "target_session_attrs": "read-write",
}
"""What libpq is told, where the URL says nothing else: a connection to a machine that is gone ends within a minute."""
_SESSION = (
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET client_encoding = 'UTF8'",
    "SET tcp_keepalives_idle = 20",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
_ABOUT = text(
    "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding, "
    "current_schema() AS place"
)
_CLAIM = text("SELECT pg_try_advisory_lock(:lock, hashtext(current_schema()))")
_HOLDER = text(
    "SELECT a.pid, a.application_name AS program FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::bigint = :lock "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)"
)
_END = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name AND pid <> :pid")
_MADE = text("SELECT pg_current_xact_id_if_assigned()::text")
_FATE = text("SELECT pg_xact_status(CAST(:made AS xid8))")
_AGAIN = {"40001", "40P01", "57P01", "57P02", "57P03", "57P05"}
"""SQLSTATEs of a transaction that is undone and may be run again: conflicts, a server that stops or starts."""
_READ_ONLY = "25006"
"""The SQLSTATE of a write to a server that only reads, such as a standby: another one may answer the next time."""


class _Broken(Exception):
    """The transaction is undone, and may succeed when it is run again."""


class Postgres(Backend):
    """A database, or a schema of one, on a Postgres server."""

    readers = READERS

    def __init__(self, url: URL) -> None:
        super().__init__()
        self.name = _described(url)
        self._token = f"potager {os.getpid()}@{socket.gethostname()[:32]} {secrets.token_hex(4)}"
        """What the connection that writes calls itself, so that others can say who holds the lock."""
        given = {name: value for name, value in _OPTIONS.items() if name not in url.query}
        self.engine = create_engine(
            url.set(drivername="postgresql+psycopg").update_query_dict(given),
            json_serializer=dumps,
            poolclass=NullPool,
            use_native_hstore=False,
        )
        event.listen(self.engine, "connect", _configure)
        self._writer: Connection | None = None
        self._away: float | None = None
        """Since when Postgres does not answer; None while it does."""
        self._stopped = threading.Event()
        self._usurped: Unavailable | None = None

    def open(self) -> None:
        try:
            self._writer = self._lock()
            with self._writer.begin():
                migrations.migrate(self._writer, self.name)
        except BaseException as error:
            self._drop()
            if not isinstance(error, SQLAlchemyError):
                raise
            raise self.unusable(error) from error

    @contextmanager
    def claimed(self) -> Generator[Connection]:
        connection: Connection | None = None
        try:
            connection = self._lock()
            yield connection
        except SQLAlchemyError as error:
            raise self.unusable(error) from error
        finally:
            if connection is not None:
                _cut(connection)

    def unusable(self, error: BaseException) -> BaseException:
        return Invalid(
            f"{self.name} cannot be used: {_said(error)}. Look whether Postgres is up, and whether host, user, "
            "password and database of the setting `database` are right."
        )

    # Reading

    def read(self, fn: Callable[[Connection], T]) -> T:
        while True:
            connection: Connection | None = None
            try:
                if self._usurped:
                    raise self._usurped
                connection = self._reader()
                with connection.begin():
                    found = fn(connection)
            except SQLAlchemyError as error:
                if connection is not None and not _transient(connection, error):
                    raise self._told(error) from error
                self._forget(connection)
                self._wait(error)
            else:
                self._away = None
                return found

    def _connect(self) -> Connection:
        return self.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _forget(self, connection: Connection | None) -> None:
        """Has the present thread read by another connection."""
        self._local.connection = None
        if connection is not None:
            self._connections.remove(connection)
            _cut(connection)

    # Writing

    def write(self, batch: list[Job]) -> list[Outcome]:
        while True:
            try:
                connection = self._writing()
                return self._transact(connection, batch)
            except _Broken as broken:
                try:
                    self._wait(broken.__cause__ or broken)
                except Unavailable as fault:
                    return batches.failed(batch, fault)
            except Fault as fault:
                return batches.failed(batch, fault)

    def _writing(self) -> Connection:
        """The connection that holds the lock, made anew if need be."""
        if self._usurped:
            raise self._usurped
        if self._writer is None:
            try:
                self._writer = self._lock()
            except InUse as fault:
                self._usurped = Unavailable(f"{fault.message} This server lost the database to it: stop this one.")
                log.critical("%s", self._usurped.message)
                raise self._usurped from fault
            except SQLAlchemyError as error:
                raise _Broken from error
            log.warning("%s answers again", self.name)
        return self._writer

    def _transact(self, connection: Connection, batch: list[Job]) -> list[Outcome]:
        transaction = connection.begin()
        try:
            outcomes = batches.run(connection, batch, self.named)
            made: str | None = connection.scalar(_MADE)
        except BaseException as error:
            broken = _transient(connection, error) or _state(error) == _READ_ONLY
            with suppress(SQLAlchemyError):
                transaction.rollback()
            if broken or connection.invalidated:
                self._drop()
                raise _Broken from error
            return batches.failed(batch, self.named(error))
        try:
            transaction.commit()
        except SQLAlchemyError as error:
            if not _lost(connection, error):  # it was refused, and so undone
                with suppress(SQLAlchemyError):
                    transaction.rollback()
                return batches.failed(batch, self.named(error))
            self._drop()
            return self._settled(batch, outcomes, made, error)
        self._away = None
        return outcomes

    def _settled(
        self, batch: list[Job], outcomes: list[Outcome], made: str | None, error: BaseException
    ) -> list[Outcome]:
        """The outcomes of a batch whose commit was not confirmed, once it is known whether it was made."""
        log.warning("the connection to %s broke while it committed: %s", self.name, _said(error))
        fate = self._fate(made) if made else "committed"
        if fate == "committed":
            return outcomes
        if fate == "aborted":
            raise _Broken from error
        log.error("nobody can say whether the last writes to %s were made: their askers are not told", self.name)
        return batches.failed(batch, asyncio.CancelledError())

    def _fate(self, made: str) -> str | None:
        """What became of a transaction, by its id; waits for Postgres as long as it takes. None where nobody says."""
        while True:
            try:
                with self.engine.connect() as connection:
                    connection.execute(_END, {"name": self._token, "pid": 0})
                    fate: str | None = connection.scalar(_FATE, {"made": made})
            except SQLAlchemyError as error:
                if "is in the future" in str(error):  # a standby that never got it has taken over
                    return "aborted"
                fate = "in progress"
            if fate != "in progress":
                return fate
            if self._stopped.wait(PAUSE):
                return None

    def _lock(self) -> Connection:
        """A connection that holds the lock; `InUse` where another server has it."""
        connection = self.engine.connect()
        try:
            self._check(connection)
            connection.exec_driver_sql(f"SET application_name = '{self._token}'")
            connection.commit()
            self._claim(connection)
        except BaseException:
            _cut(connection)
            raise
        return connection

    def _claim(self, connection: Connection) -> None:
        deadline = time.monotonic() + TAKEN
        while True:
            mine = connection.scalar(_CLAIM, {"lock": LOCK})
            holder = None if mine else connection.execute(_HOLDER, {"lock": LOCK}).first()
            connection.commit()
            if mine:
                return
            if holder is not None and holder.program == self._token:  # ours, which Postgres holds for alive
                pid = connection.connection.driver_connection.info.backend_pid  # pyright: ignore[reportOptionalMemberAccess]
                connection.execute(_END, {"name": self._token, "pid": pid})
                connection.commit()
            if time.monotonic() > deadline:
                raise InUse(
                    f"{self.name} is in use by another server: {_who(holder)}. Stop it first, or name another database "
                    "with --database."
                )
            self._stopped.wait(PAUSE)

    def _check(self, connection: Connection) -> None:
        about = connection.execute(_ABOUT).one()
        connection.commit()
        if about.version < OLDEST:
            raise Invalid(
                f"{self.name} is Postgres {about.version // 10000}. Potager needs {OLDEST // 10000} or later."
            )
        if about.encoding != "UTF8":
            raise Invalid(
                f"{self.name} has the encoding {about.encoding}. Make one with UTF8: "
                "CREATE DATABASE potager ENCODING 'UTF8' TEMPLATE template0."
            )
        if about.place is None:
            raise Invalid(f"{self.name}: there is no schema of its search_path. CREATE SCHEMA first.")

    def _drop(self) -> None:
        if self._writer is not None:
            _cut(self._writer)
            self._writer = None

    def _wait(self, error: BaseException) -> None:
        """Returns when it is time to try again; `Unavailable` when Postgres has been away for long."""
        now = time.monotonic()
        if self._away is None:
            self._away = now
            log.warning("%s does not answer: %s", self.name, _said(error))
        if now - self._away > PATIENCE or self._stopped.wait(PAUSE):
            raise Unavailable(
                f"{self.name} does not answer ({_said(error)}). Nothing was changed. Try again."
            ) from error

    def named(self, error: BaseException) -> BaseException:
        if not isinstance(error, DBAPIError):
            return error
        state = _state(error)
        if state == "53100":
            fault: Exception = LimitReached(f"The disk of {self.name} is full. Free some space and try again.")
        elif state[:2] in ("53", "57", "08"):
            fault = Unavailable(f"{self.name} cannot do it now: {_said(error)}. Try again.")
        elif "NUL" in str(error.orig):
            fault = Invalid("Postgres keeps no text with a NUL character. Leave it out.")
        elif state == "42501":
            fault = Unavailable(f"{self.name} refuses: {_said(error)}. Give its user the rights of an owner.")
        else:
            return error
        fault.__cause__ = error
        return fault

    def _told(self, error: SQLAlchemyError) -> BaseException:
        named = self.named(error)
        return error if named is error else named

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        super().close()
        self._drop()


def _described(url: URL) -> str:
    host = url.query.get("host") or url.host or "this machine"
    return f"the Postgres database {url.database or url.username or 'potager'} on {host}"


def _configure(connection: Any, _: Any) -> None:
    connection.autocommit = True
    for statement in _SESSION:
        connection.execute(statement)
    connection.autocommit = False


def _cut(connection: Connection) -> None:
    """Closes a connection, whatever state it is in."""
    with suppress(Exception):
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def _lost(connection: Connection, error: BaseException) -> bool:
    """Whether the connection itself is gone, so that nobody can say what the server made of the last thing it heard."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    try:
        return connection.invalidated or bool(connection.connection.driver_connection.closed)  # pyright: ignore
    except SQLAlchemyError:
        return True


def _transient(connection: Connection, error: BaseException) -> bool:
    """Whether a transaction that is not committed may succeed when it is run again."""
    return _state(error) in _AGAIN or _lost(connection, error)


def _state(error: BaseException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _said(error: BaseException) -> str:
    """What libpq or Postgres says, in one line; it holds no password."""
    orig = getattr(error, "orig", None) or error.__cause__ or error
    lines = str(orig).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _who(holder: Row[Any] | None) -> str:
    words = str(holder.program).split() if holder is not None else []
    if len(words) < 2 or words[0] != "potager":
        return "one that is starting or stopping" if holder is None else f"process {holder.pid} of Postgres"
    pid, _, host = words[1].partition("@")
    return f"process {pid} on {host}"
