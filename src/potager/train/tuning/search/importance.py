"""How much each hyperparameter mattered: the variance of the objective over a space, taken apart.

Trials lie where a strategy looked and not evenly, so what they say is first made a model, the process that Bayesian
search uses; that is then asked at points spread over the whole space (functional analysis of variance):

    alone    the part of the variance that goes with a hyperparameter whatever the others are (first-order Sobol index)
    in all   that, and its part in what several do only together (total index)

How well the model foretells each trial from the others is told beside (`told`), for where it does not, its shares say
nothing. A number of failed or unfinished trials is no objective, so those are left out.

Sources: Hutter et al., "An efficient approach for assessing hyperparameter importance" (2014); Saltelli et al.,
"Variance based sensitivity analysis of model output" (2010); Rasmussen and Williams (2006), section 5.4.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from potager.train.tuning.search.encoding import Encoding
from potager.train.tuning.search.process import JITTER, Floats, Process, fitted
from potager.train.tuning.search.spaces import Space

FEWEST = 10
"""Trials, and two for each hyperparameter more, below which nothing is said."""
MOST = 200
"""Trials that the model is made of; of more, as many drawn at random."""
POINTS = 2048
"""Pairs of points at which the model is asked."""
FAR = 3.0
"""How far beyond the quartiles an objective may count, in distances between them."""


@dataclass(frozen=True)
class Share:
    """A hyperparameter's part of the variance, each between 0 and 1."""

    name: str
    alone: float
    in_all: float


@dataclass(frozen=True)
class Importance:
    """What mattered, the most first. `trials`: of how many; `told`: the part of what sets these apart that each is
    foretold by the others, 1 for all of it, 0 or less for nothing."""

    shares: tuple[Share, ...]
    told: float
    trials: int


def needed(space: Space) -> int:
    """How many trials there must be."""
    return FEWEST + 2 * len(space.ranges)


def importance(space: Space, tried: Sequence[tuple[Mapping[str, str], float]]) -> Importance | None:
    """What the trials, hyperparameters and finite objectives, say of a space; None where they are too few or alike."""
    stood = [(places, value) for values, value in tried if (places := space.places(values)) is not None]
    if len(stood) < needed(space):
        return None
    dice = np.random.default_rng(0)
    if len(stood) > MOST:
        rows: list[int] = sorted(map(int, dice.choice(len(stood), MOST, replace=False)))
        stood = [stood[row] for row in rows]
    values = _even(np.array([value for _, value in stood]))
    if not values.any():
        return None
    encoding = Encoding(space)
    points = encoding.columns(np.array([places for places, _ in stood]))
    process = fitted(points, values, np.zeros(len(values)), encoding.groups, dice)
    shares = [
        Share(each.name, *parts) for each, parts in zip(space.ranges, _parts(process, encoding, dice), strict=True)
    ]
    ordered = tuple(sorted(shares, key=lambda each: -each.in_all))
    return Importance(ordered, _foretold(process), len(stood))


def _even(values: Floats) -> Floats:
    """Objectives of mean 0 and variance 1, those far out drawn in; all 0 where they are alike."""
    values = np.clip(values, -1e150, 1e150)
    low, high = np.quantile(values, [0.25, 0.75])
    if high > low:
        values = np.clip(values, low - FAR * (high - low), high + FAR * (high - low))
    values = values - np.median(values)
    width = float(np.abs(values).max())
    if width <= 1e-12 * max(abs(low), abs(high)):
        return np.zeros(len(values))
    values = values / width
    return (values - values.mean()) / values.std()


def _parts(process: Process, encoding: Encoding, dice: np.random.Generator) -> list[tuple[float, float]]:
    """Each hyperparameter's part of the variance, alone and in all."""
    size = len(encoding.ranges)
    one, other = dice.random((POINTS, size)), dice.random((POINTS, size))

    def mean(places: Floats) -> Floats:
        return process.predict(encoding.columns(places))[0]

    at_one, at_other = mean(one), mean(other)
    variance = float(np.concatenate([at_one, at_other]).var())
    if variance < 1e-9:
        return [(0.0, 0.0)] * size
    found: list[tuple[float, float]] = []
    for each in range(size):
        mixed = one.copy()
        mixed[:, each] = other[:, each]
        at_mixed = mean(mixed)
        in_all = float(((at_one - at_mixed) ** 2).mean()) / (2.0 * variance)
        alone = 1.0 - float(((at_other - at_mixed) ** 2).mean()) / (2.0 * variance)
        in_all = min(1.0, in_all)
        found.append((min(in_all, max(0.0, alone)), in_all))
    return found


def _foretold(process: Process) -> float:
    """One minus the squared errors of the trials, each foretold by the others, as a part of their variance."""
    covariance = process.covariance(process.points, process.points)
    covariance[np.diag_indices_from(covariance)] += process.noise + JITTER
    inverse = np.linalg.inv(covariance)
    errors = (inverse @ process.values) / np.diagonal(inverse)
    return 1.0 - float((errors**2).mean() / (process.values**2).mean())
