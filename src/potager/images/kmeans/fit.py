"""k centres of rows: AWS's algorithm, and a last step that brings the loss to where Lloyd's on all rows ends.

    stream ─► K centres with weights ─► Lloyd's, several times ─► the best few k ──┐
    a sample of the rows ──────────────────────────────► seeds, as many ───────────┴─► Lloyd's on the sample ─► the best
                                                                                  ─► Lloyd's on all rows ─► k centres

The first line is AWS's. Where a few rows lie far out, no K centres picked at random stand for them, and shrinking
cannot bring them back; so seeds picked among rows compete. Where older rows shall count less (`half_life_time_size`),
the first line is all: means on which all rows bear alike cannot express it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Floats
from potager.images.algorithm.job import say
from potager.images.kmeans import lloyd
from potager.images.kmeans.lloyd import Fit
from potager.images.kmeans.settings import Settings
from potager.images.kmeans.stream import Centers, Epoch, stream

_SAMPLE, _CELLS = 20_000, 1 << 24  # rows that candidates are judged on, and cells where rows are wide
_ROWS_EACH = 20  # rows of the sample for each cluster
_JUDGED = 100_000  # rows times candidates of either kind


def fit(features: Float32, settings: Settings, tell: Callable[[Epoch], None]) -> Fit:
    """k centres of features `(n_rows, n_features)` of which at least k differ, in a frame (`frame.py`)."""
    kept = stream(features, settings, tell)
    random = np.random.default_rng(settings.seed + 1)
    if len(kept.centers) < settings.k:  # rows are so much alike that many of the first K were the same
        kept = Centers(features.astype(np.float64), np.ones(len(features)))
    trials = _shrunk(kept, settings, random)
    if settings.half_life_time_size:
        return Fit(trials[0], lloyd.look(features, None, trials[0]).loss / len(features))
    sample = _sample(features, settings, random)
    count = max(1, min(len(trials) // 2, _JUDGED // len(sample)))
    picked = [_seeds(sample, None, settings, random) for _ in range(count)]
    best = min((_lloyd(sample, None, one, settings) for one in [*trials[:count], *picked]), key=_by_loss)
    return best if len(sample) == len(features) else _lloyd(features, None, best.centers, settings)


def _shrunk(kept: Centers, settings: Settings, random: np.random.Generator) -> list[Float64]:
    """k centres of the K for each trial, those of the lowest loss first."""
    say(f"shrinking {len(kept.centers)} centers into {settings.k}")
    trials: list[Fit] = []
    for number in range(settings.local_lloyd_num_trials):
        first = _seeds(kept.centers, kept.weights, settings, random)
        trials.append(_lloyd(kept.centers, kept.weights, first, settings))
        say(f"local kmeans attempt #{number}. Current mean square distance {trials[-1].loss:f}")
    return [one.centers for one in sorted(trials, key=_by_loss)]


def _sample(features: Float32, settings: Settings, random: np.random.Generator) -> Float32:
    rows = max(min(_SAMPLE, _CELLS // features.shape[1]), _ROWS_EACH * settings.k)
    return features if len(features) <= rows else features[random.choice(len(features), rows, replace=False)]


def _seeds(points: Floats, weights: Floats | None, settings: Settings, random: np.random.Generator) -> Float64:
    exact = points.astype(np.float64, copy=False)
    return lloyd.seeds(exact, weights, settings.k, settings.local_lloyd_init_method, random)


def _lloyd(points: Floats, weights: Floats | None, centers: Floats, settings: Settings) -> Fit:
    return lloyd.lloyd(points, weights, centers, settings.local_lloyd_max_iter, settings.local_lloyd_tol)


def _by_loss(one: Fit) -> float:
    return one.loss
