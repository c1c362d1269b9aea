"""Adam, which for arrays of many vectors moves only the rows that a batch touched.

Sources: Kingma and Ba, "Adam: a method for stochastic optimization", 2015; the lazy variant is that of MXNet's
row-sparse Adam (https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/optimizer/index.html).
"""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from potager.images.algorithm.arrays import Floats
from potager.images.ipinsights.network import Parameters, Rows, Slopes

_MEAN, _SQUARE, _TINY = 0.9, 0.999, 1e-8


class Adam:
    """Moves parameters in place; weight decay is part of the slope, as L2 regularisation is."""

    def __init__(self, parameters: Parameters, learning_rate: float, weight_decay: float) -> None:
        self._parameters, self._rate, self._decay = parameters, learning_rate, weight_decay
        arrays = {field.name: getattr(parameters, field.name) for field in fields(Parameters)}
        self._moments = {  # np.zeros takes no memory for rows that are never touched; zeros_like would
            name: tuple(np.zeros(array.shape, array.dtype) for _ in range(2)) for name, array in arrays.items()
        }
        self._steps = 0

    def step(self, slopes: Slopes) -> None:
        """One update by a batch's gradient."""
        self._steps += 1
        for name, (mean, square) in self._moments.items():
            array, slope = getattr(self._parameters, name), getattr(slopes, name)
            if not isinstance(slope, Rows):
                array -= self._move(array, slope, mean, square)
                continue
            rows = slope.index
            part, part_mean, part_square = array[rows], mean[rows], square[rows]
            array[rows] = part - self._move(part, slope.values, part_mean, part_square)
            mean[rows], square[rows] = part_mean, part_square

    def _move(self, array: Floats, slope: Floats, mean: Floats, square: Floats) -> Floats:
        slope = self._decay * array + slope
        room = slope - mean
        room *= 1 - _MEAN
        mean += room
        np.multiply(slope, slope, out=room)
        room -= square
        room *= 1 - _SQUARE
        square += room
        np.sqrt(square, out=room)
        room += _TINY
        np.divide(mean, room, out=room)
        room *= self._rate * math.sqrt(1 - _SQUARE**self._steps) / (1 - _MEAN**self._steps)
        return room
