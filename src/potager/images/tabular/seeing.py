"""What each column of a table is: a number, a date, categories, a name of its row, or nothing that varies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from potager.images.tabular.reading import gap, number

KINDS = ("number", "date", "categories", "name", "constant")
MOST_SEEN = 100_000
"""Different values of a column that are counted; beyond, it has very many."""
ODD = 0.01
"""Share of a column of numbers that may be something else, which is then a gap."""
MANY = 50
"""Different texts from which on a column may be one of names."""

_NAMING = re.compile(r"(^|[_\W])(id|uuid|guid|key|nr|no|number)$", re.IGNORECASE)


@dataclass
class Seen:
    """A column, as far as it was read."""

    name: str
    rows: int = 0
    gaps: int = 0
    numbers: int = 0
    dates: int = 0
    fractions: bool = False
    values: Counter[str] = field(default_factory=Counter[str])
    full: bool = False

    def add(self, cells: Iterable[str]) -> None:
        """Takes the next rows' cells; those that are alike are looked at once."""
        for cell, count in Counter(cells).items():
            self.rows += count
            if gap(cell):
                self.gaps += count
                continue
            value = number(cell)
            if value is not None:
                self.numbers += count
                self.fractions = self.fractions or not value.is_integer()
            elif day(cell) is not None:
                self.dates += count
            if not self.full:
                self.values[cell] += count
                self.full = len(self.values) > MOST_SEEN

    @property
    def told(self) -> int:
        """Rows in which it says something."""
        return self.rows - self.gaps

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if len(self.values) < 2:
            return "constant"
        if self.numbers and self.told - self.numbers <= ODD * self.told:
            whole = not self.fractions and self.numbers == self.told
            return "name" if whole and self._unique and _NAMING.search(self.name) else "number"
        if self.dates == self.told:
            return "date"
        return "name" if self.full or (len(self.values) > MANY and len(self.values) > self.told / 2) else "categories"

    @property
    def _unique(self) -> bool:
        return self.full or len(self.values) == self.told > MANY

    def why(self) -> str:
        """Why it is left out, "" where its kind does not say so."""
        if self.kind == "constant":
            return "it is empty" if not self.values else "it is the same in every row"
        return "nearly every row has another value: it names rows" if self.kind == "name" else ""


def seen(names: Sequence[str], some: Iterable[Iterable[Iterable[str]]]) -> list[Seen]:
    """The columns of a table whose cells come by column, of some rows at a time."""
    columns = [Seen(name) for name in names]
    for cells in some:
        for column, those in zip(columns, cells, strict=False):
            column.add(those)
    return columns


def day(cell: str) -> date | None:
    """The day that a cell names, as ISO 8601 has it, with or without a time; None where it names none."""
    if len(cell) < 8 or not cell[:4].isdigit():
        return None
    try:
        return datetime.fromisoformat(cell).date()
    except ValueError:
        return None
