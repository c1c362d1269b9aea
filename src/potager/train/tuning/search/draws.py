"""Draws at random that can be repeated: each proposal has a generator of its own, out of the seed and its number.

So a draw depends on how many trials there were before it and on nothing that happened to them: two runs with the same
`RandomSeed` try the same values, however their trials overlap.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from itertools import product

from potager.train.tuning.search.ranges import Choice, unquoted
from potager.train.tuning.search.spaces import Space

TRIES = 50
"""Draws before the points that are left are counted."""
COUNTABLE = 20_000
"""Spaces of at most so many points are listed when draws keep hitting points that were tried."""

Point = tuple[str, ...]


def point(space: Space, values: Mapping[str, str]) -> Point | None:
    """The tuned values in the order of the ranges, comparable; None where one is missing."""
    if any(each.name not in values for each in space.ranges):
        return None
    return tuple(unquoted(values[each.name]) for each in space.ranges)


def generator(seed: int | str, space: int, number: int) -> random.Random:
    """The generator of one proposal."""
    return random.Random(f"{seed}/{space}/{number}")  # noqa: S311 - to search, not to keep secrets


def drawn(space: Space, chance: random.Random, seen: Iterable[Point]) -> dict[str, str] | None:
    """Values drawn evenly on their scales, not among those `seen`; None when every point was."""
    known = set(seen)
    for _ in range(TRIES):
        values = space.values([chance.random() for _ in space.ranges])
        if point(space, values) not in known:
            return values
    return _left(space, chance, known)


def exhausted(space: Space, seen: Iterable[Point]) -> bool:
    """Whether every point of a space was seen."""
    return space.size is not None and len(set(seen)) >= space.size


def _left(space: Space, chance: random.Random, known: set[Point]) -> dict[str, str] | None:
    size = space.size
    if size is None or size > COUNTABLE:
        return None if exhausted(space, known) else space.values([chance.random() for _ in space.ranges])
    left = [values for values in every(space) if point(space, values) not in known]
    return chance.choice(left) if left else None


def every(space: Space) -> Iterable[dict[str, str]]:
    """Every point of a space that has an end of them, in the order of its ranges, the last varying fastest."""
    sizes = [each.size or 0 for each in space.ranges]
    texts = [
        each.values if isinstance(each, Choice) else tuple(str(int(each.low) + step) for step in range(size))
        for each, size in zip(space.ranges, sizes, strict=True)
    ]
    names = [each.name for each in space.ranges]
    return (dict(zip(names, words, strict=True)) for words in product(*texts))
