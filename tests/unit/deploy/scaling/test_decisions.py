"""Which capacity policies ask for."""

from __future__ import annotations

from typing import Any

import pytest

from potager.deploy.scaling import decisions
from potager.deploy.scaling.decisions import Change, Limits, Points, Wish

NOW = 1_000_000.0
TRACKING = {"TargetValue": 100.0}
WIDE = Limits(1, 10)


def tracked(points: Points, capacity: int, *changes: Change, **config: Any) -> int:
    return decisions.tracked("p", {**TRACKING, **config}, points, capacity, changes, NOW).capacity


def quiet(value: float) -> list[float]:
    return [value] * 15


def out(seconds_ago: float, before: int = 1, after: int = 3) -> Change:
    return Change("p", before, after, NOW - seconds_ago)


@pytest.mark.parametrize(
    ("points", "capacity", "wanted"),
    [
        ([150, 150, 150], 2, 3),
        ([101, 101, 101], 2, 3),
        ([100, 100, 100], 2, 2),
        ([500, 99, 500], 2, 2),
        ([None, 500, 500], 2, 2),
        ([500, 500], 2, 2),
        ([], 2, 2),
        ([200, 200, 400], 2, 8),
        ([0] * 12 + [200, 200, 200], 1, 2),
        ([300, 300, 300], 0, 3),
    ],
)
def test_three_points_above_the_target_scale_out_by_their_last(points: Points, capacity: int, wanted: int) -> None:
    assert tracked(points, capacity) == wanted


@pytest.mark.parametrize(
    ("points", "capacity", "wanted"),
    [
        (quiet(50), 4, 2),
        (quiet(0), 4, 0),
        (quiet(89.9), 4, 4),
        (quiet(90), 10, 10),
        (quiet(50)[1:], 4, 4),
        ([*quiet(50)[1:], None], 4, 4),
        ([60, *quiet(20)[1:]], 4, 3),
        ([95, *quiet(20)[1:]], 4, 4),
    ],
)
def test_fifteen_points_below_nine_tenths_scale_in_by_the_highest(points: Points, capacity: int, wanted: int) -> None:
    assert tracked(points, capacity) == wanted


def test_scale_in_can_be_turned_off() -> None:
    assert tracked(quiet(0), 4, DisableScaleIn=True) == 4


def test_what_a_scale_out_added_counts_until_its_cooldown_is_over() -> None:
    assert tracked([250, 250, 250], 3, out(100)) == 3  # 250 % of the one that was there before
    assert tracked([400, 400, 400], 3, out(100)) == 4
    assert tracked([400, 400, 400], 3, out(300)) == 12
    assert tracked([400, 400, 400], 3, out(100), ScaleOutCooldown=60) == 12


def test_a_scale_in_waits_for_the_one_before_it_and_a_scale_out_does_not() -> None:
    gone = Change("p", 6, 4, NOW - 299)
    assert tracked(quiet(50), 4, gone) == 4
    assert tracked(quiet(50), 4, gone, ScaleInCooldown=200) == 2
    assert tracked(quiet(50), 4, Change("p", 6, 4, NOW - 300)) == 2
    assert tracked([200, 200, 200], 4, gone) == 8
    assert tracked(quiet(50), 4, gone, out(10, 4, 5)) == 2


STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
        {"MetricIntervalUpperBound": 0, "MetricIntervalLowerBound": -10, "ScalingAdjustment": -1},
        {"MetricIntervalUpperBound": -10, "ScalingAdjustment": -2},
    ],
}


def stepped(breach: float | None, capacity: int, *changes: Change, **config: Any) -> int:
    return decisions.stepped("p", {**STEPS, **config}, breach, capacity, changes, NOW).capacity


@pytest.mark.parametrize(
    ("breach", "wanted"),
    [(None, 4), (0, 5), (19.9, 5), (20, 7), (1e9, 7), (-0.1, 3), (-9.9, 3), (-10, 2), (-99, 2)],
)
def test_the_step_is_the_one_that_holds_the_breach(breach: float | None, wanted: int) -> None:
    assert stepped(breach, 4) == wanted


def test_a_breach_of_nothing_is_held_by_a_step_below_where_none_is_above() -> None:
    down = [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}]
    assert stepped(0, 4, StepAdjustments=down) == 3
    assert stepped(5, 4, StepAdjustments=down) == 4


def test_a_larger_step_within_a_cooldown_adds_what_is_missing() -> None:
    assert stepped(5, 5, out(10, 4, 5)) == 5
    assert stepped(25, 5, out(10, 4, 5)) == 7
    assert stepped(25, 5, out(300, 4, 5)) == 8
    assert stepped(-5, 5, Change("p", 6, 5, NOW - 10)) == 5
    assert stepped(-5, 5, Change("p", 6, 5, NOW - 10), Cooldown=10) == 4


@pytest.mark.parametrize(
    ("kind", "adjustment", "least", "capacity", "wanted"),
    [
        ("ExactCapacity", 7, 0, 2, 7),
        ("ChangeInCapacity", -3, 0, 4, 1),
        ("PercentChangeInCapacity", 50, 0, 4, 6),
        ("PercentChangeInCapacity", 10, 0, 4, 5),
        ("PercentChangeInCapacity", -10, 0, 4, 3),
        ("PercentChangeInCapacity", 25, 0, 10, 12),
        ("PercentChangeInCapacity", -25, 0, 10, 8),
        ("PercentChangeInCapacity", 25, 2, 4, 6),
        ("PercentChangeInCapacity", -25, 3, 8, 5),
        ("PercentChangeInCapacity", 100, 2, 4, 8),
    ],
)
def test_a_share_is_rounded_as_aws_does(kind: str, adjustment: int, least: int, capacity: int, wanted: int) -> None:
    config = {"AdjustmentType": kind, "MinAdjustmentMagnitude": least}
    assert decisions.adjusted(config, adjustment, capacity) == wanted


def decided(capacity: int, *wishes: Wish, limits: Limits = WIDE) -> int | None:
    chosen = decisions.decide(wishes, capacity, limits)
    return chosen and chosen.capacity


def test_the_largest_capacity_wins_within_the_limits() -> None:
    assert decided(4, Wish("a", 5, True), Wish("b", 7, False), Wish("c", 1, True)) == 7
    assert decided(4, Wish("a", 3, True), Wish("b", 2, True)) == 3
    assert decided(4, Wish("a", 40, True)) == 10
    assert decided(4, Wish("a", 0, True)) == 1
    assert decided(10, Wish("a", 12, True)) is None
    assert decided(12, Wish("a", 14, True)) is None
    assert decided(4) is None


def test_targets_are_tracked_inwards_together_and_steps_go_alone() -> None:
    content = Wish("a", 4, True)
    assert decided(4, content, Wish("b", 2, True)) is None
    assert decided(4, Wish("a", 4, True, goes_in=False), Wish("b", 2, True)) == 2
    assert decided(4, content, Wish("b", 2, False)) == 2


def test_scaling_can_be_suspended_each_way() -> None:
    assert decided(4, Wish("a", 7, True), limits=Limits(1, 10, out=False)) is None
    assert decided(4, Wish("a", 2, True), limits=Limits(1, 10, out=False)) == 2
    assert decided(4, Wish("a", 2, True), limits=Limits(1, 10, back=False)) is None
