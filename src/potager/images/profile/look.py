"""One read of a table: every column as far as it is kept, the sample, and what concerns whole rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from potager.images.algorithm.job import say
from potager.images.profile import describe, power
from potager.images.profile.cells import is_gap
from potager.images.profile.columns import Column
from potager.images.profile.kinds import Kind, decide
from potager.images.profile.moments import Floats
from potager.images.profile.reading import Notes, Row, Table
from potager.images.profile.relations import Codes
from potager.images.profile.sample import Sample

MOST_COLUMNS = 1000
"""Columns that are looked at: of more the first ones, the last one, and those whose names are asked for."""
MOST_HASHES = 20_000_000
"""Rows among which equal ones are looked for."""
CODED = ("category", "boolean", "constant", "identifier", "text")
MEASURED = ("integer", "number", "date", "boolean")


class Look:
    """What was read of a table.

    Parameters
    ----------
    table : read to its end. seed : of the sample. wanted : names of columns that must not be left out.
    """

    def __init__(self, table: Table, seed: int, wanted: frozenset[str]) -> None:
        self.table = table
        self.columns: list[Column] = []
        self.rows = 0
        self._places: list[int] = []
        self._hashes = array("q")
        self._wanted = wanted
        self._sample: Sample | None = None
        self._seed = seed
        for block in table.blocks():
            self._add(block)
        if not self.columns:
            self._widen()

    @property
    def names(self) -> list[str]:
        """Of all columns, those that are left out, too."""
        return self.table.names

    @property
    def notes(self) -> Notes:
        return self.table.notes

    @property
    def whole(self) -> bool:
        """Whether the sample is the table."""
        return self._sample is None or self._sample.whole

    @property
    def sampled(self) -> int:
        """Rows of the sample."""
        return 0 if self._sample is None else len(self._sample.rows)

    @cached_property
    def twins(self) -> tuple[int, bool]:
        """Rows that came before, and whether all rows were compared."""
        hashes = np.frombuffer(self._hashes, np.int64)
        return len(hashes) - len(np.unique(hashes)), len(hashes) == self.rows

    @cached_property
    def views(self) -> list[View]:
        """The columns with their types and their part of the sample."""
        rows: Sequence[Sequence[str]] = () if self._sample is None else self._sample.rows
        width = len(self.columns)
        even = (row if len(row) == width else [*row, *[""] * (width - len(row))] for row in rows)
        cells = list(zip(*even, strict=True)) or [()] * width
        return [View(column, decide(column), part) for column, part in zip(self.columns, cells, strict=True)]

    def _add(self, block: list[Row]) -> None:
        self._widen()
        if len(self._places) < len(self.names):
            block = [[row[at] if at < len(row) else "" for at in self._places] for row in block]
        if len(self._hashes) < MOST_HASHES:
            self._hashes.extend(map(hash, map(tuple, block)))
        for column, cells in zip(self.columns, zip(*block, strict=True), strict=True):
            column.add(cells)
        assert self._sample is not None
        self._sample.add(block)
        if (self.rows + len(block)) // 200_000 > self.rows // 200_000:
            say(f"Read {self.rows + len(block):,} rows")
        self.rows += len(block)

    def _widen(self) -> None:
        """Makes columns of the names that are new."""
        if self._sample is None:
            self._places = list(self._chosen())
            self._sample = Sample(len(self._places), self._seed)
        else:
            room = MOST_COLUMNS - len(self._places)
            first = len(self.columns) if len(self._places) == len(self.columns) else 0
            known = set(self._places)
            new = [at for at in range(first, len(self.names)) if at not in known]
            self._places += new[: max(room, 0)] if len(self.names) > len(self._places) else []
        for at in self._places[len(self.columns) :]:
            column = Column(self.names[at], at + 1, len(self._places))
            column.rows = column.gaps = self.rows
            if self.rows:
                column.spellings[""] = self.rows
            self.columns.append(column)

    def _chosen(self) -> Iterator[int]:
        """The columns that are looked at, in the table's order."""
        width = len(self.names)
        kept = set(range(min(width, MOST_COLUMNS)))
        if width > MOST_COLUMNS:
            kept |= {width - 1} | {at for at, name in enumerate(self.names) if name in self._wanted}
        yield from sorted(kept)


@dataclass
class View:
    """A column, what it is, and the sample's cells of it."""

    column: Column
    type: Kind
    cells: Sequence[str] = field(repr=False)

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def measured(self) -> bool:
        """Whether its values are a matter of more and less."""
        return self.type in MEASURED

    @cached_property
    def values(self) -> Floats:
        """The sample's numbers, NaN where there is none."""
        if not self.measured:
            return np.full(len(self.cells), np.nan)
        return describe.parsed(self.column, self.type, self.cells)

    @cached_property
    def codes(self) -> Codes:
        """The number of each cell's value in the sorted ones, -1 for a gap."""
        codes = {text: at for at, text in enumerate(sorted(text for text in set(self.cells) if not is_gap(text)))}
        return np.array([codes.get(text, -1) for text in self.cells], np.int64)

    @cached_property
    def groups(self) -> Codes:
        """The cells as some groups, for `power`."""
        return power.groups(self.values) if self.measured else self.codes

    @cached_property
    def spread(self) -> dict[str, Any]:
        """Quantiles, outliers and bars of what is a matter of more and less."""
        return describe.spread(self.values, self.type) if self.type in ("integer", "number", "date") else {}

    def document(self) -> dict[str, Any]:
        """What is known of it, for `profile.json`."""
        return describe.counted(self.column, self.type) | self.spread
