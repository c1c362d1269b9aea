"""A table as XGBoost holds it: binned once where trees are grown on bins (`hist`), else row by row.

Bins take a byte a cell where features have up to 256 of them. A validation table is put into the bins of the training
table, so the one must be made after the other.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import xgboost

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import say
from potager.images.algorithm.tables import Table
from potager.images.xgboost.settings import Settings


def matrix(table: Table, settings: Settings, channel: str, reference: Any = None) -> Any:
    """The rows with their labels, weights and queries; `reference` is the training matrix, None for that itself."""
    given = {"nthread": settings.params.get("nthread"), **_labelled(table, settings, channel)}
    if not settings.binned:
        return xgboost.DMatrix(table.features, **given)
    bins = settings.params.get("max_bin", 256)
    return xgboost.QuantileDMatrix(table.features, ref=reference, max_bin=bins, **given)


def _labelled(table: Table, settings: Settings, channel: str) -> dict[str, Any]:
    given: dict[str, Any] = {"label": table.labels, "weight": table.weights}
    if settings.objective == "survival:aft":
        given |= _bounds(table)
    if settings.objective.startswith("rank:"):
        given |= _queries(table, channel)
    return {name: value for name, value in given.items() if value is not None}


def _bounds(table: Table) -> dict[str, Any]:
    """Times as intervals: a positive label is one, a negative one says that the row was censored there."""
    times = np.abs(table.labels)
    return {
        "label": None,
        "label_lower_bound": times,
        "label_upper_bound": np.where(table.labels > 0, times, np.inf),
    }


def _queries(table: Table, channel: str) -> dict[str, Any]:
    """The query of each row, counted in the order in which they come, and a weight for each of them."""
    if table.groups is None:
        say(f"Channel '{channel}' names no query (qid): all of its rows are ranked as one", "WARNING")
        return {"qid": np.zeros(len(table), np.int64), "weight": None if table.weights is None else table.weights[:1]}
    new = np.concatenate([[True], table.groups[1:] != table.groups[:-1]])
    _refuse_split(table, new, channel)
    return {"qid": np.cumsum(new) - 1, "weight": None if table.weights is None else table.weights[new]}


def _refuse_split(table: Table, new: Any, channel: str) -> None:
    assert table.groups is not None
    starts = table.groups[new]
    if len(np.unique(starts)) != len(starts):
        names, counts = np.unique(starts, return_counts=True)
        raise ClientError(
            f"Channel '{channel}': the rows of qid {names[counts > 1][0]} do not stand together. Sort the rows by qid."
        )


def part(table: Table, rows: Any) -> Table:
    """Some rows of a table."""
    return Table(
        table.features[rows],
        table.labels[rows],
        None if table.weights is None else table.weights[rows],
        None if table.groups is None else table.groups[rows],
    )


def joined(tables: list[Table]) -> Table:
    """The rows of several tables that are alike."""
    if len(tables) == 1:
        return tables[0]
    first = tables[0]
    if first.sparse:
        stack = importlib.import_module("scipy.sparse").vstack
        features: Any = stack([table.features for table in tables], format="csr")
    else:
        features = np.concatenate([table.features for table in tables])
    weights = None
    if any(table.weights is not None for table in tables):
        weights = np.concatenate([np.ones(len(t), np.float32) if t.weights is None else t.weights for t in tables])
    return Table(features, np.concatenate([table.labels for table in tables]), weights)
