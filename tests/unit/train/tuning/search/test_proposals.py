"""Random and Grid, seeds, several definitions, exhaustion."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from potager.train.tuning.search import Trial, propose
from tests.unit.train.tuning.search.wire import categorical, continuous, integer, plan, run, space

REAL = space(continuous("x", "1e-5", "0.1", "Logarithmic"), integer("n", 1, 9), categorical("c", '"a"', '"b"'))
WORDS = space(categorical("c", "a", "b"), categorical("d", "1", "2", "3"))


def test_a_grid_visits_every_point_once_and_then_nothing() -> None:
    found = run(plan(WORDS, strategy="Grid"))
    assert len(found) == 6
    assert {(each.values["c"], each.values["d"]) for each in found} == {(c, d) for c in "ab" for d in "123"}


def test_a_grid_goes_on_where_it_was_and_takes_failed_points_for_visited() -> None:
    asked = plan(WORDS, strategy="Grid")
    assert propose(asked, [Trial(0, {"c": "a", "d": "2"}, "failed")]).values == {"c": "a", "d": "1"}  # type: ignore[union-attr]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["Random", "Bayesian"]))
def test_a_finite_space_is_exhausted_without_a_repetition(seed: int, strategy: str) -> None:
    found = run(plan(space(categorical("c", "a", "b"), integer("n", 1, 4)), strategy=strategy, RandomSeed=seed))
    assert len({tuple(sorted(each.values.items())) for each in found}) == len(found) == 8


def test_random_draws_are_even_on_their_scale() -> None:
    logs = sorted(math.log10(float(each.values["x"])) for each in run(plan(REAL), 400))
    # Kolmogorov-Smirnov against the uniform distribution on [-5, -1]; 0.081 is the 1 % point for 400 draws.
    distance = max(abs((value + 5) / 4 - (rank + 0.5) / 400) for rank, value in enumerate(logs))
    assert distance < 0.081


def test_the_same_seed_proposes_the_same_whatever_the_trials_came_to() -> None:
    first, again = (run(plan(REAL, RandomSeed=7, seed=job), 12) for job in ("one", "two"))
    assert first == again
    trials = [Trial(each.space, each.values) for each in first[:5]]
    ended = [replace(each, state="done", value=0.5) for each in reversed(trials)]
    assert propose(plan(REAL, RandomSeed=7), ended) == propose(plan(REAL, RandomSeed=7), trials) == first[5]


def test_jobs_without_a_seed_differ_by_their_id() -> None:
    assert run(plan(REAL, seed="one"), 3) != run(plan(REAL, seed="two"), 3)


def test_definitions_take_turns_and_leave_their_part_when_exhausted() -> None:
    spaces = [space(categorical("c", "a", "b")), space(continuous("x", 0, 1))]
    found = run(plan(*spaces, ResourceLimits={"MaxNumberOfTrainingJobs": 6}))
    assert [each.space for each in found] == [0, 1, 0, 1, 1, 1]


def test_the_limit_counts_the_jobs_own_trials_only() -> None:
    asked = plan(REAL, ResourceLimits={"MaxNumberOfTrainingJobs": 1})
    parent = Trial(0, {"x": "0.1", "n": "1", "c": "a"}, "done", 1.0, prior="parent")
    assert propose(asked, [parent]) is not None
    assert propose(asked, [parent, replace(parent, prior="")]) is None


def test_points_of_parents_are_not_tried_again_unless_the_data_is_another() -> None:
    asked = plan(space(categorical("c", '"a"', '"b"')))
    parents = [Trial(0, {"c": word}, "done", 1.0, prior="parent") for word in ("a", "b")]
    assert propose(asked, parents) is None
    assert propose(replace(asked, transfer=True), parents) is not None


def test_points_of_parents_outside_the_ranges_exhaust_nothing() -> None:
    asked = plan(space(integer("n", 1, 2)))
    parents = [Trial(0, {"n": str(number)}, "done", 1.0, prior="parent") for number in (2, 3, 4)]
    assert propose(asked, parents).values == {"n": "1"}  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(["Random", "Bayesian", "Hyperband"]))
def test_every_proposal_lies_in_its_ranges(data: st.DataObject, strategy: str) -> None:
    low = data.draw(st.floats(1e-6, 10))
    asked = plan(
        space(
            continuous("x", low, low * data.draw(st.floats(1.01, 1e6))),
            integer("n", 1, 1 + data.draw(st.integers(1, 5000))),
            categorical("c", *data.draw(st.lists(st.text(), min_size=1, max_size=4, unique=True))),
        ),
        strategy=strategy,
        StrategyConfig={"HyperbandStrategyConfig": {"MaxResource": 9}} if strategy == "Hyperband" else None,
    )
    trials: list[Trial] = []
    for number in range(10):
        proposal = propose(asked, trials)
        assert proposal is not None
        assert asked.spaces[0].holds(proposal.values)
        state = data.draw(st.sampled_from(["running", "done", "failed"]))
        trials.append(Trial(0, proposal.values, state, float(number) if state == "done" else None))
