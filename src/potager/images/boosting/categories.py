"""The categories of a column: text in the table, a number in memory, and the same number again when serving.

A category that is a whole number is the same however it is written (`3`, `3.0`, ` 3`): data frames write integers with
gaps as floats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.errors import ClientError

UNSEEN = -1.0
"""The number of a category that training never saw."""

_WHOLE = re.compile(r"[+-]?\d+(?:\.0*)?")
_MOST = 1 << 24  # codes that float32 tells apart


def canonical(text: str) -> str:
    """The category that a cell names; "" is a gap."""
    word = text.strip()
    return str(int(word.partition(".")[0])) if _WHOLE.fullmatch(word) and len(word) < 40 else word


class Vocabulary:
    """The categories of one column. It learns new ones until it is closed.

    >>> colours = Vocabulary()
    >>> colours.codes(["red", "blue"]).tolist(), colours.close().tolist(), colours.words
    ([0.0, 1.0], [1.0, 0.0], ['blue', 'red'])
    >>> colours.codes(["blue", "green"]).tolist()
    [0.0, -1.0]
    """

    def __init__(self, words: Sequence[str] = (), closed: bool = False) -> None:
        self._codes = {word: code for code, word in enumerate(words)}
        self._closed = closed

    @property
    def words(self) -> list[str]:
        """The category of each number."""
        return list(self._codes)

    def codes(self, cells: Iterable[str]) -> Float32:
        """The numbers of cells: NaN for a gap, `UNSEEN` for what is not known once it is closed."""
        return np.array([self._code(canonical(cell)) for cell in cells], np.float32)

    def _code(self, word: str) -> float:
        if not word:
            return float("nan")
        if self._closed:
            return self._codes.get(word, UNSEEN)
        if len(self._codes) >= _MOST:
            raise ClientError(f"A categorical column has more than {_MOST} categories. Leave it out, or group them.")
        return self._codes.setdefault(word, len(self._codes))

    def close(self) -> Float32:
        """Puts the categories in order, numbers before words, and learns no more; the new number of each old one."""
        order = sorted(self._codes, key=lambda word: (0, int(word), "") if _WHOLE.fullmatch(word) else (1, 0, word))
        renamed = {word: code for code, word in enumerate(order)}
        moved = np.array([renamed[word] for word in self._codes], np.float32)
        self._codes, self._closed = renamed, True
        return moved
