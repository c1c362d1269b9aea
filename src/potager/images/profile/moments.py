"""Mean, deviation and skew of numbers that stream by, merged block after block without loss of precision.

Source: P. Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
moments (Sandia report SAND2008-6212, 2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class Moments:
    """What is known of the numbers so far; `m2` and `m3` are sums of powers of the distances from the mean."""

    count: float = 0.0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    zeros: float = 0.0
    negative: float = 0.0
    fractions: float = 0.0

    def add(self, values: Floats, weights: Floats) -> None:
        """Takes values, each as often as its weight says: both `(n_values,)`."""
        if not len(values):
            return
        total = float(weights.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(np.average(values, weights=weights))
            away = values - mean
            squares = away * away
            block = Moments(
                total,
                mean,
                float((weights * squares).sum()),
                float((weights * squares * away).sum()),
                float(values.min()),
                float(values.max()),
                float(weights[values == 0].sum()),
                float(weights[values < 0].sum()),
                float(weights[values != np.floor(values)].sum()),
            )
        self.merge(block)

    def merge(self, other: Moments) -> None:
        """Takes what another has seen."""
        if not other.count:
            return
        n, m = self.count, other.count
        total, delta = n + m, other.mean - self.mean
        try:
            self.m3 += (
                other.m3 + delta**3 * n * m * (n - m) / total**2 + 3 * delta * (n * other.m2 - m * self.m2) / total
            )
            self.m2 += other.m2 + delta**2 * n * m / total
        except OverflowError:
            self.m2 = self.m3 = math.inf
        self.mean += delta * m / total
        self.count = total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.zeros += other.zeros
        self.negative += other.negative
        self.fractions += other.fractions

    @property
    def deviation(self) -> float:
        """The sample's standard deviation (n - 1), NaN of fewer than two."""
        return math.sqrt(self.m2 / (self.count - 1)) if self.count > 1 and self.m2 >= 0 else math.nan

    @property
    def skew(self) -> float:
        """The adjusted Fisher-Pearson coefficient (G1), as pandas has it; NaN of fewer than three, 0 of equal ones."""
        n = self.count
        if n < 3 or not math.isfinite(self.m2):
            return math.nan
        scale = max(abs(self.low), abs(self.high), 1e-300)
        if self.m2 <= n * (scale * 1e-14) ** 2:
            return 0.0
        g1 = (self.m3 / n) / (self.m2 / n) ** 1.5
        return g1 * math.sqrt(n * (n - 1)) / (n - 2)
