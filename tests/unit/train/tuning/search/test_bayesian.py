"""Bayesian search learns from what trials came to, of its own and its parents'."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from potager.train.tuning.search import Plan, Trial, propose
from potager.train.tuning.search.bayesian import SAME
from tests.unit.train.tuning.search.wire import categorical, continuous, integer, plan, space

SPACE = space(
    continuous("rate", 1e-5, 1, "Logarithmic"),
    continuous("share", 0, 1),
    integer("depth", 1, 20),
    categorical("kind", "a", "b", "c"),
)


def bowl(values: Mapping[str, str]) -> float:
    """Best, at 0, where rate is 0.01, share 0.7, depth 8 and kind b."""
    rate, share, depth = math.log10(float(values["rate"])) + 2, float(values["share"]) - 0.7, int(values["depth"]) - 8
    return -(rate**2 + 4 * share**2 + (depth / 5) ** 2 + (0 if values["kind"] == "b" else 1))


def search(asked: Plan, judge: Callable[[Mapping[str, str]], float], most: int, parallel: int = 1) -> list[Trial]:
    """The trials of a job, of which `parallel` run at a time."""
    trials: list[Trial] = []
    for began in range(most + parallel):
        if began >= parallel:
            ended = trials[began - parallel]
            trials[began - parallel] = replace(ended, state="done", value=judge(ended.values))
        if began < most:
            proposal = propose(asked, trials)
            assert proposal is not None
            trials.append(Trial(0, proposal.values))
    return trials


def best(trials: list[Trial]) -> float:
    return max(trial.value for trial in trials if trial.value is not None)


@pytest.mark.parametrize("parallel", [1, 4])
def test_it_comes_nearer_than_random_search(parallel: int) -> None:
    learned, drawn = (
        [best(search(plan(SPACE, strategy=strategy, RandomSeed=seed), bowl, 30, parallel)) for seed in range(3)]
        for strategy in ("Bayesian", "Random")
    )
    assert all(mine > its for mine, its in zip(learned, drawn, strict=True))
    assert sorted(learned)[1] > -0.1


def test_a_lower_objective_is_better_where_it_is_minimised() -> None:
    asked = replace(plan(SPACE, strategy="Bayesian"), maximize=(False,))
    assert min(trial.value or 0 for trial in search(asked, lambda values: -bowl(values), 30)) < 0.1


def test_the_same_trials_give_the_same_proposal() -> None:
    asked = plan(SPACE, strategy="Bayesian", RandomSeed=3)
    trials = search(asked, bowl, 12)
    assert propose(asked, trials) == propose(asked, list(trials))


def test_trials_in_parallel_keep_apart() -> None:
    asked = plan(space(continuous("x", 0, 1), continuous("y", 0, 1)), strategy="Bayesian")
    trials = search(asked, lambda values: -((float(values["x"]) - 0.5) ** 2) - float(values["y"]) ** 2, 10)
    for _ in range(4):
        proposal = propose(asked, trials)
        assert proposal is not None
        trials.append(Trial(0, proposal.values))
    placed = [asked.spaces[0].places(trial.values) or [] for trial in trials[-4:]]
    gaps = [math.dist(left, right) for number, left in enumerate(placed) for right in placed[:number]]
    assert min(gaps) >= SAME


def test_it_stays_away_from_where_trials_fail() -> None:
    asked = plan(space(continuous("x", 0, 1)), strategy="Bayesian")
    trials: list[Trial] = []
    for _ in range(20):
        proposal = propose(asked, trials)
        assert proposal is not None
        x = float(proposal.values["x"])
        trials.append(Trial(0, proposal.values, "failed" if x > 0.5 else "done", None if x > 0.5 else x))
    assert sum(trial.state == "failed" for trial in trials[6:]) < 8
    assert best(trials) > 0.45


@pytest.mark.parametrize("value", [0.5, math.nan, math.inf, -math.inf, 1e308])
def test_objectives_that_say_nothing_break_nothing(value: float) -> None:
    asked = plan(SPACE, strategy="Bayesian")
    trials = search(asked, lambda values: value if values["kind"] != "b" else 0.5, 12)
    assert len({tuple(trial.values.items()) for trial in trials}) == 12


def test_one_diverged_trial_does_not_hide_the_differences_of_the_others() -> None:
    asked = plan(SPACE, strategy="Bayesian", RandomSeed=1)
    assert best(search(asked, lambda values: -1e9 if float(values["rate"]) > 0.3 else bowl(values), 30)) > -0.3


def test_an_identical_parents_best_is_where_the_child_begins() -> None:
    parents = [replace(trial, prior="parent") for trial in search(plan(SPACE, strategy="Bayesian"), bowl, 30)]
    child = plan(SPACE, strategy="Bayesian", seed="child")
    first = propose(child, parents)
    assert first is not None
    assert bowl(first.values) > -1
    assert dict(first.values) not in [dict(trial.values) for trial in parents]


def test_what_a_parent_of_other_data_says_fades() -> None:
    here = space(continuous("x", 0, 1))
    parents = [Trial(0, {"x": str(step / 20)}, "done", -step * 1000.0, prior="parent") for step in range(21)]
    child = replace(plan(here, strategy="Bayesian"), transfer=True)
    first = propose(child, parents)
    assert first is not None
    assert float(first.values["x"]) < 0.3
    mine = [Trial(0, {"x": str(step / 8)}, "done", step / 8) for step in range(8)]
    later = propose(child, [*parents, *mine])
    assert later is not None
    assert float(later.values["x"]) > 0.7


def test_hundreds_of_trials_are_no_burden() -> None:
    asked = plan(SPACE, strategy="Bayesian")
    points = search(replace(asked, strategy="Random"), bowl, 400)
    proposal = propose(asked, points)
    assert proposal is not None
    assert bowl(proposal.values) > -1
