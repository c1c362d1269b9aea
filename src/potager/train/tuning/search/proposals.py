"""What to try next: the space whose turn it is, and in it the strategy's choice.

Definitions share a job's budget evenly: the one with the fewest trials comes next, the first among equals, and each
is searched by itself. One that is exhausted leaves its part to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from potager.train.tuning.search import draws, hyperband
from potager.train.tuning.search.numerics import numeric
from potager.train.tuning.search.trials import Plan, Proposal, Trial, own


def propose(plan: Plan, trials: Sequence[Trial]) -> Proposal | None:
    """The next trial; None when nothing is left to try, or the plan's limit is reached.

    `trials` are in the order in which they began, parents' among them (`Trial.prior`); those that run count.
    """
    began = own(trials)
    if plan.limit is not None and len(began) >= plan.limit:
        return None
    counts = [sum(trial.space == space for trial in began) for space in range(len(plan.spaces))]
    for space in sorted(range(len(counts)), key=lambda each: counts[each]):
        proposal = _within(plan, trials, space, counts[space])
        if proposal is not None:
            return proposal
    return None


def count(plan: Plan) -> int | None:
    """How many training jobs there are to be: the limit, of a grid its size; None without either."""
    if plan.strategy == "Grid":
        return sum(space.size or 0 for space in plan.spaces)
    return plan.limit


def _within(plan: Plan, trials: Sequence[Trial], space: int, number: int) -> Proposal | None:
    here = plan.spaces[space]
    seen = {
        point
        for trial in trials
        if trial.space == space and (not trial.prior or _binding(plan, trial))
        if (point := draws.point(here, trial.values)) is not None
    }
    if plan.strategy == "Grid":
        values = next((each for each in draws.every(here) if draws.point(here, each) not in seen), None)
    elif draws.exhausted(here, seen):
        values = None
    elif plan.strategy == "Bayesian":
        values = numeric("bayesian").chosen(plan, trials, space, number, seen)
    else:
        values = draws.drawn(here, draws.generator(plan.seed, space, number), seen)
    if values is None:
        return None
    return Proposal(space, values, hyperband.allowance(plan))


def _binding(plan: Plan, trial: Trial) -> bool:
    """Whether a parent's point is not to be tried again: it is one of this space, of the same data and algorithm."""
    return plan.strategy != "Grid" and not plan.transfer and plan.spaces[trial.space].holds(trial.values)
