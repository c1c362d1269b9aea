"""What a job takes over from its parents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from potager.kernel.errors import Invalid
from potager.train.tuning.search import Space, Trial
from potager.train.tuning.search.warm import Definition, check, inherited
from tests.unit.train.tuning.search.wire import categorical, continuous, space

CHILD = space(continuous("x", 0, 1), categorical("c", '"a"', '"b"'))
PARENT = Definition("before", space(continuous("x", 0, 2), static={"c": "a"}), "auc", True)


def test_parents_with_another_objective_or_other_hyperparameters_are_refused() -> None:
    child = Definition("child", CHILD, "auc", True)
    check(child, PARENT)
    with pytest.raises(Invalid, match=r"\[Maximize f1\] must be the same as .* \[before\], \[Maximize auc\]"):
        check(replace(child, metric="f1"), PARENT)
    with pytest.raises(Invalid, match=r"\[Minimize auc\]"):
        check(replace(child, maximize=False), PARENT)
    with pytest.raises(Invalid, match=r"\[3\] must be the same .* \[before\], \[2\]"):
        check(replace(child, space=Space("", CHILD.ranges, {"epochs": "1"})), PARENT)


def test_trials_with_an_objective_are_taken_over_with_what_was_static() -> None:
    trials = [
        Trial(0, {"x": "0.5"}, "done", 0.7),
        Trial(0, {"x": "1.5"}, "stopped", 0.6, ((1, 0.6),)),
        Trial(0, {"x": "0.1"}, "failed"),
        Trial(0, {"x": "0.1"}, "done", float("nan")),
        Trial(0, {"x": "0.1"}, "running"),
        Trial(0, {"x": "0.1"}, "done", 0.9, prior="grandparent"),
    ]
    assert inherited(CHILD, 1, PARENT, trials) == [
        Trial(1, {"x": "0.5", "c": "a"}, "done", 0.7, (), "before"),
        Trial(1, {"x": "1.5", "c": "a"}, "done", 0.6, ((1, 0.6),), "before"),
    ]


def test_trials_whose_values_the_child_cannot_place_are_left_out() -> None:
    other = replace(PARENT, space=space(continuous("x", 0, 2), static={"c": "z"}))
    assert inherited(CHILD, 0, other, [Trial(0, {"x": "0.5"}, "done", 0.7)]) == []
    assert (
        inherited(CHILD, 0, replace(PARENT, space=space(continuous("x", 0, 2))), [Trial(0, {"x": "1"}, "done", 1)])
        == []
    )
