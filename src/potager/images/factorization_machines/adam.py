"""Adam, which moves the numbers that a batch speaks of and leaves the others alone.

    slope <- clip(slope * rescale + wd * value);  m <- b1 m + (1 - b1) slope;  v <- b2 v + (1 - b2) slope^2
    value <- value - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

Sources: Kingma and Ba, 2015; MXNet's `Adam` with `lazy_update`, whose order of rescaling, decay and clipping this is
(https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/optimizer).
"""

from __future__ import annotations

import math

import numpy as np

from potager.images.algorithm.arrays import Floats, Ints
from potager.images.factorization_machines.settings import Settings, Term

_FIRST, _SECOND = 0.9, 0.999


class Adam:
    """The optimizer of one term, whose `values` it changes in place."""

    def __init__(self, values: Floats, term: Term, settings: Settings) -> None:
        self._values, self._term = values, term
        self._eps, self._clip = settings.eps, settings.clip_gradient
        self._mean, self._square = np.zeros_like(values), np.zeros_like(values)
        self._steps = 0

    def step(self, slope: Floats, rescale: float, places: Ints | slice = slice(None)) -> None:
        """Moves the values at `places` against their `slope`."""
        self._steps += 1
        values = self._values[places]
        slope = slope * values.dtype.type(rescale) + values.dtype.type(self._term.wd) * values
        if self._clip is not None:
            slope = np.clip(slope, -self._clip, self._clip)
        mean = _FIRST * self._mean[places] + (1 - _FIRST) * slope
        square = _SECOND * self._square[places] + (1 - _SECOND) * slope * slope
        self._mean[places], self._square[places] = mean, square
        pace = self._term.lr * math.sqrt(1 - _SECOND**self._steps) / (1 - _FIRST**self._steps)
        self._values[places] = values - pace * mean / (np.sqrt(square) + self._eps)
