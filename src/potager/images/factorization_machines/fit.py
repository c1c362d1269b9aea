"""Training: batch after batch, in an order drawn anew for each epoch.

A batch is cut down to the features that any of its rows has, so that what it costs depends on these alone. Dense rows
lead to the same model as sparse ones that way: Adam would otherwise go on moving a feature that a batch has not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Floats, Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.tables import Table
from potager.images.factorization_machines.adam import Adam
from potager.images.factorization_machines.machine import Machine, scores, slopes, sparse
from potager.images.factorization_machines.settings import Settings

_CELLS = 8_000_000  # scored at once


@dataclass(frozen=True)
class Epoch:
    """What the model said of each train row when it came by, raw, and the rows' labels, both `(n_rows,)`."""

    number: int
    scores: Floats
    labels: Floats
    seconds: float


def begin(features: int, settings: Settings) -> tuple[Machine, np.random.Generator]:
    """A model of so many features as it is before it has learnt, and the generator that it was drawn from."""
    random = np.random.default_rng(settings.seed)
    bias, linear = settings.bias.begin((1,), random), settings.linear.begin((features,), random)
    factors = settings.factors.begin((features, settings.num_factors), random)
    return Machine(bias * settings.use_bias, linear * settings.use_linear, factors), random


def fit(train: Table, settings: Settings, report: Callable[[Epoch], None]) -> Machine:
    """The model after all epochs; `ClientError` where it diverges."""
    machine, random = begin(train.width, settings)
    learners = _Learners(machine, settings)
    labels = train.labels.astype(np.float32)
    for number in range(settings.epochs):
        began, said = time.monotonic(), np.empty(len(train), np.float32)
        order = random.permutation(len(train))
        for start in range(0, len(train), settings.mini_batch_size):
            chosen = order[start : start + settings.mini_batch_size]
            with np.errstate(over="ignore", invalid="ignore"):  # said below, with the remedy
                said[chosen] = learners.learn(train.features[chosen], labels[chosen])
        if not np.isfinite(said).all():
            raise ClientError(
                f"The model diverged in epoch {number}: its scores are no longer finite. Lower factors_lr and "
                "linear_lr, scale features to about 1, or set clip_gradient."
            )
        report(Epoch(number, said, labels, time.monotonic() - began))
    return machine


class _Learners:
    """A model and the optimizers of its three terms."""

    def __init__(self, machine: Machine, settings: Settings) -> None:
        self._machine, self._settings = machine, settings
        self._bias = Adam(machine.bias, settings.bias, settings)
        self._linear = Adam(machine.linear, settings.linear, settings)
        self._factors = Adam(machine.factors, settings.factors, settings)

    def learn(self, rows: Any, labels: Floats) -> Floats:
        """Moves the model by a batch; the raw scores that it had before."""
        rows, places = _named(rows)
        model = self._machine
        part = Machine(model.bias, model.linear[places], model.factors[places])
        binary = self._settings.binary

        def residual(raw: Floats) -> Floats:
            return _residual(raw, labels, binary)

        said, slope = slopes(part, rows, residual)
        rescale = self._settings.rescale_grad or 1 / len(labels)
        if self._settings.use_bias:
            self._bias.step(slope.bias, rescale)
        if self._settings.use_linear:
            self._linear.step(slope.linear, rescale, places)
        self._factors.step(slope.factors, rescale, places)
        return said


def _named(rows: Any) -> tuple[Any, Ints | slice]:
    """The rows with the columns that are not 0 in all of them, and which these are."""
    if not sparse(rows):
        held: Ints = np.flatnonzero(rows.any(axis=0))
        return (rows, slice(None)) if len(held) == rows.shape[1] else (rows[:, held], held)
    places, inverse = np.unique(rows.indices, return_inverse=True)
    part = type(rows)((rows.data, inverse.astype(rows.indices.dtype), rows.indptr), shape=(rows.shape[0], len(places)))
    return part, places.astype(np.int64)


def _residual(raw: Floats, labels: Floats, binary: bool) -> Floats:
    """The slope of half the squared error, or of the cross-entropy, along the raw score."""
    return (sigmoid(raw) if binary else raw) - labels


def sigmoid(raw: Floats) -> Floats:
    """Probabilities of raw scores."""
    return np.asarray((1 + np.tanh(raw / 2)) / 2, raw.dtype)


def scored(machine: Machine, rows: Any) -> Floats:
    """Raw scores `(n_rows,)`, some rows at a time."""
    factors = machine.factors.shape[1]
    wide = math.ceil(rows.nnz / max(1, rows.shape[0])) if sparse(rows) else machine.factors.shape[0]
    step = max(1, _CELLS // (factors + wide))
    parts = [scores(machine, rows[start : start + step]) for start in range(0, rows.shape[0], step)]
    return np.concatenate(parts)
