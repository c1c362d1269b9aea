"""What is to be predicted: a number, one of two classes, or one of several.

On AWS the model id says whether it is a class (`lightgbm-classification-model`) and the labels which of the two kinds.
Here the hyperparameter `objective` says so; at `auto` the metric does, and the labels where it does not either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import ClientError
from potager.images.boosting.frames import Labels

REGRESSION, BINARY, MULTICLASS, CLASSIFICATION, AUTO = "regression", "binary", "multiclass", "classification", "auto"
KINDS = (AUTO, CLASSIFICATION, BINARY, MULTICLASS, REGRESSION)
"""What `objective` may say in both images."""

_FEW = 30
"""Whole numbers of at most so many values are classes, where nobody says what they are."""

Class = str | int | float


@dataclass(frozen=True)
class Target:
    """`classes`: the labels of a classifier, in order; none of a regression."""

    kind: str
    classes: tuple[Class, ...] = ()

    def encode(self, labels: Labels, channel: str) -> Float64:
        """Class numbers of a classifier's labels, a regression's labels themselves; `(n_rows,)`."""
        if not self.classes:
            return _numbers(labels, channel)
        codes = {one: code for code, one in enumerate(self.classes)}
        known = {shown(label): code for label, code in codes.items()}
        distinct, inverse = np.unique(labels, return_inverse=True)
        for label in distinct:
            if shown(label) not in known:
                seen = ", ".join(map(str, self.classes[:10]))
                raise ClientError(
                    f"Channel '{channel}': label {shown(label)!r} never occurs in the train channel, whose labels are "
                    f"{seen}. Drop its rows, or add some to the train channel."
                )
        return np.array([known[shown(label)] for label in distinct], np.float64)[inverse.reshape(-1)]


def decide(objective: str, hinted: str, labels: Labels, channel: str) -> tuple[Target, str]:
    """The target of labels `(n_rows,)`, and why it is that.

    Parameters
    ----------
    objective : one of `KINDS`.
    hinted : what the metric speaks for, one of `KINDS`.
    """
    wish, reason = (objective, "objective") if objective != AUTO else (hinted, "metric")
    distinct = np.unique(labels)
    if wish == AUTO:
        wish = REGRESSION if _looks_continuous(distinct) else CLASSIFICATION
        reason = "labels; hyperparameter 'objective' would override it"
    if wish == REGRESSION:
        _numbers(labels, channel)
        return Target(REGRESSION), reason
    return _classes(wish, distinct, channel), reason


def _classes(wish: str, distinct: Labels, channel: str) -> Target:
    classes = tuple(shown(label) for label in distinct)
    if len(classes) == 1:
        raise ClientError(
            f"Channel '{channel}': every label is {classes[0]!r}. A classifier needs rows of at least two classes; "
            "check the label column (the first), or set objective to regression."
        )
    if wish == BINARY and len(classes) > 2:
        raise ClientError(
            f"Channel '{channel}' has {len(classes)} classes, but a binary objective or metric needs two. "
            "Set objective to multiclass or regression, or choose another metric."
        )
    return Target(BINARY if len(classes) == 2 and wish != MULTICLASS else MULTICLASS, classes)


def _looks_continuous(distinct: Labels) -> bool:
    if distinct.dtype == object:
        return False
    return len(distinct) > _FEW or bool(np.any(distinct != np.floor(distinct)))


def _numbers(labels: Labels, channel: str) -> Float64:
    if labels.dtype == object:
        bad: Sequence[str] = [label for label in labels if not _numeric(label)]
        raise ClientError(
            f"Channel '{channel}': label '{str(bad[0] if bad else labels[0])[:40]}' is not a number, as a regression "
            "needs. Replace it, or set objective to classification."
        )
    return labels


def _numeric(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def shown(label: str | float) -> Class:
    """A label as the table has it: whole numbers without their point."""
    if isinstance(label, str):
        return label
    return int(label) if float(label).is_integer() else float(label)
