"""Targets, trials without improvement, convergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from potager.train.tuning.search import Criteria, Trial, converged, finished, not_improving
from tests.unit.train.tuning.search.wire import continuous, plan, space

ASKED = plan(space(continuous("x", 0, 1)))


def ended(*values: float | None, space: int = 0) -> list[Trial]:
    return [Trial(space, {"x": "0"}, "failed" if value is None else "done", value) for value in values]


@pytest.mark.parametrize(
    ("values", "maximize", "reached"),
    [((0.5, 0.9), True, True), ((0.5, 0.89), True, False), ((0.5,), False, True), ((0.91, 1.5), False, False)],
)
def test_a_target_is_reached_from_its_own_side(values: Sequence[float], maximize: bool, reached: bool) -> None:
    asked = replace(ASKED, maximize=(maximize,), criteria=Criteria(target=0.9))
    assert (finished(asked, ended(*values)) == "TargetObjectiveMetricValue") is reached


def test_an_objective_of_a_running_or_failed_trial_or_of_a_parent_reaches_nothing() -> None:
    asked = replace(ASKED, criteria=Criteria(target=0.9))
    trial = ended(0.95)[0]
    for other in (replace(trial, state="running"), replace(trial, state="failed"), replace(trial, prior="parent")):
        assert finished(asked, [other]) is None


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ((), 0),
        ((0.5,), 0),
        ((0.5, 0.4, 0.504), 2),
        ((0.5, 0.4, 0.506), 0),
        ((0.5, None, 0.4), 1),
        ((-1.0, -0.995, -0.98), 0),
        ((0.0, 0.001), 0),
    ],
)
def test_an_improvement_is_one_by_more_than_a_hundredth(values: Sequence[float | None], since: int) -> None:
    assert not_improving(ASKED, ended(*values)) == since


def test_a_job_ends_when_so_many_trials_brought_nothing() -> None:
    asked = replace(ASKED, criteria=Criteria(not_improving=3))
    assert finished(asked, ended(0.5, 0.1, 0.1)) is None
    assert finished(asked, ended(0.5, 0.1, 0.1, 0.1)) == "BestObjectiveNotImproving"


def test_an_improvement_in_any_definition_counts() -> None:
    asked = plan(*ASKED.spaces, *ASKED.spaces)
    trials = [*ended(0.9), *ended(0.1, space=1), *ended(0.9), *ended(0.2, space=1)]
    assert not_improving(asked, trials) == 0
    assert not_improving(asked, [*trials, *ended(0.8), *ended(0.2, space=1)]) == 2


def test_convergence_wants_trials_before_and_trials_without_improvement() -> None:
    rising = [step / 10 for step in range(1, 11)]
    assert not converged(ASKED, ended(*rising, *(2 + value for value in rising)))
    assert converged(ASKED, ended(*rising, *[0.5] * 10))
    assert not converged(ASKED, ended(*rising, *[0.5] * 9))
    assert not converged(ASKED, ended(1.0, *[0.5] * 12))
    done = ended(*rising, *[0.5] * 10)
    assert finished(ASKED, done) is None
    assert finished(replace(ASKED, criteria=Criteria(on_convergence=True)), done) == "ConvergenceDetected"


def test_more_hyperparameters_take_more_trials_to_converge() -> None:
    wide = plan(space(*(continuous(f"x{number}", 0, 1) for number in range(8))))
    assert not converged(wide, ended(*range(1, 17), *[0.5] * 15))
    assert converged(wide, ended(*range(1, 17), *[0.5] * 16))
