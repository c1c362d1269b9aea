"""Early stopping by the median rule: a trial that does worse than the median of the earlier ones did on average is
stopped.

At its last report the trial's objective is compared with the median of the running averages, up to the same report,
of the trials of its definition that have ended and came as far. AWS documents the rule; that `ENDED` trials must be
there first, and that the first report of a trial decides nothing (its average is that one value: half of all trials
would end there), is ours.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from statistics import fmean, median

from potager.train.tuning.search.trials import Plan, Trial

ENDED = 3
"""Trials that must have ended before one is stopped."""
REPORTS = 2
"""Reports that a trial has made before it is stopped."""


def behind(plan: Plan, trials: Sequence[Trial], index: int) -> bool:
    """Whether the median rule stops a running trial."""
    trial = trials[index]
    if len(trial.curve) < REPORTS:
        return False
    step, value = trial.curve[-1]
    averages = [
        average
        for place, each in enumerate(trials)
        if place != index and not each.prior and each.space == trial.space and each.state in ("done", "stopped")
        if (average := _average(each, step)) is not None
    ]
    if len(averages) < ENDED:
        return False
    if not math.isfinite(value):
        return True
    middle = median(averages)
    return value < middle if plan.maximize[trial.space] else value > middle


def _average(trial: Trial, step: int) -> float | None:
    """The mean of a curve up to a step, None where it ends before."""
    if not trial.curve or trial.curve[-1][0] < step:
        return None
    reports = trial.curve[: bisect_right(trial.curve, step, key=itemgetter(0))]
    values = [value for _, value in reports if math.isfinite(value)]
    return fmean(values) if values else None
