"""What a table is likely there to foretell, and what kind of problem that is.

Points are given for a name that says so, for standing last (or first, as the built-in algorithms have it), and for
having few values; fewer than `ENOUGH` points are no reason to believe it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from potager.images.profile.cells import is_gap
from potager.images.profile.look import View
from potager.images.profile.moments import Floats

ENOUGH = 2.0
MOST_CLASSES = 20
"""Different whole numbers up to which they are taken for classes."""
NAMES = frozenset(("target", "label", "class", "y", "outcome", "response", "labels", "classes"))
HINTS = NAMES | {
    *(
        "fraud",
        "fraudulent",
        "churn",
        "churned",
        "default",
        "defaulted",
        "survived",
        "diagnosis",
        "converted",
        "clicked",
    ),
    *("conversion", "purchased", "cancelled", "canceled", "attrition", "spam", "risk", "approved", "species", "price"),
}
"""Words in a name."""
WORDS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")


@dataclass
class Candidate:
    """A column that may be the target, with the points that speak for it, and why."""

    view: View
    points: float = 0.0
    why: list[str] = field(default_factory=list[str])

    def give(self, points: float, why: str) -> None:
        self.points += points
        self.why.append(why)


def candidates(views: Sequence[View], columns: int) -> list[Candidate]:
    """The columns that may be the target, the likeliest first."""
    found = [one for view in views if (one := _candidate(view, columns)) is not None]
    return sorted(found, key=lambda one: -one.points)


def _candidate(view: View, columns: int) -> Candidate | None:
    if view.type not in ("integer", "number", "boolean", "category"):
        return None
    one, distinct = Candidate(view), view.column.distinct
    if view.type == "category" and distinct > 100:
        return None
    words = {word.lower() for word in WORDS.findall(view.name)}
    if view.name.strip().lower() in NAMES:
        one.give(3, f"its name, {view.name}, is what targets are called")
    elif words & HINTS:
        one.give(2, f"its name says {', '.join(sorted(words & HINTS))}")
    if columns > 1 and view.column.place == columns:
        one.give(1, "it stands last")
    elif columns > 1 and view.column.place == 1:
        one.give(0.75, "it stands first")
    if distinct == 2:
        one.give(1, "it has two values")
    elif view.type == "category" and distinct <= MOST_CLASSES:
        one.give(0.25, f"it has {distinct} values")
    if view.column.gaps > 0.2 * view.column.rows:
        one.points -= 1
    return one


def problem(view: View) -> str:
    """binary, multiclass or regression."""
    if view.column.distinct == 2:
        return "binary"
    if view.type == "category" or (view.type == "integer" and view.column.distinct <= MOST_CLASSES):
        return "multiclass"
    return "regression"


def values(view: View, kind: str) -> Floats:
    """The sample's targets for `power`: classes counted from 0, or numbers; NaN for a gap."""
    if kind == "regression":
        return view.values
    if view.type in ("boolean", "integer"):
        here = np.isfinite(view.values)
        found = np.full(len(view.values), np.nan)
        found[here] = np.unique(view.values[here], return_inverse=True)[1]
        return found
    return np.where(view.codes >= 0, view.codes, np.nan).astype(np.float64)


def classes(view: View) -> list[dict[str, Any]]:
    """The classes of a target, the most frequent first."""
    filled = max(view.column.filled, 1)
    counts = [(text, many) for text, many in view.column.counts.items() if not is_gap(text)]
    return [
        {"value": text, "count": many, "share": many / filled}
        for text, many in sorted(counts, key=lambda one: (-one[1], one[0]))[:100]
    ]
