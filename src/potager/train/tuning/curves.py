"""How the objective of each trial went, read from its log as it grows: what early stopping and Hyperband decide by.

Kept in memory, for the logs are there: a server that comes later reads them again. The expressions are the user's, so
a child applies them (`metrics.follow`); a trial whose log takes one too long keeps the curve that it had.

A trial that is interrupted, or tried again, goes on in the same log: its curve is that of the present attempt, for an
earlier one has spent its reports for nothing. What is reported may be NaN: a report it is all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from potager.store.rows import Row
from potager.train import attempts, metrics
from potager.train.lifecycle import TERMINAL


@dataclass(slots=True)
class _Read:
    """What was read of one attempt's part of a trial's log. `ended`: whether nothing more of it is to be read."""

    attempt: int
    place: int
    values: list[float] = field(default_factory=list[float])
    ended: bool = False


class Curves:
    """The curves of the trials of the tuning jobs that need them.

    Parameters
    ----------
    log : where the log of a training job's first host stands.
    """

    def __init__(self, log: Callable[[Row], Path]) -> None:
        self._log = log
        self._read: dict[str, _Read] = {}

    async def read(self, rows: Sequence[Row]) -> None:
        """Reads on in the logs of training jobs of one tuning job that have grown."""
        groups: dict[int, list[Row]] = {}
        for row in rows:
            if self._grew(row):
                groups.setdefault(row.doc["_definition"], []).append(row)
        for alike in groups.values():
            places = [(self._log(row), self._of(row).place) for row in alike]
            metric = alike[0].doc["_objective"]["MetricName"]
            found = await metrics.follow(alike[0].doc, metric, places)
            for row, seen in zip(alike, found, strict=True):
                self._take(row, seen)
                if seen is None:
                    break  # those behind it were not read: they are at the next look

    def of(self, row: Row) -> list[tuple[int, float]]:
        """The curve of a trial as far as it was read: reports counted from 1, and what they said."""
        return list(enumerate(self._of(row).values, 1))

    def forget(self, rows: Sequence[Row]) -> None:
        """Lets go of trials whose tuning job has ended."""
        for row in rows:
            self._read.pop(row.name, None)

    def _of(self, row: Row) -> _Read:
        attempt = attempts.number(row.doc)
        known = self._read.get(row.name)
        if known is None or known.attempt < attempt:
            known = self._read[row.name] = _Read(attempt, row.doc.get("_logged", 0))
        return known

    def _grew(self, row: Row) -> bool:
        known = self._of(row)
        if known.ended:
            return False
        if attempts.logged(self._log(row)) > known.place:
            return True
        known.ended = row.status in TERMINAL
        return False

    def _take(self, row: Row, seen: tuple[list[float], int] | None) -> None:
        known = self._of(row)
        if seen is None:
            known.ended = True
            return
        values, known.place = seen
        known.values += values
        known.ended = row.status in TERMINAL
