"""A Gaussian process over few points: what the objective may be where no trial has been.

Matern 5/2 with a length for each hyperparameter, a scale and a noise, whose posterior is climbed by Rprop from a few
starts at once (their matrices are stacked, so that numpy does all of them in one call). Lengths have a prior that
grows with the number of hyperparameters, so that few points in many dimensions do not pretend to know which of them
matters.

Sources: Rasmussen and Williams (2006), ch. 2 and 5; Blum and Riedmiller, "Optimization of Gaussian process
hyperparameters using Rprop" (2013); Hvarfner et al., "Vanilla Bayesian optimization performs great in high
dimensions" (2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROOT = math.sqrt(5.0)
STARTS, STEPS = 3, 40
"""Where the climb begins, and how far it goes."""
LENGTH, LENGTH_SPREAD = 0.3, 0.9
"""Median of the length of a single hyperparameter, in parts of its range, and its deviation as a logarithm."""
NOISE, NOISE_SPREAD = 1e-3, 2.0
"""Median of the noise's variance, in variances of the objective, and its deviation as a logarithm."""
SCALE_SPREAD = 0.7
JITTER = 1e-6


@dataclass(frozen=True)
class Process:
    """A fitted process; `predict` gives its posterior.

    Attributes
    ----------
    points : (n, columns) where trials stood.
    values : (n,) what came of them, of mean about 0 and variance about 1.
    extra : (n,) variance that each value has beside the common noise.
    groups : (columns,) which length each column has.
    """

    points: Floats
    values: Floats
    extra: Floats
    groups: NDArray[np.intp]
    lengths: Floats
    scale: float
    noise: float

    def predict(self, at: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of the objective, without noise, at (m, columns) points: two of (m,)."""
        factor, weights = self._solved
        cross = self.covariance(at, self.points)
        mean = cross @ weights
        rest = np.linalg.solve(factor, cross.T)
        variance = self.scale - np.einsum("ij,ij->j", rest, rest)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def believing(self, at: Floats) -> Process:
        """The process that takes its own mean for what comes of trials still running (the kriging believer)."""
        mean, _ = self.predict(at)
        return Process(
            np.vstack([self.points, at]),
            np.concatenate([self.values, mean]),
            np.concatenate([self.extra, np.zeros(len(at))]),
            self.groups,
            self.lengths,
            self.scale,
            self.noise,
        )

    @property
    def _solved(self) -> tuple[Floats, Floats]:
        covariance = self.covariance(self.points, self.points)
        covariance[np.diag_indices_from(covariance)] += self.noise + self.extra + JITTER
        factor = np.asarray(np.linalg.cholesky(covariance), np.float64)
        weights = np.linalg.solve(factor.T, np.linalg.solve(factor, self.values))
        return factor, np.asarray(weights, np.float64)

    def covariance(self, left: Floats, right: Floats) -> Floats:
        stretch = 1.0 / self.lengths[self.groups]
        left, right = left * stretch, right * stretch
        square = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
        distance = ROOT * np.sqrt(np.maximum(square, 0.0))
        return self.scale * (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)


def fitted(
    points: Floats, values: Floats, extra: Floats, groups: NDArray[np.intp], chance: np.random.Generator
) -> Process:
    """The process whose lengths, scale and noise are the most plausible for the points.

    Parameters are those of `Process`; `chance` draws the starts.
    """
    lengths = int(groups.max()) + 1
    squares = _squares(points, groups, lengths)
    prior = _prior(lengths)
    spread = np.array([LENGTH_SPREAD] * lengths + [SCALE_SPREAD, NOISE_SPREAD])
    found = prior + 0.7 * spread * chance.standard_normal((STARTS, lengths + 2))
    found[0] = prior
    step = np.full_like(found, 0.2)
    before = np.zeros_like(found)
    best, chosen = np.full(STARTS, -np.inf), found.copy()
    for _ in range(STEPS):
        height, slope = _posterior(found, squares, values, extra, prior, spread)
        better = height > best
        best = np.where(better, height, best)
        chosen[better] = found[better]
        turned = np.sign(slope) * np.sign(before)
        step = np.clip(np.where(turned > 0, step * 1.2, np.where(turned < 0, step * 0.5, step)), 1e-3, 1.0)
        before = np.where(turned < 0, 0.0, slope)
        found = np.clip(found + np.sign(before) * step, prior - 4 * spread, prior + 4 * spread)
    winner = chosen[int(np.argmax(best))]
    return Process(points, values, extra, groups, np.exp(winner[:lengths]), math.exp(winner[-2]), math.exp(winner[-1]))


def _prior(lengths: int) -> Floats:
    """The medians, as logarithms: of the lengths, the scale, the noise."""
    length = math.log(LENGTH) + 0.5 * math.log(lengths)
    return np.array([length] * lengths + [0.0, math.log(NOISE)])


def _squares(points: Floats, groups: NDArray[np.intp], lengths: int) -> Floats:
    """(lengths, n, n) squared distances along each hyperparameter."""
    columns = (points[:, None, :] - points[None, :, :]) ** 2
    return np.stack([columns[:, :, groups == group].sum(2) for group in range(lengths)])


def _posterior(
    found: Floats, squares: Floats, values: Floats, extra: Floats, prior: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """The logarithm of the posterior of (starts, lengths + 2) logarithms, and its slope, of the same shape."""
    count, number = len(squares), len(values)
    stretch = np.exp(-2.0 * found[:, :count])
    scale, noise = np.exp(found[:, -2])[:, None, None], np.exp(found[:, -1])
    distance = ROOT * np.sqrt(np.tensordot(stretch, squares, 1))
    decay = np.exp(-distance)
    smooth = scale * (1.0 + distance + distance**2 / 3.0) * decay
    covariance = smooth.copy()
    diagonal = np.arange(number)
    covariance[:, diagonal, diagonal] += noise[:, None] + extra + JITTER
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.full(len(found), -np.inf), (prior - found) / spread**2
    inverse = np.linalg.inv(covariance)
    weights = inverse @ values
    halves = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
    height = -0.5 * weights @ values - halves - 0.5 * (((found - prior) / spread) ** 2).sum(1)
    outer = weights[:, :, None] * weights[:, None, :] - inverse
    # By the logarithm of a length, Matern 5/2 has the slope 5/3 s (1 + r) exp(-r) times the squared distance along it.
    by_length = (outer * (scale * (5.0 / 3.0) * (1.0 + distance) * decay)).reshape(len(found), -1)
    slope = np.empty_like(found)
    slope[:, :count] = 0.5 * (by_length @ squares.reshape(count, -1).T) * stretch
    slope[:, -2] = 0.5 * (outer * smooth).sum((1, 2))
    slope[:, -1] = 0.5 * np.trace(outer, axis1=1, axis2=2) * noise
    return height, slope - (found - prior) / spread**2
