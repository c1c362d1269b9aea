"""The median rule on curves made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from potager.train.tuning.search import Trial, hopeless
from tests.unit.train.tuning.search.wire import continuous, plan, space

SPACE = space(continuous("x", 0, 1))
ASKED = plan(SPACE, strategy="Bayesian", TrainingJobEarlyStoppingType="Auto")


def ended(*values: float) -> Trial:
    return Trial(0, {"x": "0"}, "done", values[-1], tuple(enumerate(values, 1)))


def running(*values: float) -> Trial:
    return replace(ended(*values), state="running", value=None)


BEFORE = [ended(0.2, 0.4, 0.9), ended(0.3, 0.5, 0.9), ended(0.4, 0.6, 0.9)]
"""Averages 0.3, 0.4 and 0.5 at the second report, 0.5, 0.567 and 0.633 at the third."""


@pytest.mark.parametrize(
    ("curve", "stopped"),
    [
        ((0.1, 0.39), True),
        ((0.1, 0.41), False),
        ((0.9, 0.9, 0.56), True),
        ((0.1, 0.1, 0.57), False),
        ((0.1,), False),
        ((0.1, float("nan")), True),
        ((), False),
    ],
)
def test_a_trial_worse_than_the_median_of_the_averages_is_stopped(curve: tuple[float, ...], stopped: bool) -> None:
    trial = Trial(0, {"x": "0"}, curve=tuple(enumerate(curve, 1)))
    assert hopeless(ASKED, [*BEFORE, trial], 3) is stopped


def test_worse_is_higher_where_the_objective_is_minimised() -> None:
    asked = replace(ASKED, maximize=(False,))
    assert hopeless(asked, [*BEFORE, running(0.1, 0.41)], 3)
    assert not hopeless(asked, [*BEFORE, running(0.1, 0.39)], 3)


def test_a_step_that_others_never_came_to_decides_nothing() -> None:
    assert not hopeless(ASKED, [*BEFORE, running(0, 0, 0, 0)], 3)


def test_it_takes_three_that_have_ended() -> None:
    trials = [*BEFORE[:2], running(0.9, 0.9), running(0.1, 0.1)]
    assert not hopeless(ASKED, trials, 3)


def test_parents_and_other_definitions_do_not_count() -> None:
    asked = plan(SPACE, SPACE, strategy="Random", TrainingJobEarlyStoppingType="Auto")
    parents = [replace(trial, prior="parent") for trial in BEFORE]
    others = [replace(trial, space=1) for trial in BEFORE]
    assert not hopeless(asked, [*parents, *others, running(0.1, 0.1)], 6)


def test_nothing_is_stopped_where_nobody_asked_or_when_it_has_ended() -> None:
    assert not hopeless(replace(ASKED, early_stopping=False), [*BEFORE, running(0, 0)], 3)
    assert not hopeless(ASKED, [*BEFORE, ended(0, 0)], 3)
