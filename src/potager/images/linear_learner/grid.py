"""The models trained side by side: model 0 as asked, the others near it.

With `num_models` auto there are 32, or fewer where they would hold more than 8 million weights or yield more than
4,000 scores a row. What is `auto` is spread wide; what the user set is tried at that value, half and twice it; 0
stays 0. Fewer models than combinations are taken evenly from among them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.algorithm.errors import ClientError
from potager.images.linear_learner.optimizers import LEARNING_RATE
from potager.images.linear_learner.settings import Settings

_WD = (1e-3, 1e-2, 1e-5, 1e-1)
_L1 = (0.0, 1e-3, 1e-4, 1e-2)
_RATE = (1.0, 0.3)
_NEAR = (1.0, 0.5, 2.0)
_BEYOND = 1 << 30  # weights, 4 GiB of them
_MOST_WEIGHTS, _MOST_SCORES = 8_000_000, 4_000


@dataclass(frozen=True)
class Candidate:
    """What tells one model from the next."""

    learning_rate: float
    wd: float
    l1: float
    positive_weight: float = 1.0


def candidates(settings: Settings, features: int, labels: Ints | None) -> list[Candidate]:
    """The models to train; `labels` are the 0/1 labels of a binary classifier, whose balance may be asked for."""
    rates = _near(settings.learning_rate) or [LEARNING_RATE[settings.optimizer] * factor for factor in _RATE]
    grid = itertools.product(
        rates, _near(settings.l1) or _L1, _near(settings.wd) or _WD, _positive_weights(settings, labels)
    )
    distinct = list(dict.fromkeys(Candidate(rate, wd, l1, weight) for rate, l1, wd, weight in grid))
    return _spread(distinct, _asked(settings, features) or _auto(settings, features))


def _asked(settings: Settings, features: int) -> int | None:
    """`num_models`; `ClientError` where the models together would have more weights than anything could hold."""
    count = settings.num_models
    if count and count * settings.outputs * (features + 1) > _BEYOND:
        raise ClientError(
            f"Hyperparameter 'num_models' is {count}: of {features} features these would be "
            f"{count * settings.outputs * (features + 1):,} weights, more than {_BEYOND:,}. Lower it, or leave it out."
        )
    return count


def _auto(settings: Settings, features: int) -> int:
    most = min(_MOST_WEIGHTS // (settings.outputs * (features + 1)), _MOST_SCORES // settings.outputs)
    return min(max(most, 1), 32)


def _spread(distinct: list[Candidate], count: int) -> list[Candidate]:
    """`count` of the candidates, evenly over the grid and the first among them; repeated where there are too few.

    Repeated candidates differ by their first weights only.
    """
    if count >= len(distinct):
        return [distinct[index % len(distinct)] for index in range(count)]
    return [distinct[index * len(distinct) // count] for index in range(count)]


def _near(value: float | None) -> list[float]:
    return [] if value is None else [value * factor for factor in _NEAR] if value else [0.0]


def _positive_weights(settings: Settings, labels: Ints | None) -> list[float]:
    asked = settings.positive_example_weight_mult
    if labels is None:
        return [1.0]
    positives = max(1, int(np.count_nonzero(labels)))
    balanced = max(1, len(labels) - positives) / positives
    if asked == "balanced":
        return [balanced]
    return [1.0, balanced, balanced**0.5] if asked == "auto" else [float(asked)]


def row_weights(settings: Settings, models: list[Candidate], labels: Float64) -> Float32 | None:
    """Weight of a row by its label under each model, `(n_labels, n_models)`, of mean 1; None where all are 1."""
    if settings.predictor_type == "regressor":
        return None
    counts = np.bincount(labels.astype(np.int64), minlength=settings.num_classes).astype(np.float64)
    if settings.binary:
        table = np.array([[1.0] * len(models), [model.positive_weight for model in models]])
    elif settings.balance_multiclass_weights:
        table = (len(labels) / (np.maximum(counts, 1) * np.count_nonzero(counts)))[:, None]
    else:
        return None
    if np.all(table == 1):
        return None
    return (table / (counts @ table / len(labels))).astype(np.float32)
