"""One update of all parallel models: adam, sgd with momentum, rmsprop, and the learning rate's schedule.

Weights and bias live in one array, `(n_models * n_outputs, n_features + 1)`, the bias last, so that an update is a
few whole-array operations. L1 is a soft threshold after the step, with that weight's own step size, so that a
weight that L1 wants gone becomes exactly 0.

Sources: Kingma and Ba, 2015 (adam); Tieleman and Hinton, 2012 (rmsprop); Sutskever et al., 2013 (momentum).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32
from potager.images.linear_learner.settings import Settings

LEARNING_RATE = {"adam": 0.03, "rmsprop": 0.01, "sgd": 0.05}
"""What `learning_rate` auto is for each optimizer, on standardised features."""


@dataclass(frozen=True)
class Schedule:
    """The factor on the learning rate after so many updates."""

    step: int
    factor: float
    minimum: float

    def at(self, update: int) -> float:
        return self.factor ** (update // self.step)


def schedule_of(settings: Settings, updates: int) -> Schedule:
    """The schedule of a run of at most `updates` updates.

    `auto` lowers the rate sixty times on the way, down to a hundredth of where it began.
    """
    if not settings.use_lr_scheduler:
        return Schedule(1, 1.0, 0.0)
    step = settings.lr_scheduler_step or max(1, updates // 60)
    factor = settings.lr_scheduler_factor or 0.01 ** (1 / max(1, updates // step))
    return Schedule(step, factor, settings.lr_scheduler_minimum_lr or 1e-5)


class Optimizer:
    """The running averages of one run. `rates`: `(n_rows, n_columns)` or broadcastable, per weight."""

    def __init__(self, settings: Settings, shape: tuple[int, int], rates: Float32) -> None:
        self._first = np.zeros(shape, np.float32)
        self._second = np.zeros(shape if settings.optimizer != "sgd" else (0, 0), np.float32)
        self._rates = rates
        self._settings = settings
        self._updates = 0
        self._scratch = np.empty(shape, np.float32)

    def update(self, weights: Float32, gradient: Float32, shrink: float, minimum: float, l1: Float32 | None) -> None:
        """Moves `weights` in place; `gradient` is overwritten.

        `shrink` is the schedule's factor, `minimum` the least learning rate, `l1` the penalty per weight or None.
        """
        self._updates += 1
        rates = np.maximum(self._rates * np.float32(shrink), np.minimum(self._rates, np.float32(minimum)))
        steps = self._direct(gradient, rates)
        weights -= gradient
        if l1 is not None:
            limit = steps * l1
            weights -= np.clip(weights, -limit, limit)

    def _direct(self, gradient: Float32, rates: Float32) -> Float32:
        """Turns the gradient into the move to take; returns each weight's step size."""
        if self._settings.optimizer == "sgd":
            self._first *= np.float32(self._settings.momentum)
            self._first += gradient
            np.multiply(self._first, rates, out=gradient)
            return rates
        return self._adapt(gradient, rates, adam=self._settings.optimizer == "adam")

    def _adapt(self, gradient: Float32, rates: Float32, *, adam: bool) -> Float32:
        beta_1, beta_2 = (self._settings.beta_1, self._settings.beta_2) if adam else (0.0, 0.9)
        square = np.multiply(gradient, gradient, out=self._scratch)
        square *= np.float32(1 - beta_2)
        self._second *= np.float32(beta_2)
        self._second += square
        steps = np.sqrt(self._second, out=self._scratch)
        if adam:
            steps *= np.float32(1 / np.sqrt(1 - beta_2**self._updates))
        steps += np.float32(1e-7)
        np.divide(rates, steps, out=steps)
        if adam:
            self._first *= np.float32(beta_1)
            gradient *= np.float32(1 - beta_1)
            self._first += gradient
            np.multiply(self._first, np.float32(1 / (1 - beta_1**self._updates)), out=gradient)
        gradient *= steps
        return steps
