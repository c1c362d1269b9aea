"""The few statements that most requests run, compiled once and handed to SQLite's driver as text.

A row is found by its key in 8 us, of which SQLAlchemy makes 45: it looks the statement up, makes a context, a cursor
and a result each time. Elsewhere (Postgres) the same statements go through it, for the network takes longer; what they
say, and what types their values have, is written once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, SelectBase, UpdateBase
from sqlalchemy.exc import DBAPIError

Convert = Callable[[Any], Any]


class Prepared:
    """A statement whose parameters all have names; it runs in the transaction that is open, or in one of its own.

    Lists of values (`IN`) are not for it.
    """

    def __init__(self, statement: SelectBase | UpdateBase) -> None:
        self._statement: Any = statement
        self._compiled: _Compiled | None = None

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row, None without one."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).first()
        found = self._sqlite(connection).run(connection, values)
        return found[0] if found else None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Runs what gives no rows."""
        if connection.dialect.name != "sqlite":
            connection.execute(self._statement, values)
        else:
            self._sqlite(connection).run(connection, values)

    def _sqlite(self, connection: Connection) -> _Compiled:
        if self._compiled is None:
            self._compiled = _Compiled(self._statement, connection.dialect)
        return self._compiled


def tell(connection: Connection, words: str) -> None:
    """Runs words without parameters and rows, such as `SAVEPOINT job`."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(words)
    else:
        _driven(connection, words, ())


def _driven(connection: Connection, words: str, given: Sequence[Any]) -> list[Sequence[Any]]:
    """All rows: a statement that is not read to its end would keep its snapshot."""
    driver: Any = connection.connection.driver_connection
    try:
        rows: list[Sequence[Any]] = driver.execute(words, given).fetchall()
    except sqlite3.Error as error:
        raise DBAPIError.instance(words, None, error, sqlite3.Error, dialect=connection.dialect) from error
    return rows


class _Compiled:
    """A statement as SQLite's text, the order of its parameters, and what converts values on their way."""

    def __init__(self, statement: SelectBase | UpdateBase, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: list[tuple[str, Convert | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        columns = statement.selected_columns if isinstance(statement, SelectBase) else ()
        readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._readers = [(number, each) for number, each in enumerate(readers) if each is not None]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[Sequence[Any]]:
        given = [values[name] if convert is None else convert(values[name]) for name, convert in self._order]
        rows = _driven(connection, self._text, given)
        return [self._converted(row) for row in rows] if self._readers else rows

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        made = list(row)
        for number, convert in self._readers:
            made[number] = convert(made[number])
        return made
