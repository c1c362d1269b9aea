"""The column to predict, as labels: classes counted from 0, or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from potager.images.algorithm.errors import ClientError
from potager.images.tabular.plan import Plan
from potager.images.tabular.reading import gap, number
from potager.images.tabular.seeing import Seen

MOST_CLASSES = 20
"""Different whole numbers that auto takes for classes."""
MOST_LABELS = 1000

_YES = {"yes", "y", "true", "t", "1", "positive", "fraud", "churn", "bad", "default"}
_NO = {"no", "n", "false", "f", "0", "negative", "legit", "ok", "good"}


@dataclass(frozen=True)
class Target:
    """How labels are read.

    classes : label by value; none where the target is a number. counts : rows of each label.
    """

    name: str
    classes: Mapping[str, int]
    counts: Mapping[int, int]

    def label(self, cell: str) -> float | None:
        """A row's label; None for a row that has none."""
        if gap(cell):
            return None
        return self.classes.get(_same(cell)) if self.classes else number(cell)

    @property
    def problem(self) -> str:
        return "classes" if self.classes else "number"


def target_of(plan: Plan, column: Seen) -> Target:
    """The target; `ClientError` where nothing can be learnt of it."""
    what = f"The target '{column.name}'"
    if not column.told:
        raise ClientError(f"{what} is empty in every row. Choose a column that says what is to be predicted.")
    if len(column.values) < 2:
        raise ClientError(f"{what} is {next(iter(column.values))!r} in every row. Choose a column that varies.")
    numeric = column.numbers == column.told
    wanted = plan.problem
    if wanted == "auto":
        many = column.full or len(column.values) > MOST_CLASSES
        wanted = "number" if numeric and (many or column.fractions) else "classes"
    if wanted == "number":
        if not numeric:
            odd = next(value for value in column.values if number(value) is None)
            raise ClientError(f"{what} has '{odd}', which is no number. Predict classes, or mend that cell.")
        return Target(column.name, {}, {})
    if column.full or len(column.values) > MOST_LABELS:
        raise ClientError(f"{what} has more than {MOST_LABELS} different values. Predict a number, or another column.")
    values: Counter[str] = Counter()
    for value, count in column.values.items():
        values[_same(value)] += count
    if len(values) < 2:
        raise ClientError(f"{what} is {next(iter(values))!r} in every row. Choose a column that varies.")
    classes = {value: index for index, value in enumerate(_ordered(values))}
    return Target(column.name, classes, {classes[value]: count for value, count in values.items()})


def _same(cell: str) -> str:
    """One spelling of a class: `1.0` is `1`."""
    value = number(cell)
    return cell if value is None else f"{value:.15g}"


def _ordered(values: Counter[str]) -> list[str]:
    """Classes in their order: numbers by size, of two words the one that says yes last, or else the rarer."""
    if all(number(value) is not None for value in values):
        return sorted(values, key=float)
    words = sorted(values)
    if len(words) == 2:
        yes = [word for word in words if word.lower() in _YES]
        no = [word for word in words if word.lower() in _NO]
        last = yes[0] if len(yes) == 1 else next((word for word in words if word not in no), "") if no else ""
        last = last or min(words, key=lambda word: (values[word], word))
        return [next(word for word in words if word != last), last]
    return words
