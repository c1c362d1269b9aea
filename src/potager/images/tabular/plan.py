"""What is wanted of a table, `plan.json`, and what its columns are taken for.

{"target": "fraud", "problem": "auto", "drop": ["claim_id"], "shares": {"validation": 0.2, "test": 0},
 "categories": "one-hot", "levels": 20, "gaps": "mean", "scale": false, "seed": 0}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from potager.images.algorithm.errors import ClientError

PROBLEMS = ("auto", "classes", "number")
CATEGORIES = ("one-hot", "numbers")
GAPS = ("mean", "empty")


@dataclass(frozen=True)
class Plan:
    """What to make.

    Parameters
    ----------
    target : the column to predict, "" where there is none.
    problem : whether it has classes or is a number; auto: a number with more than `MOST_CLASSES` values, or with a
        fraction, is a number.
    drop : columns that are left out.
    shares : of the rows, 0 to below 1, by the name of the part; `train` gets the rest.
    categories : a column of 0 and 1 for each (one-hot), or their numbers, the most frequent first.
    levels : most categories of a column that are told apart.
    gaps : what stands for a missing number: the mean of the training rows, with a column beside it that says where, or
        an empty cell.
    scale : whether numbers are centred and divided by their deviation.
    seed : of the split.
    """

    target: str = ""
    problem: str = "auto"
    drop: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    categories: str = "one-hot"
    levels: int = 20
    gaps: str = "mean"
    scale: bool = False
    seed: int = 0

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan in a file; `ClientError` names the member that cannot be."""
        try:
            given: Any = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ClientError(f"plan.json cannot be read: {error}. Write it as JSON.") from error
        return cls.of(given)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Plan:
        """The plan that a document describes; `ClientError` names the member that cannot be."""
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown:
            raise ClientError(f"plan.json has '{unknown[0]}', which is no part of a plan. Leave it out.")
        try:
            plan = cls(
                target=str(given.get("target", "")),
                problem=_one(given, "problem", PROBLEMS),
                drop=tuple(map(str, given.get("drop", ()))),
                shares={str(name): float(share) for name, share in dict(given.get("shares", {})).items() if share},
                categories=_one(given, "categories", CATEGORIES),
                levels=int(given.get("levels", 20)),
                gaps=_one(given, "gaps", GAPS),
                scale=bool(given.get("scale", False)),
                seed=int(given.get("seed", 0)),
            )
        except (TypeError, ValueError) as error:
            raise ClientError(
                f"plan.json has a member of the wrong type: {error}. See docs/reference/tabular.md."
            ) from error
        plan._check()
        return plan

    def _check(self) -> None:
        if set(self.shares) - {"validation", "test"} or any(not 0 <= share < 1 for share in self.shares.values()):
            raise ClientError(
                f"The shares are {dict(self.shares)}, but must be of validation and test, each from 0 to below 1."
            )
        if sum(self.shares.values()) >= 1:
            raise ClientError(
                f"The shares {dict(self.shares)} leave no rows to train on. Let them add up to less than 1."
            )
        if not 1 <= self.levels <= 1000:
            raise ClientError(f"levels is {self.levels}, but must be 1 to 1000.")
        if self.target and self.target in self.drop:
            raise ClientError(f"The target '{self.target}' cannot be left out. Choose another target, or keep it.")


def _one(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = str(given.get(name, allowed[0]))
    if value not in allowed:
        raise ClientError(f"{name} is '{value}', but must be {' or '.join(allowed)}.")
    return value
