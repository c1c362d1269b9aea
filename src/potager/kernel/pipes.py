"""Data that a program reads from named pipes: what goes into them, and in which order.

    store/inputs.py writes plans ─► Pipe ─► whoever runs the program feeds the pipes, epoch after epoch

A plan is a file of JSON lines, one an item: a list of texts and of `{"file", "of"}`, a file beside the plan and what
it is called to the user. Items are what is shuffled and shared out; their parts stay together.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Pipe:
    """One channel's pipes, `<name>_0`, `<name>_1`, ...: each a whole pass over the data.

    Parameters
    ----------
    name : below /opt/ml, without the epoch: `input/data/train`.
    plan : the plan's file.
    record : whether each part becomes a RecordIO record; else the parts follow each other as they are.
    gzip : whether files are unpacked on their way.
    seed : of the order, a new one each epoch; None for the plan's order.
    host, hosts : whose part of the items is fed, 0 of 1 for all of them.
    """

    name: str
    plan: Path
    record: bool = False
    gzip: bool = False
    seed: int | None = None
    host: int = 0
    hosts: int = 1

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Pipe:
        """The pipe that `asdict` made `doc` of, be it by way of JSON."""
        values = dict(doc)
        values["plan"] = Path(doc["plan"])
        return cls(**values)


def order(count: int, seed: int | None, epoch: int = 0, host: int = 0, hosts: int = 1) -> Sequence[int]:
    """Which of `count` items a host gets, and in which order: every `hosts`-th one, of the shuffled ones with a seed.

    >>> order(5, None, host=1, hosts=2)
    range(1, 5, 2)
    >>> [list(order(4, 7, epoch)) for epoch in (0, 1, 0)]
    [[3, 2, 1, 0], [1, 3, 2, 0], [3, 2, 1, 0]]
    """
    if seed is None:
        return range(count)[host::hosts]
    shuffled = array("Q", range(count))
    random.Random(f"{seed}:{epoch}").shuffle(shuffled)  # noqa: S311 - an order that can be had again
    return shuffled[host::hosts]
