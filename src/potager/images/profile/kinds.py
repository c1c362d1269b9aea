"""What a column is, decided by its cells: a number, a date, a category, an identifier, a constant ..."""

from __future__ import annotations

import re
from typing import Literal

from potager.images.profile.cells import TRUTH
from potager.images.profile.columns import Column
from potager.images.profile.moments import Moments

Kind = Literal["integer", "number", "boolean", "date", "category", "text", "identifier", "constant", "empty"]

MOSTLY = 0.9
"""The share of a column's cells that makes it what it is; the others are odd."""
FEW = 20
"""Rows below which nothing is called an identifier for being different in each."""
NEARLY = 0.95
"""The share of different values from which a number that is called an identifier is one."""
MOST_CATEGORIES = 1000
_NAMED = re.compile(
    r"(^|[_\s.-])(id|ids|uuid|guid|key|no|number|nr|index|idx|code)$|ID$|Id$|^unnamed: 0$", re.IGNORECASE
)
_INDEX = re.compile(r"(^|[_\s.-])(id|uuid|guid|index|idx)$|[a-z]I[dD]$|^unnamed: 0$|^column 1$")


def decide(column: Column) -> Kind:
    """The type of a column that was read."""
    if not column.filled:
        return "empty"
    if column.distinct == 1:
        return "constant"
    numeric = column.kinds["number"] + column.kinds["dressed"]
    if numeric >= MOSTLY * column.filled:
        return _of_numbers(column)
    if column.kinds["date"] >= MOSTLY * column.filled:
        return "date"
    if column.exact and len({TRUTH.get(text.strip().lower(), text) for text in column.counts}) == 2 and _truth(column):
        return "boolean"
    return _of_words(column)


def _truth(column: Column) -> bool:
    return column.kinds["truth"] == column.filled


def numbers(column: Column) -> Moments:
    """The moments of all of a column's numbers, plain or dressed."""
    both = Moments()
    both.merge(column.numbers)
    both.merge(column.dressed)
    return both


def _of_numbers(column: Column) -> Kind:
    found = numbers(column)
    whole = not found.fractions
    if whole and (found.low, found.high) == (0, 1):
        return "boolean"
    if column.codes and not column.dressed.count:  # 01234 is a code: as a number it would lose its zero
        return _of_words(column)
    if not whole:
        return "number"
    return "identifier" if _numbered(column, found) else "integer"


def _numbered(column: Column, found: Moments) -> bool:
    """Whether whole numbers number the rows: all different without holes, or nearly so and called so."""
    if column.filled < FEW:
        return False
    if column.distinct == column.filled == found.high - found.low + 1:
        return True
    return column.distinct >= NEARLY * column.filled and _NAMED.search(column.name.strip()) is not None


def _of_words(column: Column) -> Kind:
    share = column.distinct / column.filled
    sentences = column.words / column.filled
    if column.filled >= FEW and share >= 0.98 and sentences < 1.5 and column.longest <= 100:
        return "identifier"
    if share <= 0.5 and column.distinct <= max(MOST_CATEGORIES, column.filled // 20) and sentences < 4:
        return "category"
    if column.filled < FEW and share < 1 and sentences < 4:
        return "category"
    if share > 0.9 and _INDEX.search(column.name.strip()) and sentences < 1:
        return "identifier"
    return "text"
