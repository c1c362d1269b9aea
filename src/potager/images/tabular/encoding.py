"""A column as features: what is learnt from the training rows, and the cells that come of it.

What is learnt is told to the recipe (`told`), and an encoder of a recipe recalls it (`recalled`).
Cells come many rows at a time, and of those that are alike the features are made once: most columns repeat themselves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from potager.images.tabular.plan import Plan
from potager.images.tabular.reading import gap, number
from potager.images.tabular.seeing import Seen, day

T = TypeVar("T")
Cell = float | None
"""None is an empty cell."""

EPOCH = date(1970, 1, 1)
MISSING = "(missing)"


class Numbers:
    """A number: itself, or the mean where it is missing, and (`flag`) a column that says where that was."""

    def __init__(self, column: Seen, plan: Plan, *, flag: bool = True) -> None:
        self.name, self._plan = column.name, plan
        self._told = 0
        self._mean = self._spread = 0.0
        self._flag = flag and plan.gaps == "mean" and column.numbers < column.rows

    def learn(self, cells: Sequence[str]) -> None:
        """Takes training rows' cells into mean and deviation (Welford's way, which loses no digits)."""
        told, mean, spread = self._told, self._mean, self._spread
        for value in each(number, cells):
            if value is not None:
                told += 1
                step = value - mean
                mean += step / told
                spread += step * (value - mean)
        self._told, self._mean, self._spread = told, mean, spread

    @property
    def names(self) -> list[str]:
        return [self.name, f"{self.name} is missing"] if self._flag else [self.name]

    def cells(self, cell: str) -> list[Cell]:
        """The features of a row."""
        value = number(cell)
        missing = value is None
        if value is None and self._plan.gaps == "mean":
            value = self._mean
        if value is not None and self._plan.scale:
            value = (value - self._mean) / (self._deviation or 1.0)
        return [value, float(missing)] if self._flag else [value]

    @property
    def _deviation(self) -> float:
        return math.sqrt(self._spread / self._told) if self._told else 0.0

    def told(self) -> dict[str, Any]:
        """What was learnt."""
        return {"mean": self._mean, "deviation": self._deviation}

    def recall(self, told: Mapping[str, Any]) -> None:
        """Takes what `told` has told."""
        self._told, self._mean, self._spread = 1, float(told["mean"]), float(told["deviation"]) ** 2


class Dates:
    """A day: days since 1970, the month, the day of the week (Monday is 1). Of a missing one, the mean of each."""

    def __init__(self, column: Seen, plan: Plan) -> None:
        self.name = column.name
        names = [f"{column.name} {part}" for part in ("day", "month", "weekday")]
        parts = [Seen(name, column.rows, column.gaps, column.dates) for name in names]
        self._parts = [Numbers(part, plan, flag=part is parts[0]) for part in parts]

    def learn(self, cells: Sequence[str]) -> None:
        for part, texts in zip(self._parts, zip(*each(_dated, cells), strict=True), strict=False):
            part.learn(texts)

    @property
    def names(self) -> list[str]:
        return [name for part in self._parts for name in part.names]

    def cells(self, cell: str) -> list[Cell]:
        return [out for part, text in zip(self._parts, _dated(cell), strict=True) for out in part.cells(text)]

    def told(self) -> dict[str, Any]:
        return {part.name: part.told() for part in self._parts}

    def recall(self, told: Mapping[str, Any]) -> None:
        for part in self._parts:
            part.recall(told[part.name])


def _dated(cell: str) -> tuple[str, str, str]:
    at = day(cell)
    return (str((at - EPOCH).days), str(at.month), str(at.isoweekday())) if at else ("", "", "")


class Categories:
    """Categories: a column of 0 and 1 for each of the most frequent, or their numbers; a gap is one of them."""

    def __init__(self, column: Seen, plan: Plan) -> None:
        self.name, self._plan = column.name, plan
        self._counts: Counter[str] = Counter()
        self._levels: dict[str, int] | None = None

    def learn(self, cells: Sequence[str]) -> None:
        for cell, count in Counter(cells).items():
            self._counts[_level(cell)] += count

    @property
    def levels(self) -> dict[str, int]:
        """Categories that are told apart, the most frequent first; others are none of them."""
        if self._levels is None:
            ranked = sorted(self._counts, key=lambda level: (-self._counts[level], level))
            self._levels = {level: index for index, level in enumerate(ranked[: self._plan.levels])}
        return self._levels

    @property
    def names(self) -> list[str]:
        one_hot = self._plan.categories == "one-hot"
        return [f"{self.name} is {level}" for level in self.levels] if one_hot else [self.name]

    def cells(self, cell: str) -> list[Cell]:
        at = self.levels.get(_level(cell), len(self.levels))
        if self._plan.categories == "one-hot":
            return [float(at == index) for index in range(len(self.levels))]
        return [float(at)]

    def told(self) -> dict[str, Any]:
        return {"categories": list(self.levels)}

    def recall(self, told: Mapping[str, Any]) -> None:
        self._levels = {str(level): index for index, level in enumerate(told["categories"])}


def texts(one: Encoder, cells: Sequence[str]) -> list[str]:
    """The features of each row, as they stand in a CSV line."""
    return each(lambda cell: line(one.cells(cell)), cells)


def each(of: Callable[[str], T], cells: Sequence[str]) -> list[T]:
    """What comes of each cell."""
    known = {cell: of(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _level(cell: str) -> str:
    return MISSING if gap(cell) else cell


Encoder = Numbers | Dates | Categories
_KINDS: dict[str, type[Numbers] | type[Dates]] = {"number": Numbers, "date": Dates}


def encoder(column: Seen, plan: Plan) -> Encoder:
    """What makes features of a column."""
    return _KINDS.get(column.kind, Categories)(column, plan)


def recalled(told: Mapping[str, Any], plan: Plan) -> Encoder:
    """The encoder that a recipe's column tells of: name, kind, features, and what was learnt."""
    kind, whole = told["kind"], {"number": 1, "date": 3}
    seen = Seen(str(told["name"]), rows=1)
    seen.numbers = seen.dates = int(len(told["features"]) == whole.get(kind))
    one = _KINDS.get(kind, Categories)(seen, plan)
    one.recall(told)
    return one


def line(cells: Sequence[Cell]) -> str:
    """Cells as a line of CSV."""
    return ",".join("" if cell is None else f"{cell:.15g}" for cell in cells)
