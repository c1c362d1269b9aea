"""Which capacity scaling policies ask for. Pure: points, a capacity and the last activities in, a capacity out.

    target tracking   three points above the target ─► out; fifteen below 90 % of it ─► in
    step              an alarm stands, and how far beyond its threshold its metric is ─► the step's adjustment
    several policies  the largest capacity wins; targets are tracked inwards once all of them would go

Cooldowns: what an earlier scale-out added counts as part of the next one until its cooldown is over, so that only a
larger one goes beyond it; after a scale-in nothing goes in until its cooldown is over. Sources:
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

POINTS_OUT, POINTS_IN = 3, 15
"""Points that must lie beyond a target for its tracking to go out, and in."""
SLACK = 0.9
"""The share of a target below which tracking goes in."""
COOLDOWN = 300
"""Seconds, where a policy does not say, as AWS has it for variants of endpoints."""

Points = Sequence[float | None]
"""A metric's values, a period each, the newest last; None where there is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A scaling activity that was brought to its end.

    Parameters
    ----------
    policy : the name of the policy that asked for it.
    before, after : capacities.
    at : when it ended, in seconds since 1970.
    """

    policy: str
    before: int
    after: int
    at: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scalable target allows.

    least, greatest : capacities.
    out, back : whether policies may scale out, and in.
    """

    least: int
    greatest: int
    out: bool = True
    back: bool = True

    def bounded(self, capacity: int) -> int:
        return min(max(capacity, self.least), self.greatest)


@dataclass(frozen=True, slots=True)
class Wish:
    """The capacity that a policy asks for, the present one where it is content."""

    policy: str
    capacity: int
    tracking: bool
    goes_in: bool = True
    """Whether it would ever scale in."""


def tracked(
    name: str,
    config: Mapping[str, Any],
    points: Points,
    capacity: int,
    changes: Sequence[Change],
    now: float,
) -> Wish:
    """What a target tracking policy asks for; `config` is a TargetTrackingScalingPolicyConfiguration.

    points : of the last 15 periods at least, where there are as many; those of periods without values are None.
    """
    target, inward = config["TargetValue"], not config.get("DisableScaleIn", False)
    wish = Wish(name, capacity, True, inward)
    high = points[-POINTS_OUT:]
    if len(high) == POINTS_OUT and all(each is not None and each > target for each in high):
        base = _base(capacity, changes, config.get("ScaleOutCooldown", COOLDOWN), now)
        wanted = _share(base, high[-1] or 0.0, target)
        return Wish(name, max(wanted, capacity), True, inward)
    low = [each for each in points[-POINTS_IN:] if each is not None]
    calm = len(low) == POINTS_IN and all(each < target * SLACK for each in low)
    if not inward or not calm or _cooling_in(changes, config.get("ScaleInCooldown", COOLDOWN), now):
        return wish
    return Wish(name, min(_share(capacity, max(low), target), capacity), True, inward)


def _share(capacity: int, value: float, target: float) -> int:
    """The capacity at which a metric that falls as it grows would be at its target."""
    return math.ceil(round(max(capacity, 1) * value / target, 9))


def stepped(
    name: str,
    config: Mapping[str, Any],
    breach: float | None,
    capacity: int,
    changes: Sequence[Change],
    now: float,
) -> Wish:
    """What a step scaling policy asks for; `config` is a StepScalingPolicyConfiguration.

    breach : the metric less the alarm's threshold; None where no alarm stands.
    """
    step = None if breach is None else _step(config["StepAdjustments"], breach)
    if step is None:
        return Wish(name, capacity, False)
    cooldown = config.get("Cooldown", COOLDOWN)
    wanted = adjusted(config, step["ScalingAdjustment"], capacity)
    if wanted > capacity:
        base = _base(capacity, changes, cooldown, now)
        wanted = max(adjusted(config, step["ScalingAdjustment"], base), capacity)
    elif wanted < capacity and _cooling_in(changes, cooldown, now):
        wanted = capacity
    return Wish(name, wanted, False)


def _step(steps: Sequence[Mapping[str, Any]], breach: float) -> Mapping[str, Any] | None:
    """The step whose interval holds a breach: of one that begins at it, or above, else of one that ends there."""
    low, high = "MetricIntervalLowerBound", "MetricIntervalUpperBound"
    above = [s for s in steps if breach >= 0 and s.get(low, -math.inf) <= breach < s.get(high, math.inf)]
    below = [s for s in steps if breach <= 0 and s.get(low, -math.inf) < breach <= s.get(high, math.inf)]
    return next(iter((*above, *below)), None)


def adjusted(config: Mapping[str, Any], adjustment: int, capacity: int) -> int:
    """The capacity after one adjustment; a share of it is rounded as AWS does: away from 0 below 1, else towards it."""
    kind = config["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    share = capacity * adjustment / 100
    change = int(math.copysign(1, share)) if 0 < abs(share) < 1 else int(share)
    least = config.get("MinAdjustmentMagnitude", 0)
    if adjustment and abs(change) < least:
        change = least if adjustment > 0 else -least
    return capacity + change


def _base(capacity: int, changes: Sequence[Change], cooldown: float, now: float) -> int:
    """The capacity from which a scale-out counts: what the last one added within its cooldown is no part of it."""
    for change in reversed(changes):
        if change.after > change.before:
            return min(change.before, capacity) if now < change.at + cooldown else capacity
    return capacity


def _cooling_in(changes: Sequence[Change], cooldown: float, now: float) -> bool:
    """Whether a scale-in is too recent for another one; a scale-out since then ends that."""
    last = changes[-1] if changes else None
    return last is not None and last.after < last.before and now < last.at + cooldown


def decide(wishes: Sequence[Wish], capacity: int, limits: Limits) -> Wish | None:
    """The wish to fulfil, its capacity within the limits; None where all stays as it is."""
    outward = [wish for wish in wishes if wish.capacity > capacity]
    if outward:
        chosen = max(outward, key=lambda wish: wish.capacity)
        allowed = limits.out
    else:
        inward = [wish for wish in wishes if wish.capacity < capacity]
        content = any(wish.tracking and wish.goes_in and wish.capacity >= capacity for wish in wishes)
        inward = [wish for wish in inward if not (wish.tracking and content)]
        if not inward:
            return None
        chosen = max(inward, key=lambda wish: wish.capacity)
        allowed = limits.back
    wanted = limits.bounded(chosen.capacity)
    if not allowed or wanted == capacity or (wanted > capacity) != (chosen.capacity > capacity):
        return None
    return Wish(chosen.policy, wanted, chosen.tracking)
