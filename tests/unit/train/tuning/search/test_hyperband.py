"""Rungs and brackets on curves made by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from potager.train.tuning.search import Plan, Trial, hopeless, propose
from potager.train.tuning.search.hyperband import _deals, dealt, ladders  # pyright: ignore[reportPrivateUsage]
from tests.unit.train.tuning.search.wire import continuous, plan, space


def band(least: int, most: int) -> Plan:
    resources = {"HyperbandStrategyConfig": {"MinResource": least, "MaxResource": most}}
    return plan(space(continuous("x", 0, 1)), strategy="Hyperband", StrategyConfig=resources)


def reported(*values: float) -> Trial:
    return Trial(0, {"x": "0.5"}, curve=tuple(enumerate(values, 1)))


def eager(plan: Plan, most: int) -> list[int]:
    """The numbers of the trials that are dealt to the most eager bracket."""
    return [number for number in range(most) if dealt(plan, number) == ladders(plan.min_resource, plan.max_resource)[0]]


def test_rungs_are_three_times_apart_and_brackets_begin_ever_later() -> None:
    assert ladders(1, 81) == [[1, 3, 9, 27], [3, 9, 27], [9, 27], [27], []]
    assert ladders(2, 10) == [[2, 6], [6], []]
    assert ladders(5, 6) == [[5], []]


def test_trials_are_dealt_in_hyperbands_proportion() -> None:
    dealings = Counter(len(dealt(band(1, 81), number)) for number in range(143))
    assert dealings == {4: 81, 3: 34, 2: 15, 1: 8, 0: 5}
    assert len(dealt(band(1, 81), 0)) == 4


@given(st.integers(1, 50), st.integers(2, 500), st.integers(0, 60))
def test_rungs_lie_below_the_most_and_not_below_the_least(least: int, more: int, number: int) -> None:
    rungs = dealt(band(least, least + more), number)
    assert all(least <= rung < least + more for rung in rungs)
    assert rungs == sorted(set(rungs))


def test_the_first_to_reach_a_rung_goes_on_and_a_worse_one_does_not() -> None:
    asked = band(1, 9)
    first, second = eager(asked, 20)[:2]
    trials = [reported() for _ in range(second + 1)]
    trials[first] = reported(0.5)
    assert not hopeless(asked, trials, first)
    trials[second] = reported(0.4)
    assert hopeless(asked, trials, second)
    trials[second] = reported(0.6)
    assert not hopeless(asked, trials, second)


def test_the_best_third_of_a_rung_goes_on() -> None:
    asked = band(1, 27)
    numbers = eager(asked, 30)[:9]
    trials = [reported() for _ in range(numbers[-1] + 1)]
    for rank, number in enumerate(numbers):
        trials[number] = reported(rank / 10)
    assert [hopeless(asked, trials, number) for number in numbers] == [True] * 6 + [False] * 3


def test_a_trial_between_rungs_is_judged_by_where_it_stood_at_the_last() -> None:
    asked = band(2, 18)
    first, second = eager(asked, 20)[:2]
    trials = [reported() for _ in range(second + 1)]
    trials[first] = reported(0.1, 0.5, 0.9)
    trials[second] = reported(0.9)
    assert not hopeless(asked, trials, second)
    trials[second] = reported(0.9, 0.4, 0.95, 0.99)
    assert hopeless(asked, trials, second)


def test_a_trial_that_reports_no_number_at_a_rung_is_given_up() -> None:
    asked = band(1, 9)
    trials = [reported() for _ in range(eager(asked, 9)[0] + 1)]
    trials[-1] = reported(float("nan"))
    assert hopeless(asked, trials, len(trials) - 1)


def test_what_goes_past_the_most_is_stopped_and_what_reaches_it_may_end_by_itself() -> None:
    asked = band(1, 3)
    assert not hopeless(asked, [reported(1, 1, 1)], 0)
    assert hopeless(asked, [reported(1, 1, 1, 1)], 0)
    assert not hopeless(asked, [replace(reported(1, 1, 1, 1), state="stopped")], 0)


def test_proposals_say_how_far_a_trial_may_go() -> None:
    proposal = propose(band(1, 9), [])
    assert proposal is not None
    assert proposal.resource == 9


def test_parents_and_other_definitions_do_not_stand_on_the_rungs() -> None:
    asked = band(1, 9)
    asked = replace(asked, spaces=(*asked.spaces, *asked.spaces), maximize=(True, True))
    parent = replace(reported(0.9), prior="parent", state="done")
    other = replace(reported(0.9), space=1)
    assert not hopeless(asked, [parent, other, reported(0.1)], 2)


def test_a_look_at_many_trials_deals_them_out_once() -> None:
    asked = band(1, 80)
    trials = [reported(*range(1, 60)) for _ in range(321)]
    before = _deals.cache_info().misses
    for index in range(len(trials)):
        hopeless(asked, trials, index)
    assert _deals.cache_info().misses == before + 1
