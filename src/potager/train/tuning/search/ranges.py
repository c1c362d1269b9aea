"""What one hyperparameter may be: a number between bounds on a scale, or one of some values.

A strategy thinks in places: a float in [0, 1] for each hyperparameter, evenly spread on its scale. `text` makes a
value of a place, as it is given to a training job; `place` finds where a value stands, so that trials can be read
back. A whole number has as much of [0, 1] as the scale has between the halves beside it; a choice has an equal part
for each value.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

LINEAR = "Linear"
LOGARITHMIC = "Logarithmic"
REVERSE = "ReverseLogarithmic"

WIDE = 100
"""A range whose ends are this many times apart is searched logarithmically where its scale is `Auto`."""


@dataclass(frozen=True)
class Number:
    """A number in `[low, high]`; `scaling` is Linear, Logarithmic or ReverseLogarithmic."""

    name: str
    low: float
    high: float
    integer: bool = False
    scaling: str = LINEAR

    @property
    def size(self) -> int | None:
        """How many values there are, None where there is no end of them."""
        if self.low == self.high:
            return 1
        return int(self.high) - int(self.low) + 1 if self.integer else None

    def text(self, place: float) -> str:
        """The value at a place, as a training job is given it: `7`, `0.0123`."""
        left, right = self.ends
        value = self._unscaled(left + (right - left) * min(1.0, max(0.0, place)))
        if not self.integer:
            return written(min(self.high, max(self.low, value)))
        return str(int(min(self.high, max(self.low, math.floor(value + 0.5)))))

    def place(self, text: str) -> float | None:
        """Where a value stands; below 0 or above 1 where it lies outside, None where it is nowhere on the scale."""
        try:
            value = float(unquoted(text))
        except ValueError:
            return None
        scaled = self._scaled(value)
        left, right = self.ends
        if scaled is None or not math.isfinite(scaled):
            return None
        return (scaled - left) / (right - left) if right > left else 0.5

    @property
    def ends(self) -> tuple[float, float]:
        """Where the scale begins and ends; of whole numbers half a step beside them."""
        half = 0.5 if self.integer else 0.0
        left, right = self._scaled(self.low - half), self._scaled(self.high + half)
        assert left is not None
        assert right is not None
        return left, right

    def _scaled(self, value: float) -> float | None:
        if self.scaling == LOGARITHMIC:
            return math.log(value) if value > 0 else None
        if self.scaling == REVERSE:
            return -math.log(1.0 - value) if value < 1 else None
        return value

    def _unscaled(self, scaled: float) -> float:
        if self.scaling == LOGARITHMIC:
            return math.exp(scaled)
        return 1.0 - math.exp(-scaled) if self.scaling == REVERSE else scaled


@dataclass(frozen=True)
class Choice:
    """One of some values, given to training jobs as they are written here (the SDK writes them as JSON: `"adam"`)."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def text(self, place: float) -> str:
        """The value at a place."""
        return self.values[min(self.size - 1, max(0, int(place * self.size)))]

    def place(self, text: str) -> float | None:
        """The middle of a value's part of [0, 1], None for a value that is not among these."""
        bare = [unquoted(value) for value in self.values]
        word = unquoted(text)
        return (bare.index(word) + 0.5) / self.size if word in bare else None


Range = Number | Choice


def fitting(low: float, high: float, integer: bool) -> str:
    """The scale for a range that asks for `Auto`: logarithmic where its ends are `WIDE` times apart.

    Where it is the distance from 1 that spans as much (0.9 to 0.9999), the logarithm of that distance.
    """
    if low > 0 and high / low >= WIDE:
        return LOGARITHMIC
    if not integer and low >= 0 and high < 1 and (1 - low) / (1 - high) >= WIDE:
        return REVERSE
    return LINEAR


def combinations(ranges: Sequence[Range]) -> int | None:
    """How many different points there are, None where there is no end of them."""
    product = 1
    for each in ranges:
        if each.size is None:
            return None
        product *= each.size
    return product


def written(value: float) -> str:
    """A number as AWS writes it: in full, without an exponent where it can be read without one."""
    text = repr(float(value))
    return format(Decimal(text), "f") if "e" in text and 1e-12 <= abs(value) < 1e16 else text


def unquoted(text: str) -> str:
    """A value without the quotes of the SDK's JSON."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
