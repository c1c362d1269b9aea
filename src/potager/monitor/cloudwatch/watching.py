"""Looks at alarms again and again, and acts where their states change.

    wake ─► actions that are due ─► datapoints ─► evaluation.state ─► changed? one change of the row: state, history,
                                                                       and the actions that are due

What is due is written with the change, so that a server that is killed in between acts when it comes back: an action
happens at least once, for each change, however fast one follows another. Actions on policies of Application Auto
Scaling are repeated with each evaluation as long as the state lasts, as on AWS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from potager.kernel import clock, ids
from potager.kernel.context import House
from potager.kernel.errors import Fault
from potager.monitor.cloudwatch import evaluation, messages, queries
from potager.monitor.cloudwatch.evaluation import ALARM, EXTRA, INSUFFICIENT, OK, STATES, Rule
from potager.monitor.cloudwatch.expressions import Series
from potager.store.leases import Leases
from potager.store.metrics import Metrics
from potager.store.pages import Page
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND, HISTORY = "alarm", "alarm-history"
MEMBERS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}
KEPT = 14 * 86_400.0
"""Seconds that history is kept."""
MOST_DUE = 100
"""Actions of an alarm that may be due; where its state changes faster than they are done, the oldest are left out."""
TRIMMED = 100
"""Items of history that one change removes at most, where they are too old."""

Action = Callable[[Row, str], Awaitable[object]]
"""`await act(row, arn)`; a `Fault` is written down in the alarm's history."""


class Watch:
    """Evaluates the alarms whose lease this server holds.

    Parameters
    ----------
    interval : seconds between two looks at an alarm.

    Attributes
    ----------
    actions : what is done, by the service that stands in an action's ARN.
    """

    def __init__(self, house: House, rows: Rows, leases: Leases, metrics: Metrics, interval: float) -> None:
        self.actions: dict[str, Action] = {"sns": self._publish}
        self._house = house
        self._rows = rows
        self._leases = leases
        self._metrics = metrics
        self.interval = interval
        self._tender = Tender(KIND, STATES, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every alarm."""
        await self._tender.take_up()

    def wake(self, row: Row) -> None:
        """Has an alarm looked at now, and then from time to time."""
        self._tender.wake(row)

    async def close(self) -> None:
        """Stops looking."""
        await self._tender.close()

    async def _act(self, row: Row) -> float | None:
        row = await self._done(row)
        now = clock.now()
        if now < row.doc.get("_until", 0.0):
            return row.doc["_until"] - now
        rule = Rule(
            row.doc["ComparisonOperator"],
            float(row.doc["Threshold"]),
            row.doc["EvaluationPeriods"],
            row.doc.get("DatapointsToAlarm", row.doc["EvaluationPeriods"]),
            row.doc.get("TreatMissingData", "missing"),
        )
        points = await self._datapoints(row, rule, now)
        present = row.status or INSUFFICIENT
        state = evaluation.state(rule, [value for _, value in points], present)
        if state != present:
            why, data = messages.reason(rule, points, present, state), messages.data(rule, row.doc, points, now)
            row = await self._rows.write(lambda tx: changed(tx, row, state, why, data, now))
            log.info("alarm %s: %s: %s", row.name, state, why)
            await self._done(row)
        elif row.doc.get("ActionsEnabled", True):
            again = [arn for arn in row.doc.get(MEMBERS[state], []) if arn.split(":")[2] != "sns"]
            for arn in again:
                await self._attempt(row, arn)
        return self.interval

    async def _datapoints(self, row: Row, rule: Rule, now: float) -> list[tuple[float, float | None]]:
        """A moment and its value for each period that is over, the newest last."""
        asked, seconds = _queries(row.doc)
        end, number = now - now % seconds, rule.periods + EXTRA
        start = end - number * seconds
        found = await queries.answered(self._metrics, row.scope, asked, start, end)
        values = next((result.values for result in found if result.returned), Series())
        return [(at, values.get(at)) for at in (start + place * seconds for place in range(number))]

    async def _done(self, row: Row) -> Row:
        """Acts as is due; the row with nothing due any more."""
        while due := row.doc.get("_due"):
            await self._attempt(_as_it_was(row, due[0]), due[0]["arn"], news=True)
            row = await self._settle(row, due[0]["id"])
        return row

    async def _settle(self, row: Row, done: str) -> Row:
        return await self._rows.write(lambda tx: settled(tx, row, done))

    async def _attempt(self, row: Row, arn: str, *, news: bool = False) -> None:
        """Acts, and writes down what came of it where that is news: not what is repeated as long as a state lasts."""
        service = arn.split(":")[2]
        error = ""
        try:
            if service not in self.actions:
                raise Fault(f"Nothing here takes actions of {service}.")
            await self.actions[service](row, arn)
        except Exception as fault:
            error = fault.message if isinstance(fault, Fault) else f"{type(fault).__name__}: {fault}"
            log.warning("alarm %s: the action %s failed: %s", row.name, arn, error)
        said = f"Failed to execute action {arn}: {error}" if error else f"Successfully executed action {arn}"
        data = {"actionState": "Failed" if error else "Succeeded", "notificationResource": arn, "error": error or None}
        if news:
            await self._rows.write(lambda tx: remember(tx, row, "Action", said, data))

    async def _publish(self, row: Row, arn: str) -> None:
        old = row.doc.get("_old", INSUFFICIENT)
        given = {"TopicArn": arn, "Subject": messages.subject(row), "Message": messages.message(row, old)}
        await self._house.acting("cloudwatch", row.scope).call("sns", "Publish", given)

    async def _give_up(self, row: Row, error: Exception) -> None:
        log.error("alarm %s could not be looked at, trying again: %s", row.name, error)
        self._tender.wake(row)


def _queries(doc: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """What an alarm asks for, as metric data queries, and its period."""
    if "Metrics" in doc:
        asked: list[dict[str, Any]] = doc["Metrics"]
        return asked, period(asked)
    metric = {name: doc[name] for name in ("Namespace", "MetricName", "Dimensions") if name in doc}
    stat = {"Metric": metric, "Period": doc["Period"], "Stat": doc.get("Statistic") or doc["ExtendedStatistic"]}
    return [{"Id": "m1", "MetricStat": stat | ({"Unit": doc["Unit"]} if "Unit" in doc else {})}], doc["Period"]


def period(asked: Sequence[Mapping[str, Any]]) -> int:
    """The period of an alarm on expressions: the longest of its metrics'."""
    return max((query["MetricStat"]["Period"] for query in asked if "MetricStat" in query), default=60)


def changed(tx: Tx, row: Row, state: str, why: str, data: str | None, now: float) -> Row:
    """The alarm in another state, in a transaction: with its history, and the actions that are due then."""
    old, doc = row.status or INSUFFICIENT, {name: value for name, value in row.doc.items() if name != "StateReasonData"}
    doc |= {"StateReason": why, "StateUpdatedTimestamp": now} | ({"StateReasonData": data} if data else {})
    if old != state:
        doc |= {"_old": old, "StateTransitionedTimestamp": now}
        if doc.get("ActionsEnabled", True):
            then = {name: doc[name] for name in ("StateReason", "StateUpdatedTimestamp", "_old")}
            fresh = [
                {"id": ids.short(8), "arn": arn, "state": state, "then": then} for arn in doc.get(MEMBERS[state], [])
            ]
            doc["_due"] = [*doc.get("_due", []), *fresh][-MOST_DUE:]
    row = tx.update(row, doc=doc, status=state)
    if old != state:
        said = {"oldState": {"stateValue": old}, "newState": {"stateValue": state, "stateReason": why}}
        remember(tx, row, "StateUpdate", f"Alarm updated from {old} to {state}", said)
    return row


def settled(tx: Tx, row: Row, done: str) -> Row:
    """The alarm as it is by now, with one action less that is due, in a transaction."""
    row = tx.get(KIND, row.scope, row.name) or row
    due = [each for each in row.doc.get("_due", []) if each["id"] != done]
    return tx.update(row, doc={**row.doc, "_due": due})


def _as_it_was(row: Row, due: Mapping[str, Any]) -> Row:
    """The alarm at the change that an action is due for."""
    return replace(row, status=due["state"], doc=row.doc | due["then"])


def remember(tx: Tx, row: Row, kind: str, summary: str, data: Mapping[str, Any]) -> None:
    """Writes an item of an alarm's history down, and takes some away that are too old."""
    item = {
        "AlarmName": row.name,
        "AlarmType": "MetricAlarm",
        "HistoryItemType": kind,
        "HistorySummary": summary[:255],
        "HistoryData": json.dumps({"version": "1.0", **data})[:4095],
    }
    name = ids.short(24)
    tx.insert(HISTORY, row.scope, name, item, arn=f"{row.arn}/{name}")
    for old in tx.page(HISTORY, row.scope, Page(limit=TRIMMED, created_before=clock.now() - KEPT))[0]:
        tx.delete(old)
