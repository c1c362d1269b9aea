"""How the objective of each trial went, read from its log as it grows: what early stopping and Hyperband decide by.

Kept in memory, for the logs are there: a server that comes later reads them again from the start. The expressions are
the user's, so a child applies them (`metrics.follow`); a trial whose log takes one too long is left without a curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from potager.store.rows import Row
from potager.train import metrics
from potager.train.lifecycle import TERMINAL


@dataclass(slots=True)
class _Read:
    """What was read of one trial's log. `ended`: whether it will not grow any more."""

    place: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
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

    def of(self, row: Row) -> Sequence[tuple[int, float]]:
        """The curve of a trial as far as it was read: reports counted from 1, and what they said."""
        return self._of(row).curve

    def forget(self, rows: Sequence[Row]) -> None:
        """Lets go of trials whose tuning job has ended."""
        for row in rows:
            self._read.pop(row.name, None)

    def _of(self, row: Row) -> _Read:
        return self._read.setdefault(row.name, _Read())

    def _grew(self, row: Row) -> bool:
        known = self._of(row)
        if known.ended:
            return False
        known.ended = row.status in TERMINAL
        try:
            return self._log(row).stat().st_size > known.place
        except FileNotFoundError:
            return False

    def _take(self, row: Row, seen: tuple[list[float], int] | None) -> None:
        known = self._of(row)
        if seen is None:
            known.ended = True
            return
        values, known.place = seen
        known.curve += enumerate((value for value in values if math.isfinite(value)), len(known.curve) + 1)
