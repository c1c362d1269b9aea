"""From a table of texts to a table of numbers: what each column is, learned on the training part only.

Every column becomes one of:

    number      the value, gaps filled with the training median, and a flag where gaps were seen
    date        year, month, day and weekday
    category    one 0/1 column a level; rare and later levels share `other`, gaps have their own `unknown`
    dropped     identifiers, constants and empty columns, with the reason

`plan` looks at training rows and decides; `encode` applies the decisions to any rows. Keeping the two apart keeps
validation and test rows from leaking into the model. `prepare.py` is the step that uses both.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

MAX_LEVELS = 20  # one-hot columns of one category, `other` and `unknown` aside
RARE = 0.01  # a level below this share of the training rows counts as rare
MOSTLY = 0.95  # of the known values must parse for a column to be numbers or dates
NEAR_UNIQUE = 0.9  # distinct values a row, from which text says who and not what
LARGEST = float(np.finfo(np.float32).max)  # linear-learner computes in 32 bits

IDENTIFIER_NAME = re.compile(r"(^|_)(id|ids|uuid|guid|key|number|no|zip|zipcode|postcode|phone|email|ssn|iban|vin)$")
ISO_DATE = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?$")
SLASHED_DATE = re.compile(r"^(\d{1,2})/(\d{1,2})/\d{4}$")
DATE_PARTS = ("year", "month", "day", "weekday")


@dataclass(frozen=True)
class Number:
    """A column of numbers: `median` fills its gaps, and `flagged` adds a 0/1 column that tells where they were."""

    name: str
    median: float
    flagged: bool

    def encode(self, values: pd.Series) -> dict[str, pd.Series]:
        numbers = as_numbers(values)
        encoded = {self.name: numbers.fillna(self.median)}
        if self.flagged:
            encoded[f"{self.name}: unknown"] = numbers.isna().astype(float)
        return encoded


@dataclass(frozen=True)
class Date:
    """A column of dates; `medians` (one a part, as in `DATE_PARTS`) fill the gaps."""

    name: str
    day_first: bool
    medians: tuple[float, ...]

    def encode(self, values: pd.Series) -> dict[str, pd.Series]:
        parts = date_parts(values, self.day_first)
        medians = zip(DATE_PARTS, self.medians, strict=True)
        return {f"{self.name}: {part}": parts[part].fillna(median) for part, median in medians}


@dataclass(frozen=True)
class Category:
    """A column of names: one 0/1 column a level."""

    name: str
    levels: tuple[str, ...]
    has_other: bool
    has_unknown: bool

    def encode(self, values: pd.Series) -> dict[str, pd.Series]:
        encoded = {f"{self.name}={level}": (values == level).astype(float) for level in self.levels}
        if self.has_other:
            encoded[f"{self.name}: other"] = (values.notna() & ~values.isin(self.levels)).astype(float)
        if self.has_unknown:
            encoded[f"{self.name}: unknown"] = values.isna().astype(float)
        return encoded


@dataclass(frozen=True)
class Dropped:
    """A column that tells a model nothing, or too much."""

    name: str
    reason: str

    def encode(self, values: pd.Series) -> dict[str, pd.Series]:
        return {}


Column = Number | Date | Category | Dropped


def as_numbers(values: pd.Series) -> pd.Series:
    """The values as floats; what is no finite 32-bit number is a gap."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    return numbers.where(numbers.abs() <= LARGEST)


def date_parts(values: pd.Series, day_first: bool) -> pd.DataFrame:
    """Year, month, day and weekday (Monday is 0) of each date; what is no date is a gap."""
    dates = pd.to_datetime(values, errors="coerce", dayfirst=day_first, format="mixed", utc=True).dt
    return pd.DataFrame({"year": dates.year, "month": dates.month, "day": dates.day, "weekday": dates.weekday})


def _looks_like_dates(known: pd.Series) -> bool:
    texts = known.astype(str)
    return bool((texts.str.match(ISO_DATE) | texts.str.match(SLASHED_DATE)).mean() >= MOSTLY)


def _is_day_first(known: pd.Series) -> bool:
    """31/12/2025 can only be read with the day first; without such a value, the month comes first."""
    first = known.str.extract(SLASHED_DATE)[0].dropna().astype(int)
    return bool((first > 12).any())


def _looks_like_codes(numbers: pd.Series) -> bool:
    """All distinct whole numbers that count through the rows, or that have one width of six digits or more.

    Amounts of money can be all distinct too, but then they are neither dense nor all of one width.
    """
    if len(numbers) < 100 or numbers.nunique() < len(numbers) or (numbers % 1 != 0).any():
        return False
    dense = numbers.max() - numbers.min() + 1 <= 2 * len(numbers)
    digits = np.floor(np.log10(numbers.abs().clip(lower=1).to_numpy())) + 1
    return bool(dense or digits.min() == digits.max() >= 6)


def _why_drop(name: str, known: pd.Series, numbers: pd.Series) -> str | None:
    distinct = known.nunique()
    if distinct == 0:
        return "empty"
    if distinct == 1:
        return "always the same"
    if IDENTIFIER_NAME.search(name.lower()) and distinct > MAX_LEVELS:
        return f"an identifier by its name, with {distinct:,} values"
    if numbers.notna().mean() >= MOSTLY:
        return "an identifier: a number of its own in every row" if _looks_like_codes(numbers.dropna()) else None
    if distinct > max(MAX_LEVELS, NEAR_UNIQUE * len(known)) and not _looks_like_dates(known):
        return "an identifier: nearly every text is its own"
    return None


def _plan_category(name: str, values: pd.Series) -> Category:
    counts = values.value_counts()
    common = counts[counts.ge(RARE * len(values))].head(MAX_LEVELS)
    return Category(name, tuple(sorted(common.index)), len(common) < len(counts), bool(values.isna().any()))


def plan_column(values: pd.Series) -> Column:
    """What one column is, from its training values (texts, gaps as NA)."""
    name, known = str(values.name), values.dropna()
    numbers = as_numbers(known)
    reason = _why_drop(name, known, numbers)
    if reason:
        return Dropped(name, reason)
    if numbers.notna().mean() >= MOSTLY:
        return Number(name, float(numbers.median()), bool(as_numbers(values).isna().any()))
    if _looks_like_dates(known):
        day_first = _is_day_first(known)
        return Date(name, day_first, tuple(float(part) for part in date_parts(known, day_first).median().fillna(0)))
    return _plan_category(name, values)


def plan(training: pd.DataFrame) -> list[Column]:
    """Decide on every column.

    Parameters
    ----------
    training : the training rows without the target, as texts with gaps as NA

    Returns
    -------
    one plan a column, in the table's order
    """
    return [plan_column(training[name]) for name in training.columns]


def encode(columns: Sequence[Column], table: pd.DataFrame) -> pd.DataFrame:
    """Apply a plan to rows, seen before or not.

    Returns
    -------
    floats without gaps, one row a row; the columns depend on the plan alone
    """
    encoded: dict[str, pd.Series] = {}
    for column in columns:
        encoded |= column.encode(table[column.name])
    return pd.DataFrame(encoded, index=table.index)
