"""What a model said on a channel, and the same in numbers that every metric can work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Flags, Float64, Floats, Ints

_CELLS = 4_000_000  # looked at once


class Rows(Protocol):
    """Features `(n_rows, n_features)`: an array, or a sparse matrix whose rows can be picked and made dense."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


@dataclass(frozen=True)
class Scored:
    """One channel.

    labels : `(n_rows,)`, members of `classes` for a classifier (others are classes that it never saw), else values.
    scores : binary `(n_rows,)`, the probability of the second class; multiclass `(n_rows, n_classes)`, probabilities
        in the order of `classes`; regression `(n_rows,)`, values. A classifier's may be any numbers that rise with its
        belief, where it has no probabilities.
    features : what the single best feature is looked for in; None where that is not wanted.
    weights : `(n_rows,)`, none negative; None where all weigh the same.
    predicted : `(n_rows,)`, the classes that the model named, where the threshold or the highest score do not say it.
    own : figures by the algorithm's own names, kept beside the others.
    """

    labels: NDArray[Any]
    scores: NDArray[Any]
    features: Rows | None = None
    weights: NDArray[Any] | None = None
    predicted: NDArray[Any] | None = None
    own: Mapping[str, float] = field(default_factory=dict[str, float])

    def __len__(self) -> int:
        return len(self.labels)

    def weighed(self) -> Float64:
        """A weight of each row, `(n_rows,)`."""
        if self.weights is None:
            return np.ones(len(self))
        weights = np.asarray(self.weights, np.float64)
        if weights.shape != (len(self),) or not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("weights must be one finite number a row, none negative.")
        return weights

    def standing(self) -> Scored:
        """The rows that weigh something."""
        if self.weights is None:
            return self
        rows = np.flatnonzero(self.weighed() > 0)
        if len(rows) == len(self):
            return self
        return Scored(
            self.labels[rows],
            self.scores[rows],
            None if self.features is None else self.features[rows],
            self.weights[rows],
            None if self.predicted is None else self.predicted[rows],
            self.own,
        )


@dataclass(frozen=True)
class Codes:
    """Labels as numbers of classes.

    codes, said : `(n_rows,)`, true and predicted; unknown labels are numbered from `known` on.
    names : every label, the `known` ones of the model first.
    """

    codes: Ints
    said: Ints
    names: list[Any]
    known: int

    @property
    def seen(self) -> Flags:
        """The rows whose class the model knows, `(n_rows,)`."""
        return self.codes < self.known


def encoded(scored: Scored, classes: NDArray[Any], threshold: float) -> Codes:
    """The labels of a channel and what the model said, as numbers of `classes`.

    A binary model says the second class where its score lies above `threshold`, a multiclass one the first of its
    highest scores.
    """
    codes, unknown = numbered(np.asarray(scored.labels), classes)
    if scored.predicted is not None:
        said, strange = numbered(np.asarray(scored.predicted), classes)
        if len(strange):
            raise ValueError(f"predicted holds {strange[0]!r}, which is none of the classes.")
    elif scored.scores.ndim == 1:
        said = (scored.scores > threshold).astype(np.int64)
    else:
        said = np.argmax(scored.scores, axis=1).astype(np.int64)
    return Codes(codes, said, plain([*classes.tolist(), *unknown.tolist()]), len(classes))


def numbered(labels: NDArray[Any], classes: NDArray[Any]) -> tuple[Ints, NDArray[Any]]:
    """Labels as numbers of `classes`, and those that are none of them, numbered after the classes."""
    order = np.argsort(classes, kind="stable")
    place = np.minimum(np.searchsorted(classes[order], labels), len(classes) - 1)
    codes = order[place].astype(np.int64)
    strange = np.not_equal(classes[codes], labels)
    unknown = np.unique(labels[strange])
    codes[strange] = len(classes) + np.searchsorted(unknown, labels[strange])
    return codes, unknown


def summed(places: Ints, weights: Float64, size: int) -> Float64:
    """The weight that falls on each place, `(size,)`."""
    return np.asarray(np.bincount(places, weights, size), np.float64)


def plain(names: Sequence[Any]) -> list[Any]:
    """Labels as JSON shows them: 1.0 is 1."""
    return [int(name) if isinstance(name, float) and name.is_integer() else name for name in names]


def blocks(rows: int, width: int) -> list[slice]:
    """Slices of rows, so that `width` numbers a row stay within a fixed memory."""
    step = max(1, _CELLS // max(1, width))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def finite(scores: Floats) -> bool:
    """Whether every score is a finite number."""
    return all(bool(np.isfinite(scores[rows]).all()) for rows in blocks(len(scores), _width(scores)))


def probabilities(scores: Floats) -> bool:
    """Whether scores are probabilities: between 0 and 1, and of a row together 1."""
    for rows in blocks(len(scores), _width(scores)):
        block = scores[rows]
        if block.min() < -1e-6 or block.max() > 1 + 1e-6:
            return False
        if block.ndim == 2 and np.abs(block.sum(axis=1, dtype=np.float64) - 1).max() > 1e-3:
            return False
    return True


def _width(scores: Floats) -> int:
    return int(scores.shape[1]) if scores.ndim == 2 else 1
