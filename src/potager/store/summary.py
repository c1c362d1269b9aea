"""What is kept of many values: how many, their sum, the least, the greatest, and how they are distributed.

The distribution is a histogram whose buckets grow with the values: 64 to each doubling, so that a percentile is wrong
by 0.8 % at most, and one of equal values not at all. Two summaries merge into that of all their values.

Source of the shape: https://arxiv.org/abs/1908.10693 (DDSketch); of the statistics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
import zlib
from array import array
from collections.abc import Iterator
from math import frexp

from potager.kernel.errors import Invalid

_FINE = 64
_SHIFT = _FINE * 1100  # the smallest number's exponent is -1073: whatever is positive has a key above 0

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_EXTENDED = re.compile(
    r"(?P<one>p|tm|wm|tc|ts)(?P<high>\d{1,2}(?:\.\d{0,10})?|100)"
    r"|(?P<two>PR|TM|WM|TC|TS)\((?P<from>[^:()]*):(?P<to>[^:()]*)\)"
    r"|(?P<iqm>IQM)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\d{1,3}(?:\.\d{0,10})?%")


class Summary:
    """The values of one period. `count` and bucket counts are floats: clients may say that a value counts for half."""

    __slots__ = ("buckets", "count", "greatest", "least", "sum")

    def __init__(self) -> None:
        self.count = 0.0
        self.sum = 0.0
        self.least = math.inf
        self.greatest = -math.inf
        self.buckets: dict[int, float] = {}

    def add(self, value: float, count: float = 1.0) -> None:
        """Takes a value in, `count` times."""
        self.count += count
        self.sum += value * count
        if value < self.least:
            self.least = value
        if value > self.greatest:
            self.greatest = value
        if value > 0:  # as `bucket` does, without a call
            fraction, exponent = frexp(value)
            key = _SHIFT + exponent * _FINE + int(fraction * (2 * _FINE))
        else:
            key = bucket(value)
        buckets = self.buckets
        buckets[key] = buckets.get(key, 0.0) + count

    def fold(self, count: float, total: float, least: float, greatest: float) -> None:
        """Takes in values of which no more is known; how they lie between the two is not, unless they are equal."""
        if least == greatest:
            self.buckets[key] = self.buckets.get(key := bucket(least), 0.0) + count
        self.count += count
        self.sum += total
        self.least, self.greatest = min(self.least, least), max(self.greatest, greatest)

    def merge(self, other: Summary) -> Summary:
        """Takes in all that another one knows; gives itself."""
        self.count += other.count
        self.sum += other.sum
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        for key, count in other.buckets.items():
            self.buckets[key] = self.buckets.get(key, 0.0) + count
        return self

    def statistic(self, name: str) -> float | None:
        """A statistic by CloudWatch's name, such as `Average`, `p99.9`, `tm95` or `PR(:300)`.

        None where the values' distribution is needed and not known. `Invalid` for a name that is none.
        """
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.sum
            case "Average":
                return self.sum / self.count if self.count else None
            case "Minimum":
                return self.least
            case "Maximum":
                return self.greatest
            case _:
                kind, low, high, absolute = extended(name)
                return self._extended(kind, low, high, absolute=absolute)

    @property
    def known(self) -> bool:
        """Whether its distribution is."""
        return self.count > 0 and math.isclose(sum(self.buckets.values()), self.count, rel_tol=1e-9)

    def percentile(self, share: float) -> float | None:
        """The value that `share` of all values (0 to 1) do not exceed; None where the distribution is not known."""
        if not self.known:
            return None
        left = share * self.count
        for key, count in sorted(self.buckets.items()):
            left -= count
            if left <= 1e-9 * self.count:
                return self._within(key)
        return self.greatest

    def _extended(self, kind: str, low: float, high: float, *, absolute: bool) -> float | None:
        if not self.known:
            return None
        if kind == "p":
            return self.percentile(high)
        count, total = self._between(low, high) if absolute else self._trimmed(low, high)
        match kind:
            case "tc":
                return count
            case "ts":
                return total
            case "pr":
                return 100 * count / self.count
            case "wm":
                return self._winsorized(low, high, absolute=absolute)
            case _:
                return total / count if count else None

    def _cells(self) -> Iterator[tuple[float, float]]:
        """Values and how often there is one like them, in order; scaled so that their sum is right."""
        for key, count in sorted(self.buckets.items()):
            yield self._within(key), count

    def _between(self, low: float, high: float) -> tuple[float, float]:
        """How many values are above `low` and up to `high`, and their sum."""
        found = [(value, count) for value, count in self._cells() if low < value <= high]
        return sum(count for _, count in found), sum(value * count for value, count in found)

    def _trimmed(self, low: float, high: float) -> tuple[float, float]:
        """The same of those between two shares of all values."""
        if (low, high) == (0.0, 1.0):
            return self.count, self.sum
        begin, end, past, number, total = low * self.count, high * self.count, 0.0, 0.0, 0.0
        for value, count in self._cells():
            inside = max(0.0, min(past + count, end) - max(past, begin))
            number, total, past = number + inside, total + inside * value, past + count
        return number, total

    def _winsorized(self, low: float, high: float, *, absolute: bool) -> float | None:
        """The mean where values outside count as the nearest one inside."""
        if not absolute:
            least, greatest = self.percentile(low), self.percentile(high)
            if least is None or greatest is None:
                return None
            low, high = least, greatest
        return sum(min(max(value, low), high) * count for value, count in self._cells()) / self.count

    def _within(self, key: int) -> float:
        return min(max(middle(key), self.least), self.greatest)

    def packed(self) -> bytes:
        """The buckets as bytes: keys as differences and counts, compressed; two or three bytes a bucket."""
        keys = sorted(self.buckets)
        steps = array("i", (key - before for key, before in zip(keys, [0, *keys], strict=False)))
        return zlib.compress(steps.tobytes() + array("d", (self.buckets[key] for key in keys)).tobytes(), 1)

    @classmethod
    def unpacked(cls, count: float, total: float, least: float, greatest: float, buckets: bytes) -> Summary:
        """One that was kept."""
        made = cls()
        made.count, made.sum, made.least, made.greatest = count, total, least, greatest
        raw = zlib.decompress(buckets)
        number = len(raw) // 12
        steps, counts, key = array("i", raw[: 4 * number]), array("d", raw[4 * number :]), 0
        for step, each in zip(steps, counts, strict=True):
            key += step
            made.buckets[key] = each
        return made


def bucket(value: float) -> int:
    """The key of the bucket that a value falls in; keys are in the order of values."""
    if value > 0:
        fraction, exponent = frexp(value)
        return _SHIFT + exponent * _FINE + int(fraction * (2 * _FINE))
    return -bucket(-value) if value < 0 else 0


def middle(key: int) -> float:
    """The value in the middle of a bucket."""
    if key <= 0:
        return -middle(-key) if key else 0.0
    exponent, fine = divmod(key - _SHIFT - _FINE, _FINE)
    return math.ldexp((_FINE + fine + 0.5) / (2 * _FINE), exponent)


def extended(name: str) -> tuple[str, float, float, bool]:
    """What an extended statistic asks for: its kind, from where, to where, and whether those are values or shares.

    >>> extended("tm95"), extended("PR(:300)")
    (('tm', 0.0, 0.95, False), ('pr', -inf, 300.0, True))
    """
    found = _EXTENDED.fullmatch(name)
    if found is None:
        raise Invalid(f"There is no statistic {name!r}. Use {', '.join(BASIC)}, or one such as p99, tm95 or PR(:300).")
    if found["iqm"]:
        return "tm", 0.25, 0.75, False
    if found["one"]:
        return found["one"].lower(), 0.0, float(found["high"]) / 100, False
    kind, low, high = found["two"].lower(), found["from"], found["to"]
    shares = [bool(_PERCENT.fullmatch(each)) for each in (low, high) if each]
    try:
        if not shares:
            raise ValueError
        if all(shares) and kind != "pr":
            return kind, float(low[:-1] or 0) / 100 if low else 0.0, float(high[:-1]) / 100 if high else 1.0, False
        return kind, float(low) if low else -math.inf, float(high) if high else math.inf, True
    except ValueError as error:
        raise Invalid(f"The bounds of {name!r} are neither two percentages nor two numbers. Correct them.") from error
