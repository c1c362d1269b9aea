"""Writes that wait together share one transaction, each in a savepoint of its own: one that raises is undone alone.

run      a batch inside a transaction that is open ─► what became of each write
settle   hands that to the loops that wait for it
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from potager.store import prepared

Job = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]
Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]
Naming = Callable[[BaseException], BaseException]
"""An error in the house's words, where it has some; else the error itself."""


def run(connection: Connection, batch: list[Job], named: Naming) -> list[Outcome]:
    """Runs a batch in the open transaction; raises, as the driver did, where that is lost as a whole."""
    if len(batch) == 1:  # the transaction is its savepoint
        fn, future = batch[0]
        return [(future, fn(connection), None)]
    return [_attempt(connection, fn, future, named) for fn, future in batch]


def failed(batch: list[Job], error: BaseException) -> list[Outcome]:
    """Each write of a batch failed, with the same error."""
    return [(future, None, error) for _, future in batch]


def _attempt(
    connection: Connection, fn: Callable[[Connection], Any], future: asyncio.Future[Any], named: Naming
) -> Outcome:
    prepared.tell(connection, "SAVEPOINT job")
    try:
        result = fn(connection)
    except Exception as error:
        _undo(connection, error)
        return future, None, named(error)
    prepared.tell(connection, "RELEASE SAVEPOINT job")
    return future, result, None


def _undo(connection: Connection, why: Exception) -> None:
    """Undoes one write of a batch; a full disk has undone the whole transaction already, and is told to all."""
    try:
        prepared.tell(connection, "ROLLBACK TO SAVEPOINT job")
        prepared.tell(connection, "RELEASE SAVEPOINT job")
    except SQLAlchemyError:
        raise why from None


def settle(outcomes: list[Outcome]) -> None:
    """Hands results to the loops that wait for them, one wake-up a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, settled in loops.items():
        try:
            loop.call_soon_threadsafe(tell, settled)
        except RuntimeError:  # that loop is closed: nobody waits any more, and the write is made
            continue


def tell(outcomes: list[Outcome]) -> None:
    """Hands results to the present thread's loop."""
    for future, result, error in outcomes:
        if future.done():  # whoever asked was cancelled
            continue
        if error is None:
            future.set_result(result)
        elif isinstance(error, asyncio.CancelledError):  # nobody knows whether it was made
            future.cancel()
        else:
            future.set_exception(error)
