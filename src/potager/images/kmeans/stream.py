"""K centres out of mini-batches of rows, each row looked at once an epoch.

    the first rows ─► K of them ─► for each batch: rows to their nearest centre, each centre to the mean of its rows

A centre's mean is over all rows that it was ever given. Rows come in random order, so that sorted data does no harm; in
their own where older ones shall count less (`half_life_time_size`).

Source: Sculley, Web-scale k-means clustering (2010);
https://docs.aws.amazon.com/sagemaker/latest/dg/algo-kmeans-tech-notes.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.kmeans import lloyd
from potager.images.kmeans.settings import Settings

_CELLS = 1 << 24


@dataclass(frozen=True)
class Centers:
    """`centers`: `(n_centers, n_features)`; `weights`: the rows that each stands for, more than 0."""

    centers: Float64
    weights: Float64


@dataclass(frozen=True)
class Epoch:
    """A pass over the data: its number from 0, how many rows in how many seconds."""

    number: int
    rows: int
    seconds: float


def stream(features: Float32, settings: Settings, tell: Callable[[Epoch], None]) -> Centers:
    """K centres or, where there are fewer rows or centres stayed without rows, fewer."""
    random = np.random.default_rng(settings.seed)
    order = _order(len(features), settings, random)
    centers = _first(features, order, settings, random)
    weights = np.zeros(len(centers))
    for number in range(settings.epochs):
        began = time.perf_counter()
        for start in range(0, len(order), settings.mini_batch_size):
            batch = features[order[start : start + settings.mini_batch_size]]
            _update(centers, weights, batch, settings.half_life_time_size)
        tell(Epoch(number, len(features), time.perf_counter() - began))
        order = _order(len(features), settings, random)
    held = weights > 0
    return Centers(centers[held], weights[held])


def _order(rows: int, settings: Settings, random: np.random.Generator) -> Ints:
    return np.arange(rows) if settings.half_life_time_size else random.permutation(rows)


def _first(features: Float32, order: Ints, settings: Settings, random: np.random.Generator) -> Float64:
    """K rows out of the first mini-batch, or out of as many as it takes; out of fewer where rows are wide."""
    count = min(settings.centers, len(order))
    among = min(settings.mini_batch_size, _CELLS // features.shape[1])
    rows = features[order[: max(among, count)]].astype(np.float64)
    return lloyd.seeds(rows, None, count, settings.init_method, random)


def _update(centers: Float64, weights: Float64, batch: Float32, half_life: int) -> None:
    step = lloyd.look(batch, None, centers)
    if half_life:
        weights *= 0.5 ** (len(batch) / half_life)
    moved = step.sizes > 0
    weights += step.sizes
    centers[moved] += (step.sums - centers * step.sizes[:, None])[moved] / weights[moved, None]
