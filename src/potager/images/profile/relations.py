"""How columns go together, on rows where both have a value.

    number, number      Pearson's r, and Spearman's: r of ranks, ties sharing their mean rank
    category, category  Cramér's V with Bergsma's correction, so that chance alone gives 0
    category, number    the correlation ratio, corrected likewise (Kelley's epsilon)

Sources: W. Bergsma, A bias-correction for Cramér's V and Tschuprow's T (J. Korean Stat. Soc. 42, 2013); T. L. Kelley,
An unbiased correlation ratio measure (PNAS 21, 1935).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from potager.images.profile.moments import Floats

Codes = NDArray[np.int64]
"""`(n_rows,)`: the number of each row's category, -1 for a gap."""


def pearson(columns: Floats) -> Floats:
    """`(n_columns, n_columns)` of `(n_rows, n_columns)`, NaN where a column does not vary or fewer than two rows do."""
    here = np.isfinite(columns)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        counts = np.maximum(here.sum(axis=0), 1)
        filled = np.where(here, columns, 0.0)
        scaled = np.where(here, columns - filled.sum(axis=0) / counts, 0.0)
        scaled /= np.maximum(np.abs(scaled).max(axis=0, initial=0.0), 1e-300)
        present = here.astype(np.float64)
        n = present.T @ present
        sums = scaled.T @ present
        squares = (scaled * scaled).T @ present
        products = scaled.T @ scaled
        own = squares - sums * sums / n
        own = np.where(own > 1e-13 * squares, own, np.nan)
        found = (products - sums * sums.T / n) / np.sqrt(own * own.T)
        return np.where(n > 1, np.clip(found, -1, 1), np.nan)


def spearman(columns: Floats) -> Floats:
    """The same of ranks, which are given among the rows that both columns have."""
    width = columns.shape[1]
    here = np.isfinite(columns)
    whole = np.asarray(here.all(axis=0))
    found = np.full((width, width), np.nan)
    if whole.any():
        ranked = np.column_stack([ranks(columns[:, at]) for at in np.flatnonzero(whole)])
        found[np.ix_(whole, whole)] = pearson(ranked)
    orders = [np.argsort(columns[:, at], kind="stable") for at in range(width)]
    for one in range(width):
        for other in range(one, width):
            if whole[one] and whole[other]:
                continue
            both = here[:, one] & here[:, other]
            pair = [_ranks_of(columns[:, at], orders[at], both) for at in (one, other)]
            found[one, other] = found[other, one] = pearson(np.column_stack(pair))[0, 1]
    return found


def ranks(values: Floats) -> Floats:
    """The rank of each value, from 1; equal ones share their mean."""
    return _ranks_of(values, np.argsort(values, kind="stable"), np.ones(len(values), bool))


def _ranks_of(values: Floats, order: NDArray[np.intp], chosen: NDArray[np.bool_]) -> Floats:
    """Ranks among the chosen rows, in the order of rows; `order` sorts all of them."""
    order = order[chosen[order]]
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else np.empty(0, int)
    sizes = np.diff(np.append(starts, len(ordered)))
    out = np.full(len(values), np.nan)
    out[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return out[chosen]


def cramer(one: Codes, other: Codes) -> float:
    """Cramér's V, corrected for chance: 0 to 1, NaN where either has one category."""
    both = (one >= 0) & (other >= 0)
    n = int(both.sum())
    if n < 2:
        return math.nan
    table = _crossed(one[both], other[both])
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / least)) if least > 0 else math.nan


def _crossed(one: Codes, other: Codes) -> Floats:
    """How often each pair comes, of categories that come at all."""
    first, rows = np.unique(one, return_inverse=True)
    second, columns = np.unique(other, return_inverse=True)
    flat = np.bincount(rows * len(second) + columns, minlength=len(first) * len(second))
    return flat.reshape(len(first), len(second)).astype(np.float64)


def ratio(codes: Codes, values: Floats) -> float:
    """The correlation ratio, corrected for chance: how much of a number's variation its category explains, as a root.

    0 to 1, NaN where the number does not vary or there is one category.
    """
    both = (codes >= 0) & np.isfinite(values)
    n = int(both.sum())
    if n < 2:
        return math.nan
    _, groups = np.unique(codes[both], return_inverse=True)
    k = int(groups.max()) + 1
    numbers = values[both] - values[both].mean()
    total = float((numbers * numbers).sum())
    if k < 2 or total <= 0 or not math.isfinite(total):
        return math.nan
    if n <= k:
        return math.nan
    sums, sizes = np.bincount(groups, numbers), np.bincount(groups)
    explained = float((sums * sums / sizes).sum()) / total
    return math.sqrt(min(1.0, max(0.0, 1 - (1 - explained) * (n - 1) / (n - k))))
