"""Hyperband, asynchronously: many configurations begin, and at each rung only the best third goes on.

A bracket is a ladder of rungs, numbers of reports after which a trial is compared with those of its bracket that came
as far: the most eager begins at `MinResource`, each further one three times later, up to none at all before
`MaxResource`. Trials are dealt to the brackets in the proportion that Hyperband gives them, by their number. A trial
is compared when it reaches a rung, with whoever was there, so nothing waits (successive halving in its stopping
form).

Sources: Li et al., "Hyperband", JMLR 18 (2018); Li et al., "A system for massively parallel hyperparameter tuning"
(2020);
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

from potager.train.tuning.search.trials import Plan, Trial

ETA = 3
"""One in so many goes on from a rung."""


def allowance(plan: Plan) -> int | None:
    """After how many reports a trial ends at the latest, None where the strategy is another."""
    return plan.max_resource if plan.strategy == "Hyperband" else None


def ladders(least: int, most: int) -> list[list[int]]:
    """The rungs of each bracket, the most eager bracket first; the last has none."""
    brackets = 0
    while least * ETA ** (brackets + 1) <= most:
        brackets += 1
    eager = [least * ETA**step for step in range(brackets + 1)]
    eager = [rung for rung in eager if rung < most]
    return [eager[first:] for first in range(len(eager) + 1)]


def dealt(plan: Plan, number: int) -> list[int]:
    """The rungs of the trial of that number in its space, from 0."""
    least, most = plan.min_resource, plan.max_resource
    return ladders(least, most)[_deals(least, most, number + 1)[number]]


@lru_cache(maxsize=16)
def _deals(least: int, most: int, count: int) -> tuple[int, ...]:
    """Which bracket each of the first `count` trials of a space is dealt to."""
    brackets = ladders(least, most)
    shares = [math.ceil(len(brackets) / (len(rungs) + 1) * ETA ** len(rungs)) for rungs in brackets]
    total, given = sum(shares), [0] * len(brackets)
    chosen: list[int] = []
    for turn in range(1, count + 1):
        chosen.append(max(range(len(brackets)), key=lambda each: (shares[each] * turn / total - given[each], -each)))
        given[chosen[-1]] += 1
    return tuple(chosen)


def surpassed(plan: Plan, trials: Sequence[Trial], index: int) -> bool:
    """Whether a running trial fell behind at the last rung that it reached, or has gone past `MaxResource`."""
    trial = trials[index]
    reached = trial.curve[-1][0] if trial.curve else 0
    if reached > plan.max_resource:
        return True
    peers = [place for place, each in enumerate(trials) if not each.prior and each.space == trial.space]
    least, most = plan.min_resource, plan.max_resource
    brackets = dict(zip(peers, _deals(least, most, len(peers)), strict=True))
    passed = [rung for rung in ladders(least, most)[brackets[index]] if rung <= reached]
    if not passed:
        return False
    rung, sign = passed[-1], -1.0 if plan.maximize[trial.space] else 1.0
    mine = _loss_at(trial, rung, sign)
    others = [
        _loss_at(trials[place], rung, sign)
        for place in peers
        if brackets[place] == brackets[index] and trials[place].curve and trials[place].curve[-1][0] >= rung
    ]
    better = sum(loss < mine for loss in others)
    return not math.isfinite(mine) or better >= max(1, len(others) // ETA)


def _loss_at(trial: Trial, rung: int, sign: float) -> float:
    reports = bisect_right(trial.curve, rung, key=itemgetter(0))
    loss = sign * trial.curve[reports - 1][1] if reports else math.inf
    return math.inf if math.isnan(loss) else loss
