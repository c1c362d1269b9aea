"""How well one column alone foretells the target, measured on rows that it did not learn from.

A column's values become at most `BINS` groups, gaps one of their own; each half of the rows foretells the other by its
groups' means. 0 is no better than not knowing the column, 1 is without fault: of a binary target twice the ROC AUC less
one, of several classes the share of the errors that it spares, of a number R².
"""

from __future__ import annotations

import math

import numpy as np

from potager.images.profile.moments import Floats
from potager.images.profile.relations import Codes

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
    halves = [(codes[one], target[one], codes[~one], target[~one]) for one in (half, ~half)]
    if problem == "binary":
        return max(0.0, 2 * float(np.mean([_auc(*each) for each in halves])) - 1)
    if problem == "multiclass":
        hits, usual = np.sum([_hits(*each) for each in halves], axis=0).tolist()
        return max(0.0, (hits - usual) / (len(target) - usual)) if usual < len(target) else math.nan
    away = target - target.mean()
    return max(0.0, 1 - sum(_missed(*each) for each in halves) / float((away * away).sum()))


def _means(codes: Codes, target: Floats, size: int) -> Floats:
    """The mean target of each of so many groups, drawn to the mean of all by one row's weight."""
    sizes, sums = np.bincount(codes, minlength=size), np.bincount(codes, target, size)
    return (sums + target.mean()) / (sizes + 1)


def _missed(codes: Codes, target: Floats, asked: Codes, judged: Floats) -> float:
    """The squares of what a number is off its group's mean, summed."""
    size = int(max(codes.max(), asked.max())) + 1
    away = judged - _means(codes, target, size)[asked]
    return float((away * away).sum())


def _hits(codes: Codes, target: Floats, asked: Codes, judged: Floats) -> tuple[int, int]:
    """How many rows are of their group's most frequent class, and how many of the most frequent one of all."""
    classes = target.astype(np.int64)
    size, many = int(max(codes.max(), asked.max())) + 1, int(classes.max()) + 1
    usual = int(np.bincount(classes).argmax())
    table = np.bincount(codes * many + classes, minlength=size * many).reshape(size, many)
    best = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), usual)
    return int(np.count_nonzero(best[asked] == judged)), int(np.count_nonzero(judged == usual))


def _auc(codes: Codes, target: Floats, asked: Codes, judged: Floats) -> float:
    """How often a row of the upper class is in a group that was learnt to have more of it; ties count half."""
    size = int(max(codes.max(), asked.max())) + 1
    _, level = np.unique(_means(codes, target, size), return_inverse=True)
    yes = np.bincount(level[asked], judged)
    no = np.bincount(level[asked]) - yes
    if not yes.sum() or not no.sum():
        return 0.5
    return float((yes * (np.cumsum(no) - no / 2)).sum() / (yes.sum() * no.sum()))
