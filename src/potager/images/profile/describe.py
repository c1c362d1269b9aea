"""A column in numbers: what was counted of all its cells, and of the sample what needs them all at once.

Quantiles are linear between values (NumPy's default, Hyndman and Fan's type 7). Outliers are values beyond 1.5
interquartile ranges from the quartiles (J. W. Tukey, Exploratory Data Analysis, 1977).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from potager.images.profile.cells import TRUTH, dressed, is_gap, kind
from potager.images.profile.columns import Column, short
from potager.images.profile.kinds import Kind, numbers
from potager.images.profile.moments import Floats, Moments

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 20
"""Values that are listed, with how often they come."""
HUGE = 1e150
"""Numbers past which distances between numbers are too large to be told."""
BINS = 40
"""Most bars of a histogram."""


def parsed(column: Column, type_: Kind, cells: Sequence[str]) -> Floats:
    """A sample's cells as numbers, `(n_rows,)`: of a date seconds since 1970, NaN for a gap and what is none."""
    if type_ == "boolean":
        known = {text: _truth(text) for text in column.counts}
        return np.array([known.get(cell, math.nan) for cell in cells])
    if type_ != "date" and not column.dressed.count and not (column.kinds["text"] or column.kinds["infinite"]):
        gaps = {text: "nan" for text in set(cells) if is_gap(text)} if column.gaps else {}
        try:
            return np.array([gaps.get(cell, cell) for cell in cells] if gaps else cells, object).astype(np.float64)
        except ValueError:
            pass
    wanted = ("date",) if type_ == "date" else ("number", "dressed")
    found = {cell: kind(cell) for cell in set(cells) if not is_gap(cell)}
    known = {cell: value for cell, (name, value) in found.items() if name in wanted}
    return np.array([known.get(cell, math.nan) for cell in cells])


def _truth(text: str) -> float:
    word = text.strip().lower()
    if word in TRUTH:
        return float(TRUTH[word])
    value = dressed(word)
    return math.nan if value is None else value


def counted(column: Column, type_: Kind) -> dict[str, Any]:
    """What is exact: of every cell of the column."""
    told: dict[str, Any] = {
        "name": column.name,
        "place": column.place,
        "type": type_,
        "rows": column.rows,
        "gaps": {
            "count": column.gaps,
            "share": column.gaps / column.rows if column.rows else 0.0,
            "spellings": dict(column.spellings.most_common(10)),
        },
        "distinct": {"count": column.distinct, "exact": column.exact},
        "kinds": dict(column.kinds.most_common()),
        "examples": [_shown(text) for text in column.first],
    }
    if type_ in ("category", "boolean", "constant", "text", "identifier", "integer", "date"):
        told["top"] = [
            {"value": _shown(text), "count": many, "share": many / column.filled}
            for text, many in sorted(column.counts.items(), key=lambda one: (-one[1], one[0]))[:TOP]
        ]
    if type_ in ("text", "category", "identifier"):
        told["length"] = {"mean": column.characters / column.filled, "max": column.longest}
    if type_ == "date":
        told["dates"] = {"min": moment(column.dates.low), "max": moment(column.dates.high)}
    if type_ in ("integer", "number", "boolean") and column.kinds["truth"] == 0:
        told["numbers"] = _numbers(numbers(column), column)
    return told


def _shown(text: str) -> str:
    return short(text)


def _numbers(found: Moments, column: Column) -> dict[str, Any]:
    return {
        "count": round(found.count),
        "min": found.low,
        "max": found.high,
        "mean": found.mean,
        "std": found.deviation,
        "skew": found.skew,
        "zeros": {"count": round(found.zeros), "share": found.zeros / column.filled},
        "negative": {"count": round(found.negative), "share": found.negative / column.filled},
    }


def moment(seconds: float) -> str:
    """A time as ISO 8601 has it; a day alone where it is midnight."""
    at = datetime.fromtimestamp(seconds, UTC)
    return at.date().isoformat() if at.timestamp() % 86400 == 0 else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def spread(values: Floats, type_: Kind) -> dict[str, Any]:
    """Of a sample's values, `(n_rows,)` with NaN: quantiles, outliers, and bars to draw."""
    values = values[np.isfinite(values)]
    if not len(values) or float(np.abs(values).max()) > HUGE:
        return {}
    found = np.quantile(values, QUANTILES)
    first, third = float(found[2]), float(found[4])
    reach = 1.5 * (third - first)
    low, high = first - reach, third + reach
    below, above = int((values < low).sum()), int((values > high).sum())
    told: dict[str, Any] = {
        "quantiles": {f"{share:g}": value for share, value in zip(QUANTILES, found.tolist(), strict=True)},
        "outliers": {
            "count": below + above,
            "share": (below + above) / len(values),
            "below": low,
            "above": high,
            "measured": type_ in ("integer", "number"),
        },
        "histogram": histogram(values, type_),
    }
    if type_ == "date":
        told["quantiles"] = {share: moment(value) for share, value in told["quantiles"].items()}
        del told["outliers"]
    return told


def histogram(values: Floats, type_: Kind) -> dict[str, Any]:
    """Edges and counts; `below` and `above` count what lies beyond the edges, where far values would squeeze the rest.

    A bar for each whole number where there are few; else the width of D. Freedman and P. Diaconis (1981).
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return {"edges": [low, high], "counts": [len(values)], "below": 0, "above": 0}
    near, far = (float(one) for one in np.quantile(values, (0.01, 0.99)))
    if far > near and high - low > 8 * (far - near):
        low, high = (near if near - low > far - near else low), (far if high - far > far - near else high)
    if type_ in ("integer", "boolean") and high - low <= BINS:
        edges = np.arange(math.floor(low), math.floor(high) + 2) - 0.5
    else:
        inside = values[(values >= low) & (values <= high)]
        width = 2 * float(np.subtract(*np.quantile(inside, (0.75, 0.25)))) / len(inside) ** (1 / 3)
        wanted = math.ceil((high - low) / width) if width > 0 and (high - low) / width < 1e9 else BINS
        bins = min(BINS, max(min(wanted, BINS), math.ceil(math.log2(len(inside))) + 1))
        edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(values, edges)
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "below": int((values < edges[0]).sum()),
        "above": int((values > edges[-1]).sum()),
    }


def listed(codes: Mapping[str, int]) -> list[str]:
    """The values of a vocabulary in the order of their codes."""
    return sorted(codes, key=lambda text: codes[text])
