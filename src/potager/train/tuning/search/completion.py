"""When a tuning job is complete before its budget is spent: a target, no improvement, convergence.

An improvement is one by more than 1 % of the best objective so far, as AWS defines it for both of the last.
Convergence is ours, for AWS does not tell its test: it is detected where the last trials, twice as many as
hyperparameters are tuned and at least `LEAST`, brought no improvement, and as many had ended before them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from potager.train.tuning.search.trials import Plan, Trial, own

TARGET = "TargetObjectiveMetricValue"
NOT_IMPROVING = "BestObjectiveNotImproving"
CONVERGED = "ConvergenceDetected"

SIGNIFICANT = 0.01
"""The part of the best objective by which a better one must exceed it to count as an improvement."""
LEAST = 10
"""Trials without improvement before convergence is spoken of."""


def finished(plan: Plan, trials: Sequence[Trial]) -> str | None:
    """The criterion that a job meets, by its name in `TuningJobCompletionCriteria`; None while it goes on."""
    criteria = plan.criteria
    if criteria.target is not None and any(_reaches(plan, trial, criteria.target) for trial in own(trials)):
        return TARGET
    if criteria.not_improving is not None and not_improving(plan, trials) >= criteria.not_improving:
        return NOT_IMPROVING
    return CONVERGED if criteria.on_convergence and converged(plan, trials) else None


def not_improving(plan: Plan, trials: Sequence[Trial]) -> int:
    """How many of the last trials that ended brought no improvement (`NumberOfTrainingJobsObjectiveNotImproving`).

    With several definitions, an improvement in any counts.
    """
    best: dict[int, float] = {}
    since = 0
    for trial in own(trials):
        if (value := _ended(plan, trial)) is None:
            continue
        known = best.get(trial.space)
        better = known is None or value > known + SIGNIFICANT * abs(known)
        since = 0 if better else since + 1
        if better:
            best[trial.space] = value
    return since


def converged(plan: Plan, trials: Sequence[Trial]) -> bool:
    """Whether the search has come to where further trials bring no significant improvement."""
    window = max(LEAST, 2 * sum(len(space.ranges) for space in plan.spaces))
    ended = sum(_ended(plan, trial) is not None for trial in own(trials))
    return ended >= 2 * window and not_improving(plan, trials) >= window


def _reaches(plan: Plan, trial: Trial, target: float) -> bool:
    value = _ended(plan, trial)
    return value is not None and value >= (target if plan.maximize[trial.space] else -target)


def _ended(plan: Plan, trial: Trial) -> float | None:
    """The objective of a trial that has ended with one, the higher the better."""
    if trial.state not in ("done", "stopped") or trial.value is None or math.isnan(trial.value):
        return None
    return trial.value if plan.maximize[trial.space] else -trial.value
