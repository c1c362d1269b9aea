"""Hyperparameters as the columns of a matrix: a number has one, a choice one for each value.

Places are what strategies draw and read (`ranges`); columns are what distances are measured between. A whole number
stands where it stands, not where it was drawn, so that all draws of one value are one point; two values of a choice
are as far apart as the ends of a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from potager.train.tuning.search.ranges import LOGARITHMIC, Number
from potager.train.tuning.search.spaces import Space

Floats = NDArray[np.float64]

OUTSIDE = 0.5
"""How far outside its range a parent's trial may stand; one beyond counts as standing there."""


class Encoding:
    """The columns of one space; `parents` whose data is other have one more each, and so has the job itself."""

    def __init__(self, space: Space, parents: Sequence[str] = ()) -> None:
        self.ranges = space.ranges
        self._origins = ["", *parents] if parents else []
        widths = [1 if isinstance(each, Number) else each.size for each in space.ranges]
        widths += [len(self._origins)] if parents else []
        self.groups = np.repeat(np.arange(len(widths)), widths).astype(np.intp)

    def columns(self, places: Floats, origins: Sequence[str] | None = None) -> Floats:
        """(n, columns) of (n, ranges) places; `origins` names the parent of each, nothing or "" the job itself."""
        parts: list[Floats] = []
        for each, place in zip(self.ranges, places.T, strict=True):
            if isinstance(each, Number):
                parts.append(_snapped(each, place)[:, None])
            else:
                parts.append(_apart(np.clip((place * each.size).astype(int), 0, each.size - 1), each.size))
        if self._origins:
            rows = [self._origins.index(origin) for origin in origins or [""] * len(places)]
            parts.append(_apart(np.array(rows), len(self._origins)))
        return np.hstack(parts)


def _apart(part: NDArray[np.int_], size: int) -> Floats:
    return np.eye(size)[part] / math.sqrt(2.0)


def _snapped(number: Number, place: Floats) -> Floats:
    place = np.clip(place, -OUTSIDE, 1.0 + OUTSIDE)
    if not number.integer:
        return place
    left, right = number.ends
    scaled = left + (right - left) * place
    logarithmic = number.scaling == LOGARITHMIC
    whole = np.floor((np.exp(scaled) if logarithmic else scaled) + 0.5)
    whole = np.where(place <= 1.0, np.minimum(whole, number.high), whole)
    return ((np.log(np.maximum(1.0, whole)) if logarithmic else whole) - left) / (right - left)
