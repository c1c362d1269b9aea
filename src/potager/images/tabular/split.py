"""Which part each row goes to: drawn, and in every class as many as its share says."""

from __future__ import annotations

import random
from collections.abc import Mapping

TRAIN = "train"


class Split:
    """Gives rows to parts in one pass, the same ones each time.

    Of the n rows of a class, round(n * share) are drawn for each part, all sets of them as likely (Knuth, The Art of
    Computer Programming, vol. 2, algorithm 3.4.2S). A class keeps at least one row to train on.

    Parameters
    ----------
    shares : by part. counts : rows by label; all rows are of the label 0 where the target is no class.
    """

    def __init__(self, shares: Mapping[str, float], counts: Mapping[int, int], seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  (a split keeps no secret)
        self._left = dict(counts)
        self._wanted = {label: _wanted(shares, count) for label, count in counts.items()}

    def part(self, label: int) -> str:
        """The part of the next row."""
        left, wanted = self._left[label], self._wanted[label]
        self._left[label] -= 1
        drawn = self._random.random() * left
        for name, count in wanted.items():
            if drawn < count:
                wanted[name] -= 1
                return name
            drawn -= count
        return TRAIN


def _wanted(shares: Mapping[str, float], count: int) -> dict[str, int]:
    found = {name: round(share * count) for name, share in shares.items()}
    while found and sum(found.values()) >= count > 0 and max(found.values()):
        found[max(found, key=lambda name: found[name])] -= 1
    return found
