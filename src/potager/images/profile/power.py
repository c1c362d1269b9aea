"""How well one column alone foretells the target, measured on rows that it did not learn from.

A column's values become at most `BINS` groups, gaps one of their own; each half of the rows foretells the other by its
groups' means. 0 is no better than not knowing the column, 1 is without fault: of a binary target twice the ROC AUC less
one, of several classes the share of the errors that it spares, of a number R².
"""

from __future__ import annotations

import math

import numpy as np

from potager.images.profile.moments import Floats
from potager.images.profile.relations import Codes, ranks

BINS = 20
MOST_GROUPS = 2000


def groups(values: Floats) -> Codes:
    """The group of each value by quantiles; a gap's is -1."""
    here = np.isfinite(values)
    found = np.full(len(values), -1, np.int64)
    if here.any():
        different = np.unique(values[here])
        if len(different) <= BINS:
            found[here] = np.searchsorted(different, values[here])
        else:
            edges = np.unique(np.quantile(values[here], np.linspace(0, 1, BINS + 1)[1:-1]))
            found[here] = np.searchsorted(edges, values[here], side="right")
    return found


def power(codes: Codes, target: Floats, problem: str) -> float:
    """Of groups `(n_rows,)` and a target `(n_rows,)`: numbers, or classes from 0, NaN for gaps. NaN of too few rows."""
    here = np.isfinite(target)
    codes, target = codes[here], target[here]
    if len(target) < 20 or len(np.unique(target)) < 2:
        return math.nan
    codes = codes + 1
    if int(codes.max()) >= MOST_GROUPS:
        return math.nan
    half = np.arange(len(target)) % 2 == 0
    if problem == "multiclass":
        hits, base = 0, 0
        for learn, judge in ((half, ~half), (~half, half)):
            foretold, usual = _majority(codes[learn], target[learn].astype(np.int64), codes[judge])
            hits += int(np.count_nonzero(foretold == target[judge]))
            base += int(np.count_nonzero(target[judge] == usual))
        errors = len(target) - base
        return max(0.0, (hits - base) / errors) if errors else math.nan
    foretold = np.empty(len(target))
    for learn, judge in ((half, ~half), (~half, half)):
        foretold[judge] = _means(codes[learn], target[learn], codes[judge])
    if problem == "binary":
        halves = [_auc(foretold[part], target[part]) for part in (half, ~half)]
        return max(0.0, 2 * float(np.mean(halves)) - 1)
    away = target - target.mean()
    return max(0.0, 1 - float(((target - foretold) ** 2).sum()) / float((away * away).sum()))


def _means(codes: Codes, target: Floats, asked: Codes) -> Floats:
    """The mean target of each group, drawn to the mean of all by one row's weight; that one for a group not seen."""
    size = int(max(codes.max(), asked.max())) + 1
    sizes, sums = np.bincount(codes, minlength=size), np.bincount(codes, target, size)
    return ((sums + target.mean()) / (sizes + 1))[asked]


def _majority(codes: Codes, classes: Codes, asked: Codes) -> tuple[Codes, int]:
    size, many = int(max(codes.max(), asked.max())) + 1, int(classes.max()) + 1
    usual = int(np.bincount(classes).argmax())
    table = np.bincount(codes * many + classes, minlength=size * many).reshape(size, many)
    best = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), usual)
    return best[asked], usual


def _auc(scores: Floats, target: Floats) -> float:
    """How often a row of the upper class has the higher score; ties count half."""
    positive = target == 1
    yes, no = int(positive.sum()), int((~positive).sum())
    if not yes or not no:
        return 0.5
    return (float(ranks(scores)[positive].sum()) - yes * (yes + 1) / 2) / (yes * no)
