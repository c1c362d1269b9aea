"""Looks after scalable targets: has schedules take effect, asks policies, and sees changes through.

    wake ─► what is under way? ─► due schedules ─► bounds ─► policies, each minute ─► activity and endpoint, one change

An activity is written in the transaction that asks the endpoint for its new capacity, so that a server which is killed
leaves both or neither; the next one sees it through. An endpoint that is being updated is left alone for a moment.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.deploy import lifecycle
from potager.deploy.components import room
from potager.deploy.components.hosting import ComponentHost
from potager.deploy.hosting import Host
from potager.deploy.scaling import activities, decisions, readings, timetable
from potager.deploy.scaling.activities import Cause
from potager.deploy.scaling.capacity import NOUNS, Variant
from potager.deploy.scaling.decisions import Change, Limits, Wish
from potager.deploy.scaling.readings import Standing
from potager.deploy.scaling.service import ACTION, POLICY, TARGET, Named, belonging
from potager.kernel import clock
from potager.kernel.context import House
from potager.kernel.errors import Fault, NotFound, Stale
from potager.store.leases import Leases
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender

log = logging.getLogger(__name__)

ACTIVE = "Active"
SOON = 0.5
"""Seconds until an endpoint that is on its way is looked at again."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A target with all that belongs to it, as it was read."""

    endpoint: Row | None
    policies: Sequence[Row]
    actions: Sequence[Row]
    activities: Sequence[Row]
    alarms: Mapping[str, Standing]


class Scaler:
    """Scales the targets whose lease this server holds.

    Parameters
    ----------
    minute : seconds that count as a minute of metrics; other than 60 for those who try policies out.
    """

    def __init__(self, house: House, rows: Rows, leases: Leases, host: Host, minute: int = 60) -> None:
        self.minute = minute
        self._house = house
        self._rows = rows
        self._host = host
        self._asked: dict[str, int] = {}
        """By target: the minute in which its policies were asked last."""
        self._heard: dict[tuple[str, str], float] = {}
        """By alarm and policy: since when the alarm has been in the state that triggers the policy."""
        self._tender = Tender(TARGET, (ACTIVE,), rows, leases, self.look, self._give_up)

    async def start(self) -> None:
        """Takes up every target."""
        await self._tender.take_up()

    def wake(self, row: Row) -> None:
        """Looks at a target now."""
        self._tender.wake(row)

    async def triggered(self, alarm: Row, arn: str) -> None:
        """An alarm's action, the ARN of a policy: its target is looked at, at once where the state is new.

        `NotFound` where there is no such policy.
        """
        policy = await self._rows.read(lambda tx: tx.by_arn(arn))
        if policy is None or policy.kind != POLICY:
            raise NotFound(f"There is no scaling policy {arn}. Take it out of the alarm's actions.")
        named = _named(policy)
        target = await self._rows.find(TARGET, policy.scope, named.key)
        since = alarm.doc.get("StateTransitionedTimestamp", 0.0)
        if self._heard.get((alarm.arn, arn)) != since:
            self._heard[alarm.arn, arn] = since
            self._asked.pop(target.arn, None)
        self.wake(target)

    async def close(self) -> None:
        """Stops looking; what is under way, the next server sees through."""
        await self._tender.close()

    async def look(self, row: Row) -> float | None:
        """One step with a target; the seconds until the next one, None where the target is gone with its endpoint."""
        named = _named(row)
        variant, now = Variant.of(named), clock.now()
        scene = await self._rows.read(lambda tx: _scene(tx, row, named, variant))
        if scene.endpoint is None or scene.endpoint.doc["_id"] != row.doc["_endpoint"]:
            await self._rows.write(lambda tx: forget(tx, row))
            self._asked.pop(row.arn, None)
            return None
        if running := next((each for each in scene.activities if each.status == activities.RUNNING), None):
            await self._see_through(running, scene.endpoint, variant)
            return SOON
        if due := [each for each in scene.actions if (each.doc.get("_due") or now + 1) <= now]:
            await self._rows.write(lambda tx: _fire(tx, row, named, due[0], now))
            return 0.0
        if scene.endpoint.status != "InService":
            return SOON if scene.endpoint.status in (*lifecycle.UNDER_WAY, "Deleting") else self.minute
        if row.doc["_bound"]:
            return await self._bound(row, named, variant, scene.endpoint)
        await self._follow(row, named, variant, scene, now)
        return self._pause(scene, clock.now())

    async def _see_through(self, running: Row, endpoint: Row, variant: Variant) -> None:
        """Ends an activity once its endpoint has come to rest."""
        if endpoint.status in lifecycle.UNDER_WAY:
            return
        status, reason = activities.DONE, ""
        if variant.live(endpoint) != running.doc["_to"]:
            reason = endpoint.doc.get("FailureReason", "")
            status = activities.FAILED if reason or endpoint.status != "InService" else activities.OVERRIDDEN
        await self._rows.write(lambda tx: activities.end(tx, running, status, reason or f"It is {endpoint.status}."))

    async def _bound(self, row: Row, named: Named, variant: Variant, endpoint: Row) -> float:
        """Brings a capacity between bounds that were set anew."""
        current, limits = variant.wanted(endpoint), _limits(row)
        wanted = limits.bounded(current)
        which, bound = ("minimum", limits.least) if wanted > current else ("maximum", limits.greatest)
        cause = Cause(f"{which} capacity was set to {bound}")
        freed = {**row.doc, "_bound": False}

        def write(tx: Tx) -> Row | None:
            tx.update(row, doc=freed)
            return _begin(tx, row, named, variant, wanted, cause) if wanted != current else None

        self._wake_host(await self._rows.write(write))
        return 0.0

    async def _follow(self, row: Row, named: Named, variant: Variant, scene: Scene, now: float) -> None:
        """Does what policies ask for, once a minute."""
        turn = int(now // self._every(scene))
        if not scene.policies or scene.endpoint is None or self._asked.get(row.arn) == turn:
            return
        current = variant.wanted(scene.endpoint)
        changes = activities.changes(list(scene.activities))
        wishes = [await self._wish(row, each, variant, scene, current, changes, now) for each in scene.policies]
        chosen = decisions.decide(wishes, current, _limits(row))
        if chosen is not None:
            await self._fulfil(row, named, variant, scene, current, chosen)
        self._asked[row.arn] = turn

    async def _fulfil(self, row: Row, named: Named, variant: Variant, scene: Scene, current: int, chosen: Wish) -> None:
        """Begins to scale as a policy asks."""
        policy = next(each for each in scene.policies if each.doc["PolicyName"] == chosen.policy)
        standing = scene.alarms.get(policy.arn)
        level = "High" if chosen.capacity > current else "Low"
        alarm = standing.name if standing else f"TargetTracking-{named.resource}-Alarm{level}"
        cause = Cause(f"monitor alarm {alarm} in state ALARM triggered policy {chosen.policy}", chosen.policy)
        self._wake_host(await self._rows.write(lambda tx: _begin(tx, row, named, variant, chosen.capacity, cause)))

    async def _wish(
        self, row: Row, policy: Row, variant: Variant, scene: Scene, current: int, changes: Sequence[Change], now: float
    ) -> Wish:
        name = policy.doc["PolicyName"]
        if step := policy.doc.get("StepScalingPolicyConfiguration"):
            standing = scene.alarms.get(policy.arn)
            return decisions.stepped(name, step, standing.breach if standing else None, current, changes, now)
        config = policy.doc["TargetTrackingScalingPolicyConfiguration"]
        every = readings.period(config, self.minute)
        ctx = self._house.acting("application-autoscaling", row.scope)
        try:
            points = await readings.points(ctx, variant, config, every, policy.modified, now)
        except Fault as fault:
            log.warning("%s: its metric cannot be read: %s", policy.arn, fault.message)
            points = []
        return decisions.tracked(name, config, points, current, changes, now)

    def _every(self, scene: Scene) -> int:
        """Seconds between two looks at a target's policies."""
        configs = [each.doc.get("TargetTrackingScalingPolicyConfiguration") for each in scene.policies]
        return min((readings.period(each, self.minute) for each in configs if each), default=self.minute)

    def _pause(self, scene: Scene, now: float) -> float:
        """Seconds until there is something to do again; a minute where nothing is to come, for the endpoint may go."""
        times = [each.doc["_due"] for each in scene.actions if each.doc.get("_due") is not None]
        every = self._every(scene)
        return max(min((*times, (now // every + 1) * every)) - now, 0.01)

    def _wake_host(self, endpoint: Row | None) -> None:
        if endpoint is not None:
            (self._house[ComponentHost] if endpoint.kind == room.KIND else self._host).wake(endpoint)

    async def _give_up(self, row: Row, error: Exception) -> None:
        log.error("%s could not be looked after, trying again: %s", row.arn, error)
        self.wake(row)


def _named(row: Row) -> Named:
    return Named(row.doc["ResourceId"], row.doc["ScalableDimension"])


def _limits(row: Row) -> Limits:
    suspended = row.doc["SuspendedState"]
    return Limits(
        row.doc["MinCapacity"],
        row.doc["MaxCapacity"],
        out=not suspended.get("DynamicScalingOutSuspended"),
        back=not suspended.get("DynamicScalingInSuspended"),
    )


def _scene(tx: Tx, row: Row, named: Named, variant: Variant) -> Scene:
    policies = belonging(tx, POLICY, row.scope, named)
    suspended = row.doc["SuspendedState"].get("ScheduledScalingSuspended")
    return Scene(
        variant.row(tx, row.scope),
        policies,
        [] if suspended else belonging(tx, ACTION, row.scope, named),
        activities.latest(tx, row.scope, named),
        readings.standing(tx, row.scope, {each.arn: each for each in policies}),
    )


def _begin(tx: Tx, row: Row, named: Named, variant: Variant, wanted: int, cause: Cause) -> Row | None:
    """Asks the endpoint for a capacity and writes the activity down; the endpoint's row, None where that was refused.

    `Stale` where somebody else was quicker.
    """
    endpoint, noun = variant.row(tx, row.scope), NOUNS[named.dimension]
    if endpoint is None or endpoint.status != "InService":
        raise Stale(f"{named.resource} is on its way.")
    before = variant.wanted(endpoint)
    try:
        endpoint = variant.change(tx, endpoint, wanted)
    except Fault as fault:
        activities.fail(tx, row.scope, named, noun, wanted, cause, fault.message)
        return None
    activities.begin(tx, row.scope, named, noun, before, wanted, cause)
    return endpoint


def _fire(tx: Tx, row: Row, named: Named, action: Row, now: float) -> None:
    """Sets a target's bounds as a schedule says, and when it is due next."""
    given: Mapping[str, int] = action.doc["ScalableTargetAction"]
    doc = {**row.doc, **given, "_bound": True}
    if doc["MinCapacity"] > doc["MaxCapacity"]:  # one of them was not given: it gives way
        doc["MinCapacity"] = doc["MaxCapacity"] = given.get("MinCapacity", given.get("MaxCapacity"))
    tx.update(row, doc=doc)
    tx.update(action, doc={**action.doc, "_due": following(action.doc, now)})
    what = f"min capacity to {doc['MinCapacity']} and max capacity to {doc['MaxCapacity']}"
    cause = f"scheduled action name {action.doc['ScheduledActionName']} was triggered"
    activities.note(tx, row.scope, named, what, cause)


def following(action: Mapping[str, Any], now: float) -> float | None:
    """When a scheduled action is due after `now`; None where it is over. `action` is its row's document."""
    schedule = timetable.parsed(action["Schedule"], action.get("Timezone"), action["_begin"])
    due = schedule.following(max(now, action.get("StartTime", now) - 1e-6))
    return None if due is None or due > action.get("EndTime", due) else due


def forget(tx: Tx, row: Row) -> None:
    """Removes a target, its policies and its schedules; what was done to it stays told."""
    for kind in (POLICY, ACTION):
        for each in belonging(tx, kind, row.scope, _named(row)):
            tx.delete(each)
    tx.delete(row)
