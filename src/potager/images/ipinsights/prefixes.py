"""Addresses as the networks that they lie in: of each length, which of the prefixes seen in training.

An address is in a /8, in a /12 of it, and so on to itself. Networks that at least two training events come from have a
vector each, by their length; all others of a length share one. So an address never seen is known by the networks
around it, and one from nowhere near is known to be that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Ints
from potager.images.ipinsights.events import Addresses

LENGTHS = (8, 12, 16, 20, 24, 28, 32)
_MOST = 1 << 17  # prefixes that have a vector of their own

Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Prefixes:
    """`keys`: `(n_prefixes,)`, ascending: length in the upper 32 bits, prefix in the lower, its other bits 0.

    Rows: one for each length, for what is in no known prefix of it, then one for each key.
    """

    keys: Keys

    def __len__(self) -> int:
        return len(LENGTHS) + len(self.keys)

    def rows(self, addresses: Addresses) -> Ints:
        """The row of each address at each length, `(n_addresses, n_lengths)`."""
        found = np.empty((len(addresses), len(LENGTHS)), np.int64)
        for place, length in enumerate(LENGTHS):
            keys = _keys(addresses, length)
            at = np.searchsorted(self.keys, keys)
            known = at < len(self.keys)
            known[known] = self.keys[at[known]] == keys[known]
            found[:, place] = np.where(known, len(LENGTHS) + at, place)
        return found


def learn(addresses: Addresses) -> Prefixes:
    """The prefixes that two addresses or more lie in, the most frequent ones where there are too many."""
    keys, counts = zip(*(np.unique(_keys(addresses, length), return_counts=True) for length in LENGTHS), strict=True)
    every, count = np.concatenate(keys), np.concatenate(counts)
    kept = np.flatnonzero(count > 1)
    if len(kept) > _MOST:
        kept = kept[np.argsort(-count[kept], kind="stable")[:_MOST]]
    return Prefixes(np.sort(every[kept]))


def _keys(addresses: Addresses, length: int) -> Keys:
    return addresses.astype(np.uint64) >> np.uint64(32 - length) << np.uint64(32 - length) | np.uint64(length << 32)


def bits(addresses: Addresses) -> NDArray[np.float32]:
    """The 32 bits of each address, the highest first, as -1 and 1: `(n_addresses, 32)`."""
    shifted = addresses[:, None] >> np.arange(31, -1, -1, dtype=np.uint32)
    return (shifted & np.uint32(1)).astype(np.float32) * 2 - 1
