"""Shifts of traffic, walked step by step with a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from potager.deploy import lifecycle
from potager.deploy.traffic import plan
from potager.deploy.traffic.plan import Finish, Launch, Move, Return, Seen, Stuck, Wait

CONTAINER = {"image": "i", "data": "d", "environment": {}}


def deployment(revision: str, **counts: int) -> dict[str, Any]:
    variants = [
        {"name": name, "containers": [CONTAINER], "weight": 1.0, "count": count, "spec": {}}
        for name, count in counts.items()
    ]
    return {"config": revision, "revision": revision, "variants": variants}


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, wait: int = 60, last: int = 0, limit: int = 0, **sizes: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    policy: dict[str, Any] = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": last}
    return {"BlueGreenUpdatePolicy": policy | ({"MaximumExecutionTimeoutInSeconds": limit} if limit else {})}


def rolling(largest: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": largest, "WaitIntervalInSeconds": 10, **more}}


class Walk:
    """An update that is under way; what it launches comes up, unless it is among `broken`."""

    def __init__(self, config: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
        self.now = 0.0
        self.old, self.new = old, new
        self.shift: Any = plan.begun(config, old, self.now)
        self.up = {place.id for place in lifecycle.places("e", old)}
        self.broken: set[str] = set()
        self.alarms: list[str] = []
        self.status = "Updating"

    def decide(self) -> plan.Action:
        failed = dict.fromkeys(self.broken, "it broke")
        return plan.decide("e", self.old, self.new, self.shift, Seen(self.now, self.up, failed, self.alarms))

    def step(self) -> plan.Action:
        """Does what is decided: time passes for a wait, instances come up, traffic moves."""
        match action := self.decide():
            case Launch(places):
                fresh = {place.id for place in places}
                assert not fresh & self.up
                self.up |= fresh - self.broken
            case Move(shift, status):
                self.shift, self.status = shift, status
                self.up &= {each.id for each in plan.places("e", self.old, self.new, shift)}
            case Wait(seconds):
                self.now += seconds
            case _:
                pass
        return action

    def told(self, most: int = 60) -> list[Any]:
        """What happens until it ends, each action in a word."""
        seen: list[Any] = []
        for _ in range(most):
            match action := self.step():
                case Launch(places):
                    seen.append(("launch", len(places)))
                case Move(shift):
                    seen.append(("move", round(shift["share"]["a"], 2), shift["active"]["a"], shift["kept"]["a"]))
                case Wait(seconds):
                    seen.append(("wait", seconds))
                case _:
                    return [*seen, action]
        raise AssertionError(seen)


def test_all_at_once_moves_everything_and_bakes_before_the_old_fleet_goes() -> None:
    walk = Walk(blue_green("ALL_AT_ONCE", wait=0, last=600), deployment("r1", a=2), deployment("r2", a=3))
    assert walk.told() == [("launch", 3), ("move", 1.0, 3, 2), ("wait", 600), Finish()]


def test_a_canary_takes_a_part_then_all() -> None:
    config = blue_green("CANARY", wait=60, last=5, CanarySize=size(30))
    walk = Walk(config, deployment("r1", a=3), deployment("r2", a=3))
    assert walk.told() == [("launch", 3), ("move", 0.3, 1, 3), ("wait", 60), ("move", 1.0, 3, 3), ("wait", 5), Finish()]


def test_a_canary_of_one_instance_of_one_takes_its_share_all_the_same() -> None:
    walk = Walk(blue_green("CANARY", CanarySize=size(10)), deployment("r1", a=1), deployment("r2", a=1))
    assert walk.told() == [("launch", 1), ("move", 0.1, 1, 1), ("wait", 60), ("move", 1.0, 1, 1), Finish()]


def test_linear_steps_are_of_one_size_and_the_last_is_what_is_left() -> None:
    config = blue_green("LINEAR", wait=7, LinearStepSize=size(2, "INSTANCE_COUNT"))
    walk = Walk(config, deployment("r1", a=1), deployment("r2", a=5))
    moves = walk.told()
    assert moves[:1] == [("launch", 5)]
    assert [each for each in moves if isinstance(each, tuple) and each[0] == "move"] == [
        ("move", 0.4, 2, 1),
        ("move", 0.8, 4, 1),
        ("move", 1.0, 5, 1),
    ]
    assert moves[-1] == Finish()


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (3, 0)])
def test_a_fleet_of_no_instances_is_rolled_over_and_back(old: int, new: int) -> None:
    config = rolling(size(50))
    walk = Walk(config, deployment("r1", a=old), deployment("r2", a=new))
    assert walk.told()[-1] == Finish()
    walk = Walk(config, deployment("r1", a=old), deployment("r2", a=new))
    while not isinstance(walk.step(), Wait):
        pass
    walk.alarms = ["a"]
    assert isinstance(walk.told()[-1], Return)


def test_rolling_launches_a_batch_and_lets_as_much_of_the_old_fleet_go_once_it_is_baked() -> None:
    walk = Walk(rolling(size(2, "INSTANCE_COUNT")), deployment("r1", a=5), deployment("r2", a=5))
    assert walk.told() == [
        ("launch", 2),
        ("move", 0.4, 2, 5),
        ("wait", 10),
        ("launch", 2),
        ("move", 0.8, 4, 3),
        ("wait", 10),
        ("launch", 1),
        ("move", 1.0, 5, 1),
        ("wait", 10),
        Finish(),
    ]


def test_an_alarm_returns_a_blue_green_update_at_once_whenever_it_rings() -> None:
    for steps in range(5):
        walk = Walk(blue_green("CANARY", CanarySize=size(50), last=9), deployment("r1", a=2), deployment("r2", a=2))
        for _ in range(steps):
            walk.step()
        walk.alarms = ["errors"]
        action = walk.decide()
        assert isinstance(action, Return)
        assert "errors" in action.reason


def test_an_alarm_brings_the_old_fleet_of_a_rolling_update_back_before_the_new_one_goes() -> None:
    walk = Walk(rolling(size(2, "INSTANCE_COUNT")), deployment("r1", a=4), deployment("r2", a=4))
    while walk.shift["at"] < 1:
        walk.step()
    assert walk.shift["kept"] == {"a": 2}
    walk.alarms = ["errors"]
    assert isinstance(walk.step(), Move)
    assert walk.status == "RollingBack"
    walk.alarms = []  # what began to go back goes back
    assert walk.told()[0] == ("launch", 2)
    assert isinstance(walk.decide(), Return)


def test_a_rollback_in_batches_moves_traffic_as_the_old_fleet_comes_up() -> None:
    config = rolling(size(50), RollbackMaximumBatchSize=size(1, "INSTANCE_COUNT"))
    walk = Walk(config, deployment("r1", a=4), deployment("r2", a=4))
    while walk.shift["at"] < 1:
        walk.step()
    walk.alarms = ["errors"]
    told = walk.told()
    assert told[0][0] == "move"
    assert told[1:4] == [("launch", 1), ("move", 0.25, 1, 3), ("launch", 1)]
    assert isinstance(told[-1], Return)


def test_an_old_fleet_that_does_not_come_back_leaves_both_answering() -> None:
    walk = Walk(rolling(size(50)), deployment("r1", a=2), deployment("r2", a=2))
    while walk.shift["at"] < 1:
        walk.step()
    walk.broken = {place.id for place in lifecycle.places("e", walk.old)} - walk.up
    assert walk.broken
    walk.alarms = ["errors"]
    walk.step()
    action = walk.decide()
    assert isinstance(action, Stuck)
    assert "it broke" in action.reason
    left = plan.remainder(walk.old, walk.shift)
    assert [each["count"] for each in left["variants"]] == [1]


def test_an_instance_that_does_not_come_up_ends_the_update_with_the_reason() -> None:
    walk = Walk(blue_green("ALL_AT_ONCE"), deployment("r1", a=1), deployment("r2", a=2))
    walk.broken = {lifecycle.places("e", walk.new)[1].id}
    walk.step()
    action = walk.decide()
    assert isinstance(action, Return)
    assert "did not pass the ping health check" in action.reason
    assert "it broke" in action.reason


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_an_update_ends_at_its_time_limit_wherever_it_stands(steps: int) -> None:
    config = blue_green("LINEAR", wait=300, limit=700, LinearStepSize=size(50))
    walk = Walk(config, deployment("r1", a=2), deployment("r2", a=2))
    for _ in range(steps):
        walk.step()
    walk.now = 700.0
    action = walk.decide()
    assert isinstance(action, Return)
    assert "700 seconds (MaximumExecutionTimeoutInSeconds)" in action.reason


def test_a_wait_for_instances_ends_at_the_limit() -> None:
    walk = Walk(blue_green("ALL_AT_ONCE", limit=600), deployment("r1", a=1), deployment("r2", a=1))
    walk.now = 100.0
    action = walk.decide()
    assert isinstance(action, Launch)
    assert action.seconds == 500.0


def test_a_step_that_was_written_down_is_not_done_again_by_the_next_server() -> None:
    walk = Walk(blue_green("CANARY", CanarySize=size(50)), deployment("r1", a=2), deployment("r2", a=2))
    walk.step()
    walk.step()
    walk.now = 20.0
    assert walk.decide() == Wait(40.0) == walk.decide()


def test_variants_of_several_sizes_reach_the_end_together() -> None:
    config = blue_green("LINEAR", LinearStepSize=size(1, "INSTANCE_COUNT"))
    steps = plan.steps(config, deployment("r1", a=2, b=4), deployment("r2", a=2, b=4))
    assert [step.active for step in steps] == [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]
    assert steps[1].share == {"a": 1.0, "b": 0.5}


def test_only_what_the_standing_names_is_kept() -> None:
    walk = Walk(rolling(size(50)), deployment("r1", a=4), deployment("r2", a=4))
    told = walk.told()
    assert told[-1] == Finish()
    old = {place.id for place in lifecycle.places("e", walk.old)}
    assert len(walk.up & old) == 2
    assert len(walk.up - old) == 4
