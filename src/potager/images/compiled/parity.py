"""Whether two programs are one model: both answer the rows on which translations go wrong.

Drawn rows, rows with holes, rows that lie exactly on thresholds and one step beside them, and the edges of float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from potager.images.compiled.forest import Floats, Forest

ROWS = 512
TOLERANCE = 1e-5
"""Of the larger of a value and the model's mean: what the order of a sum in float32 may change."""
_EDGES = (0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 1e10, -1e10, 16777217.0)


class Differs(Exception):
    """A translation that answers otherwise; the message says by how much."""


def rows(forests: list[Forest], dtype: Any = np.float32) -> Floats:
    """Rows `(ROWS, width)` for these forests, the same ones each time."""
    random, width = np.random.default_rng(5), forests[0].width
    found = random.normal(size=(ROWS, width)).astype(dtype)
    quarter = ROWS // 4
    found[quarter:] = _near(forests, found[quarter:], random)
    found[: ROWS // 16] = random.choice(np.array(_EDGES, dtype), size=(ROWS // 16, width))
    holes = random.random(found.shape) < 0.3
    found[::2][holes[::2]] = np.nan
    found[1] = np.nan
    return found


def _near(forests: list[Forest], drawn: Floats, random: Any) -> Floats:
    """The rows with thresholds of their column, each as it is, or a step below or above, in the place of most cells."""
    features = np.concatenate([one.features for one in forests])
    thresholds = np.concatenate([one.thresholds for one in forests])
    order = np.argsort(features, kind="stable")
    features, thresholds = features[order], thresholds[order].astype(drawn.dtype)
    if not len(features):
        return drawn
    used, first, many = np.unique(features, return_index=True, return_counts=True)
    picks = random.integers(first, first + many, size=(len(drawn), len(used)))
    towards = random.choice(np.array([-np.inf, 0, np.inf], drawn.dtype), size=picks.shape)
    exact = thresholds[picks]
    drawn[:, used] = np.where(towards == 0, exact, np.nextafter(exact, towards))
    return drawn


def compare(found: Floats, wanted: Floats) -> float:
    """The largest difference, as a part of what it is of; `Differs` where one is past the tolerance."""
    if found.shape != wanted.shape:
        raise Differs(f"answers have the shape {found.shape}, not {wanted.shape}")
    if wanted.dtype.kind != "f":
        wrong = int((found != wanted).sum())
        if wrong or found.dtype != wanted.dtype:
            raise Differs(f"{wrong} of {wanted.size} answers are others, of {found.dtype} for {wanted.dtype}")
        return 0.0
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        raise Differs("it differs where an answer is not finite")
    ours, theirs = found[finite].astype(np.float64), np.abs(wanted[finite].astype(np.float64))
    if not len(ours):
        return 0.0
    scale = np.maximum(theirs, theirs.mean() or 1.0)
    parts = np.abs(ours - wanted[finite]) / scale
    if not parts.max() <= TOLERANCE:
        many = int((~(parts <= TOLERANCE)).sum())
        raise Differs(f"{many} of {len(parts)} answers differ, by {parts.max():.1g} of their size at most")
    return float(parts.max())
