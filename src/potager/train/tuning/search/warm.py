"""Warm starts: what a job takes over from the trials of its parents, and which parents it may have.

A parent's trial counts where it ended with an objective and has every hyperparameter that is tuned now, tuned or
static then. Of `IdenticalDataAndAlgorithm` it counts as the job's own, but against no limit; of `TransferLearning`
its objectives are standardised by parent and fade (`bayesian`). Only Bayesian search learns from parents; Random and
Hyperband do not repeat their points, and Grid takes no notice.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from potager.kernel.errors import Invalid
from potager.train.tuning.search.spaces import Space
from potager.train.tuning.search.trials import Trial


@dataclass(frozen=True)
class Definition:
    """What must agree between a parent's training job definition and the child's: `job` is the tuning job's name."""

    job: str
    space: Space
    metric: str
    maximize: bool


def check(child: Definition, parent: Definition) -> None:
    """Refuses a parent whose definition does not fit the child's."""
    if (child.metric, child.maximize) != (parent.metric, parent.maximize):
        raise Invalid(
            f"The objective metric [{_objective(child)}] must be the same as that of the parent tuning job "
            f"[{parent.job}], [{_objective(parent)}]."
        )
    mine, its = _total(child.space), _total(parent.space)
    if mine != its:
        raise Invalid(
            f"The total number of static and tunable hyperparameters [{mine}] must be the same as that of the parent "
            f"tuning job [{parent.job}], [{its}]."
        )


def inherited(child: Space, place: int, parent: Definition, trials: Iterable[Trial]) -> list[Trial]:
    """A parent's trials as those that a plan's space takes over.

    Parameters
    ----------
    child, place : the space and its place in the plan.
    trials : the parent's own, in the order in which they began.
    """
    whole = (replace(trial, values={**parent.space.static, **trial.values}) for trial in trials if not trial.prior)
    return [
        Trial(place, trial.values, "done", trial.value, trial.curve, parent.job)
        for trial in whole
        if trial.state in ("done", "stopped") and trial.value is not None and math.isfinite(trial.value)
        if child.places(trial.values) is not None
    ]


def _objective(definition: Definition) -> str:
    return f"{'Maximize' if definition.maximize else 'Minimize'} {definition.metric}"


def _total(space: Space) -> int:
    return len(space.ranges) + len(space.static)
