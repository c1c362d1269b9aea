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
from collections.abc import Sequence

from potager.train.tuning.search.trials import Plan, Trial

ETA = 3
"""One in so many goes on from a rung."""


def allowance(plan: Plan) -> int | None:
    """After how many reports a trial ends at the latest, None where the strategy is another."""
    return plan.max_resource if plan.strategy == "Hyperband" else None


def ladders(plan: Plan) -> list[list[int]]:
    """The rungs of each bracket, the most eager bracket first; the last has none."""
    least, most = plan.min_resource, plan.max_resource
    brackets = 0
    while least * ETA ** (brackets + 1) <= most:
        brackets += 1
    eager = [least * ETA**step for step in range(brackets + 1)]
    eager = [rung for rung in eager if rung < most]
    return [eager[first:] for first in range(len(eager) + 1)]


def dealt(plan: Plan, number: int) -> list[int]:
    """The rungs of the trial of that number in its space, from 0."""
    brackets = ladders(plan)
    shares = [math.ceil(len(brackets) / (len(rungs) + 1) * ETA ** len(rungs)) for rungs in brackets]
    given = [0] * len(brackets)
    chosen = 0
    for turn in range(1, number + 2):
        chosen = max(range(len(brackets)), key=lambda each: (shares[each] * turn / sum(shares) - given[each], -each))
        given[chosen] += 1
    return brackets[chosen]


def surpassed(plan: Plan, trials: Sequence[Trial], index: int) -> bool:
    """Whether a running trial fell behind at the last rung that it reached, or has gone past `MaxResource`."""
    trial = trials[index]
    reached = trial.curve[-1][0] if trial.curve else 0
    if reached > plan.max_resource:
        return True
    peers = [place for place, each in enumerate(trials) if not each.prior and each.space == trial.space]
    rungs = {place: dealt(plan, number) for number, place in enumerate(peers)}
    passed = [rung for rung in rungs[index] if rung <= reached]
    if not passed:
        return False
    rung, sign = passed[-1], -1.0 if plan.maximize[trial.space] else 1.0
    mine = _loss_at(trial, rung, sign)
    others = [
        _loss_at(trials[place], rung, sign)
        for place in peers
        if rungs[place] == rungs[index] and trials[place].curve and trials[place].curve[-1][0] >= rung
    ]
    better = sum(loss < mine for loss in others)
    return not math.isfinite(mine) or better >= max(1, len(others) // ETA)


def _loss_at(trial: Trial, rung: int, sign: float) -> float:
    values = [value for step, value in trial.curve if step <= rung]
    loss = sign * values[-1] if values else math.inf
    return math.inf if math.isnan(loss) else loss
