"""What streams by of one column: gaps, kinds of cells, values and how often, moments, all within a bounded memory.

A block's cells are counted first, so that each different text is looked at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from potager.images.profile.cells import is_gap, kind
from potager.images.profile.moments import Floats, Moments
from potager.images.profile.sketch import Sketch

LONGEST = 200
"""Characters of a value that are kept; of a longer one the beginning and a digest, so that two stay two."""
MOST_VALUES = 50_000
"""Different values of a column whose counts are kept, fewer where there are many columns."""
ALL_VALUES = 2_000_000
"""The same, of all columns together."""
SHOWN = 3
"""Cells that are kept as examples of each kind, with their rows."""


class Column:
    """One column as far as it was read.

    Attributes
    ----------
    name, place : what it is called, and its number, counted from 1.
    rows, gaps : cells so far, and those of them that are empty.
    spellings : how gaps are spelt, and how often.
    kinds : cells by `cells.kind`.
    examples : of each kind, some (row, text); rows are counted from 1.
    counts : how often each value comes; those that came first where there are too many, and then `sketch` counts.
    characters : of all cells. longest : of one. padded : cells with blanks around. words : blanks within all cells.
    codes : numbers of several digits that begin with 0. broken : cells with characters that could not be read.
    rising : whether the numbers of the cells rose from row to row.
    """

    def __init__(self, name: str, place: int, columns: int) -> None:
        self.name, self.place = name, place
        self.rows = self.gaps = self.characters = self.longest = self.padded = self.words = 0
        self.codes = self.broken = 0
        self.spellings: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[int, str]]] = {}
        self.counts: Counter[str] = Counter()
        self.sketch: Sketch | None = None
        self.numbers, self.dressed, self.dates = Moments(), Moments(), Moments()
        self.first: list[str] = []
        self._most = max(1000, min(MOST_VALUES, ALL_VALUES // max(columns, 1)))
        self._print = hashlib.blake2b(digest_size=16)

    @property
    def filled(self) -> int:
        """Cells that are no gaps."""
        return self.rows - self.gaps

    @property
    def distinct(self) -> int:
        """How many different values there are, gaps not counted."""
        return len(self.counts) if self.sketch is None else max(len(self.counts), self.sketch.estimate())

    @property
    def exact(self) -> bool:
        """Whether `distinct` and `counts` are exact."""
        return self.sketch is None

    @property
    def fingerprint(self) -> bytes:
        """The same for columns whose cells are the same."""
        return self._print.digest()

    def add(self, cells: Sequence[str]) -> None:
        """Takes the next cells, in the order of rows."""
        first = self.rows + 1
        self.rows += len(cells)
        counted = Counter(cells)
        self._print.update(repr(hash(tuple(cells))).encode())
        blank = {text: many for text, many in counted.items() if is_gap(text)}
        for text, many in blank.items():
            self.gaps += many
            self.spellings[text.strip()] += many
            del counted[text]
        if counted:
            self._look(counted, cells, first)
            self._keep(counted, cells, blank)

    def _look(self, counted: Counter[str], cells: Sequence[str], first: int) -> None:
        texts = list(counted)
        weights = np.fromiter(counted.values(), np.float64, len(counted))
        sizes = np.fromiter(map(len, texts), np.float64, len(texts))
        self.characters += int((sizes * weights).sum())
        self.longest = max(self.longest, int(sizes.max()))
        values = _plain(texts)
        if values is not None:
            self.kinds["number"] += int(weights.sum())
            self._remember("number", texts, cells, first)
            self.numbers.add(values, weights)
        else:
            self._sort_out(texts, weights, cells, first)
        self.codes += sum(counted[text] for text in texts if text[0] == "0" and len(text) > 1 and text.isdigit())

    def _sort_out(self, texts: list[str], weights: Floats, cells: Sequence[str], first: int) -> None:
        found = [kind(text) for text in texts]
        names, values = np.array([one[0] for one in found]), np.array([one[1] for one in found])
        for name in np.unique(names).tolist():
            here = names == name
            self.kinds[name] += int(weights[here].sum())
            places: list[int] = np.flatnonzero(here)[:SHOWN].tolist()
            self._remember(name, [texts[at] for at in places], cells, first)
        for name, moments in (("number", self.numbers), ("dressed", self.dressed), ("date", self.dates)):
            moments.add(values[names == name], weights[names == name])
        for text, many in zip(texts, weights.tolist(), strict=True):
            if text[0].isspace() or text[-1].isspace():
                self.padded += int(many)
            if " " in text:
                self.words += int(many) * text.strip().count(" ")
            if "\ufffd" in text:
                self.broken += int(many)

    def _remember(self, name: str, texts: Sequence[str], cells: Sequence[str], first: int) -> None:
        kept = self.examples.setdefault(name, [])
        for text in texts[: SHOWN - len(kept)]:
            kept.append((first + cells.index(text), text[:LONGEST]))

    def _keep(self, counted: Counter[str], cells: Sequence[str], blank: Iterable[str]) -> None:
        long = self.longest > LONGEST
        if long:
            counted = Counter({short(text): many for text, many in counted.items()})
        if len(self.first) < 5:
            self.first += [text for text in counted if text not in self.first][: 5 - len(self.first)]
        if self.sketch is None and len(self.counts) + len(counted) > 2 * self._most:
            self.sketch = Sketch()
            self.sketch.add(self.counts)
        if self.sketch is None:
            if long or len(counted) < len(cells) // 4:
                self.counts.update(counted)
            else:
                self.counts.update(cells)  # that of a sequence is counted in C
                for text in blank:
                    del self.counts[text]
            if len(self.counts) > self._most:
                self.sketch = Sketch()
                self.sketch.add(self.counts)
            return
        self.sketch.add(counted)
        for text in counted.keys() & self.counts.keys():
            self.counts[text] += counted[text]


def short(text: str) -> str:
    """A value as it is kept."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… {hashlib.blake2b(text.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def _plain(texts: list[str]) -> Floats | None:
    """The numbers that the texts are, None where one is none, or not finite."""
    if texts[0][0].isalpha():
        return None
    try:
        values = np.array(texts, object).astype(np.float64)
    except ValueError:
        return None
    if not np.isfinite(values).all() or any("_" in text for text in texts):
        return None
    return values
