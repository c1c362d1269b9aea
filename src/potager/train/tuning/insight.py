"""What a tuning job's page asks of the search, given what Describe and List tell: no rows, no clock, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from potager.train.tuning import planning
from potager.train.tuning.search import Space
from potager.train.tuning.search.automatic import hinted, recommended
from potager.train.tuning.search.numerics import numeric
from potager.train.tuning.search.ranges import LOGARITHMIC, Choice, Number, Range, unquoted

if TYPE_CHECKING:
    from potager.train.tuning.search.importance import Importance

__all__ = [
    "LOGARITHMIC",
    "Choice",
    "Number",
    "Range",
    "Space",
    "hinted",
    "recommended",
    "spaces",
    "unquoted",
    "weighed",
]

spaces = planning.spaces


def weighed(space: Space, tried: Sequence[tuple[Mapping[str, str], float]]) -> tuple[Importance | None, int]:
    """How much each hyperparameter mattered, None where that cannot be said, and how many trials it needs.

    It computes for a second or so: not for the event loop.
    """
    module: Any = numeric("importance")
    return module.importance(space, tried), module.needed(space)
