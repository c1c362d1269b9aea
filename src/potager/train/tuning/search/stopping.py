"""What to give up: whether a running trial is stopped before its end, and by which rule."""

from __future__ import annotations

from collections.abc import Sequence

from potager.train.tuning.search import hyperband, median
from potager.train.tuning.search.trials import Plan, Trial


def hopeless(plan: Plan, trials: Sequence[Trial], index: int) -> bool:
    """Whether `trials[index]` is to be stopped; False for one that does not run any more.

    Hyperband has rungs, other strategies the median rule where the job asks for early stopping.
    """
    if trials[index].state != "running":
        return False
    if plan.strategy == "Hyperband":
        return hyperband.surpassed(plan, trials, index)
    return plan.early_stopping and median.behind(plan, trials, index)
