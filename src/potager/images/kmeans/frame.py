"""The units in which clusters are sought: features about their means, the largest of them about 1.

Distances are told from matrix products, in which squares cancel; in float32 that costs every digit where the data lies
far from the origin, and squares of 1e20 or 1e-25 are no float32 any more. Scales are powers of two, which lose nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64

_ROWS = 1 << 14


@dataclass(frozen=True)
class Frame:
    """`shift`: `(n_features,)` float32, in units of `scale`."""

    shift: Float32
    scale: float

    def enter(self, features: Float32) -> None:
        """Changes features `(n_rows, n_features)` in place, so that no row is held twice."""
        for start in range(0, len(features), _ROWS):
            part = features[start : start + _ROWS]
            part *= np.float32(1 / self.scale)
            part -= self.shift

    def leave(self, centers: Float64) -> Float64:
        """Centers in the data's own units."""
        return (centers + self.shift.astype(np.float64)) * self.scale

    def loss(self, squares: float) -> float:
        """A sum or a mean of squared distances in the data's own units."""
        return squares * self.scale**2


def measure(features: Float32) -> Frame:
    """The frame of some data; within it no feature's square overflows."""
    sums, largest = np.zeros(features.shape[1]), 0.0
    for start in range(0, len(features), _ROWS):
        part = features[start : start + _ROWS]
        sums += part.sum(axis=0, dtype=np.float64)
        largest = max(largest, float(part.max()), -float(part.min()))
    exponent = max(-120, math.frexp(largest)[1]) if largest else 0
    scale = math.ldexp(1.0, exponent)
    return Frame((sums / len(features) / scale).astype(np.float32), scale)
