"""The steps of an update that shifts traffic, and which one is next. Pure: the clock, alarms and instances are given.

    launch ─► move: traffic to some of the new fleet ─► bake ─► launch ─► move ─► bake ─► finish
                                   alarm, failure or time limit ─► return, or move back batch by batch ─► return

Where a shift stands is a document, `_shift` of the endpoint's row, so that the next server goes on with it. Variants of
the two fleets have the same names; each count and share below is by name.

    config        the DeploymentConfig          at, since   the step whose traffic is on (-1: none), and since when
    began         when it was asked for         kept        instances of the old fleet that stay
    reason        why it goes back              active      instances of the new fleet that get traffic
                                                share       of the traffic that they get

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html, ...-rolling.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from potager.deploy import lifecycle
from potager.deploy.lifecycle import Place

Document = Mapping[str, Any]
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One move of traffic and the baking after it.

    Parameters
    ----------
    stage : what Describe calls the capacity that it turns on.
    up : instances of the new fleet that must be up before it; `active`, `share`, `kept` as in the document.
    wait : seconds of baking; `member` is the one of the policy that says so.
    """

    stage: str
    up: Counts
    active: Counts
    share: Mapping[str, float]
    kept: Counts
    wait: float
    member: str


def begun(config: Document, live: Document, now: float) -> dict[str, Any]:
    """The document of a shift that has moved nothing yet."""
    start = {"kept": counts(live), "active": dict.fromkeys(counts(live), 0), "share": dict.fromkeys(counts(live), 0.0)}
    return {"config": config, "began": now, "at": -1, "since": now, "reason": "", **start}


def counts(deployment: Document) -> dict[str, int]:
    """The instances of each production variant."""
    return {variant["name"]: variant["count"] for variant in deployment["variants"]}


def steps(config: Document, live: Document, wanted: Document) -> list[Step]:
    """The steps from one deployment to the other."""
    if rolling := config.get("RollingUpdatePolicy"):
        return _rolling(rolling, counts(live), counts(wanted))
    return _blue_green(config.get("BlueGreenUpdatePolicy", {}), counts(live), counts(wanted))


def _blue_green(policy: Document, old: Counts, new: Counts) -> list[Step]:
    routing: Document = policy.get("TrafficRoutingConfiguration", {})
    size = routing.get("CanarySize") or routing.get("LinearStepSize")
    most = 1 if "CanarySize" in routing else 100
    shares = [share for number in range(1, most + 1) if _partial(share := _share(size, number, new))] if size else []
    stage = "canary" if "CanarySize" in routing else "linear"
    wait = float(routing.get("WaitIntervalInSeconds", 0))
    between = [Step(stage, new, _capacity(share, new), share, old, wait, "WaitIntervalInSeconds") for share in shares]
    last = float(policy.get("TerminationWaitInSeconds", 0))
    return [*between, Step("full", new, new, dict.fromkeys(new, 1.0), old, last, "TerminationWaitInSeconds")]


def _share(size: Document, number: int, new: Counts) -> dict[str, float]:
    """The share of each variant's traffic after so many steps of one size: 1.0 where no full step is left to go."""
    return {name: min(number * portion(size, count), 1.0) for name, count in new.items()}


def portion(size: Document, count: int) -> float:
    """What part of a variant a CapacitySize is."""
    return size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else max(count, 1))


def _partial(share: Mapping[str, float]) -> bool:
    return any(each < 1 - 1e-9 for each in share.values())


def _capacity(share: Mapping[str, float], new: Counts) -> dict[str, int]:
    return {name: ceil(share[name] * count - 1e-9) for name, count in new.items()}


def _rolling(policy: Document, old: Counts, new: Counts) -> list[Step]:
    """Batches of the new fleet; after each one's baking, as large a part of the old fleet goes."""
    wait = float(policy["WaitIntervalInSeconds"])
    made, active, kept = list[Step](), dict.fromkeys(new, 0), old
    while not made or active != new:
        active = {
            name: min(active[name] + batch(policy["MaximumBatchSize"], count), count) for name, count in new.items()
        }
        share = {name: active[name] / count if count else 1.0 for name, count in new.items()}
        stage = "full" if active == new else "batch"
        made.append(Step(stage, active, active, share, kept, wait, "WaitIntervalInSeconds"))
        kept = {name: ceil(old[name] * (1 - share[name]) - 1e-9) for name in new}
    return made


def batch(size: Document, count: int) -> int:
    """The instances of a batch of one size: one at least."""
    return max(int(portion(size, count) * count + 1e-9), 1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to see.

    Parameters
    ----------
    up : the ids of the instances that answer.
    failed : why those that could not be brought up could not, by their ids.
    alarms : the names of the alarms that ring.
    """

    now: float
    up: Collection[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    alarms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """Bring these instances up, and look again in `seconds`, if that is a number."""

    places: Sequence[Place]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Let traffic go as `shift` says, and write it down."""

    shift: Document
    status: str = "Updating"


@dataclass(frozen=True, slots=True)
class Wait:
    """Bake for so many seconds more."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The new fleet has it all: the old one may go."""


@dataclass(frozen=True, slots=True)
class Return:
    """The old fleet has it all again: the new one may go."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """The old fleet cannot be brought back: both answer, as they stand."""

    reason: str


Action = Launch | Move | Wait | Finish | Return | Stuck


def decide(endpoint_id: str, live: Document, wanted: Document, shift: Document, seen: Seen) -> Action:
    """The next action of a shift."""
    if shift["reason"]:
        return _back(endpoint_id, live, wanted, shift, seen)
    plan = steps(shift["config"], live, wanted)
    at: int = shift["at"]
    if seen.alarms:
        names = ", ".join(seen.alarms)
        return _turn(live, shift, f"One or more alarms are in ALARM state: [{names}]. The deployment was rolled back.")
    limit = _limit(shift["config"])
    left = shift["began"] + limit - seen.now if limit else None
    if left is not None and left <= 0:
        text = f"The deployment did not end within {limit:g} seconds (MaximumExecutionTimeoutInSeconds)"
        return _turn(live, shift, f"{text} and was rolled back.")
    if at >= 0 and (baking := shift["since"] + plan[at].wait - seen.now) > 0:
        return Wait(baking if left is None else min(baking, left))
    if at == len(plan) - 1:
        return Finish()
    step = plan[at + 1]
    missing = [each for each in lifecycle.places(endpoint_id, wanted, step.up) if each.id not in seen.up]
    for place in missing:
        if place.id in seen.failed:
            return _turn(live, shift, lifecycle.unwell(place, seen.failed[place.id]))
    if missing:
        return Launch(missing, left)
    moved = {"at": at + 1, "since": seen.now, "kept": step.kept, "active": step.active, "share": step.share}
    return Move({**shift, **moved})


def _limit(config: Document) -> float:
    policy: Document = config.get("RollingUpdatePolicy") or config.get("BlueGreenUpdatePolicy") or {}
    return float(policy.get("MaximumExecutionTimeoutInSeconds", 0))


def _turn(live: Document, shift: Document, reason: str) -> Action:
    """Goes back: at once where the whole old fleet is there."""
    return Return(reason) if shift["kept"] == counts(live) else Move({**shift, "reason": reason}, "RollingBack")


def _back(endpoint_id: str, live: Document, wanted: Document, shift: Document, seen: Seen) -> Action:
    full, new = counts(live), counts(wanted)
    policy: Document = shift["config"].get("RollingUpdatePolicy") or {}
    size: Document = policy.get("RollbackMaximumBatchSize", {"Type": "CAPACITY_PERCENT", "Value": 100})
    kept = {name: min(shift["kept"][name] + batch(size, count), count) for name, count in full.items()}
    missing = [each for each in lifecycle.places(endpoint_id, live, kept, shadows=False) if each.id not in seen.up]
    for place in missing:
        if place.id in seen.failed:
            said = lifecycle.unwell(place, seen.failed[place.id])
            return Stuck(f"{shift['reason']} The rollback failed: {said}")
    if missing:
        return Launch(missing)
    if kept == full:
        return Return(shift["reason"])
    share = {name: min(1 - kept[name] / count, shift["share"][name]) for name, count in full.items()}
    return Move({**shift, "kept": kept, "share": share, "active": _capacity(share, new)}, "RollingBack")


def answering(endpoint_id: str, live: Document | None, wanted: Document, shift: Document | None) -> list[Place]:
    """The instances that get traffic, or would if they were up."""
    if not shift:
        return lifecycle.places(endpoint_id, live)
    fresh = lifecycle.places(endpoint_id, wanted, shift["active"], shadows=False)
    return lifecycle.places(endpoint_id, live, shift["kept"]) + fresh


def launched(endpoint_id: str, live: Document, wanted: Document, shift: Document | None) -> list[Place]:
    """The instances that were up once: those that answer, and those of the new fleet that wait for traffic."""
    there = answering(endpoint_id, live, wanted, shift)
    if not shift or shift["reason"] or shift["at"] < 0:
        return there
    at: int = shift["at"]
    up = steps(shift["config"], live, wanted)[at].up
    known = {place.id for place in there}
    return there + [place for place in lifecycle.places(endpoint_id, wanted, up) if place.id not in known]


def places(endpoint_id: str, live: Document | None, wanted: Document, shift: Document | None) -> list[Place]:
    """The instances that an endpoint has use for: all that answer, and those that are launched."""
    if not shift or live is None:
        return lifecycle.places(endpoint_id, live) + lifecycle.proof(endpoint_id, wanted, live)
    if shift["reason"]:
        return lifecycle.places(endpoint_id, live) + lifecycle.places(
            endpoint_id, wanted, shift["active"], shadows=False
        )
    plan = steps(shift["config"], live, wanted)
    following: int = shift["at"] + 1
    step = plan[min(following, len(plan) - 1)]
    return lifecycle.places(endpoint_id, live, shift["kept"]) + lifecycle.places(endpoint_id, wanted, step.up)


def remainder(live: Document, shift: Document | None) -> Document:
    """What is left of the old deployment after a rollback that failed, as a deployment."""
    if not shift:
        return live
    kept = shift["kept"]
    return {**live, "variants": [{**each, "count": kept[each["name"]]} for each in live["variants"]]}
