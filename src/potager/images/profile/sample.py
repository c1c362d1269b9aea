"""A random sample of rows, of a bounded size, taken while they stream by: all of them where they are few.

Each row so far is in it with the same chance. Source: J. S. Vitter, Random sampling with a reservoir, algorithm R (ACM
TOMS 11, 1985).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_ROWS = 20_000
MOST_CELLS = 2_000_000


class Sample:
    """`rows`: the rows sampled; `seen`: how many there were."""

    def __init__(self, width: int, seed: int) -> None:
        self._most = max(200, min(MOST_ROWS, MOST_CELLS // max(width, 1)))
        self._random = np.random.default_rng(seed)
        self.rows: list[Sequence[str]] = []
        self.seen = 0

    @property
    def whole(self) -> bool:
        """Whether it holds every row."""
        return self.seen == len(self.rows)

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Takes the next rows."""
        room = max(0, self._most - len(self.rows))
        self.rows += rows[:room]
        self.seen += min(room, len(rows))
        late = rows[room:]
        if not late:
            return
        places = self._random.integers(0, np.arange(self.seen + 1, self.seen + len(late) + 1))
        for at in np.flatnonzero(places < self._most).tolist():
            self.rows[int(places[at])] = late[at]
        self.seen += len(late)
