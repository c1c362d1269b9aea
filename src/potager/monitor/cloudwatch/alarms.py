"""Alarms: put, described, deleted; their states, their history, their tags.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import json
import math
from typing import Any

from potager.kernel import clock, tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound, Unserved, WireError
from potager.monitor.cloudwatch import queries
from potager.monitor.cloudwatch.evaluation import COMPARISONS, INSUFFICIENT, TREATMENTS
from potager.monitor.cloudwatch.service import Output, Req, cloudwatch, dimensions, page
from potager.monitor.cloudwatch.watching import HISTORY, KIND, Watch, changed, period, remember
from potager.store.pages import Page
from potager.store.rows import Row, Rows, Tx
from potager.store.summary import extended
from potager.wire.service import partly

PAGE = 100
"""Alarms of one answer, as on AWS."""
MANY = 10**6
"""More alarms than there are."""
DAY, WEEK = 86_400, 7 * 86_400
"""Seconds that the periods of an evaluation may have together; the latter where each is an hour or more."""
UNSERVED = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
)
ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
"""What an alarm on one metric has, and one on an expression has not."""


@cloudwatch.operation
@partly("static thresholds on a metric or an expression; actions by SNS and Application Auto Scaling")
async def put_metric_alarm(ctx: Context, req: Req) -> None:
    """A new alarm, or an alarm with another configuration, whose state stays as it is."""
    _check(req)
    name, tagged = req["AlarmName"], tags.checked(req.get("Tags", ()))
    now = clock.now()
    doc = {"ActionsEnabled": True, **req, "AlarmConfigurationUpdatedTimestamp": now}
    doc.pop("Tags", None)
    arn = ctx.arn(f"alarm:{name}", "cloudwatch")

    def write(tx: Tx) -> Row:
        row = tx.get(KIND, ctx.scope, name)
        if row is None:
            state = {"StateReason": "Unchecked: Initial alarm creation", "StateUpdatedTimestamp": now}
            first = {**doc, **state, "StateTransitionedTimestamp": now}
            row = tx.insert(KIND, ctx.scope, name, first, arn=arn, status=INSUFFICIENT)
            tx.tag(arn, tagged)
            remember(tx, row, "ConfigurationUpdate", f'Alarm "{name}" created', {"type": "Create"})
            return row
        kept = {each: row.doc[each] for each in row.doc if each.startswith(("State", "_"))}
        row = tx.update(row, doc={**doc, **kept})
        remember(tx, row, "ConfigurationUpdate", f'Alarm "{name}" updated', {"type": "Update"})
        return row

    ctx[Watch].wake(await ctx[Rows].write(write))


def _check(req: Req) -> None:
    for member in UNSERVED:
        if member in req:
            raise Unserved(f"{member} is not served: thresholds are numbers. Leave it out.")
    if req.get("ComparisonOperator") not in COMPARISONS:
        raise Unserved("Alarms on anomaly detection bands are not served. Use one of " + ", ".join(COMPARISONS) + ".")
    for member in ("EvaluationPeriods", "Threshold"):
        if member not in req:
            raise WireError("ValidationError", f"The parameter {member} is required.")
    if not math.isfinite(req["Threshold"]):
        raise Invalid("The Threshold is no number.")
    if req.get("TreatMissingData", "missing") not in TREATMENTS:
        raise Invalid(f"TreatMissingData is one of {', '.join(TREATMENTS)}.")
    if req.get("EvaluateLowSampleCountPercentile", "evaluate") not in ("evaluate", "ignore"):
        text = "Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        option = req["EvaluateLowSampleCountPercentile"]
        raise WireError("ValidationError", f"Option {option} is not supported. {text}")
    if req.get("DatapointsToAlarm", 1) > req["EvaluationPeriods"]:
        raise Invalid("DatapointsToAlarm must not be greater than EvaluationPeriods.")
    seconds = _period_of_expression(req) if "Metrics" in req else _period_of_metric(req)
    most = WEEK if seconds >= 3600 else DAY
    if seconds * req["EvaluationPeriods"] > most:
        raise Invalid(f"Metrics cannot be checked across more than {most} seconds (EvaluationPeriods times Period).")
    for arn in (arn for member in ACTIONS for arn in req.get(member, [])):
        if arn.split(":")[2:3] not in (["sns"], ["autoscaling"]):
            text = "Actions are ARNs of SNS topics and of policies of Application Auto Scaling."
            raise Unserved(f"The action {arn!r} is not served. {text}")


def _period_of_metric(req: Req) -> int:
    for member in ("MetricName", "Namespace", "Period"):
        if member not in req:
            raise WireError("ValidationError", f"The parameter {member} is required, where there are no Metrics.")
    if ("Statistic" in req) == ("ExtendedStatistic" in req):
        raise WireError("ValidationError", "Give Statistic or ExtendedStatistic, one of the two.")
    if "ExtendedStatistic" in req:
        _check_extended(req["ExtendedStatistic"])
    dimensions(req.get("Dimensions", ()))
    return queries.checked_period(req["Period"])


def _check_extended(name: str) -> None:
    try:
        extended(name)
    except Invalid as error:
        text = f"The value {name} for parameter ExtendedStatistic is not supported."
        raise WireError("InvalidParameterValue", text) from error


def _period_of_expression(req: Req) -> int:
    if mixed := [member for member in SINGLE if member in req]:
        raise WireError("ValidationError", f"Give Metrics, or {mixed[0]} and what belongs to it, one of the two.")
    asked = req["Metrics"]
    queries.check(asked, "Metrics")
    if sum(query.get("ReturnData", True) for query in asked) != 1:
        raise WireError("ValidationError", "Exactly one of the Metrics must have ReturnData true.")
    return period(asked)


@cloudwatch.operation
@partly("no composite alarms; ChildrenOfAlarmName and ParentsOfAlarmName find none")
async def describe_alarms(ctx: Context, req: Req) -> Output:
    """Alarms by name."""
    if "AlarmNames" in req and "AlarmNamePrefix" in req:
        raise WireError("ValidationError", "Give AlarmNames or AlarmNamePrefix, not both.")
    found = [row for row in await _alarms(ctx) if _asked(row, req)]
    some, token = page(found, req.get("NextToken"), req.get("MaxRecords", 50))
    return {"MetricAlarms": [_shown(row) for row in some], "CompositeAlarms": [], "NextToken": token}


def _asked(row: Row, req: Req) -> bool:
    actions = [arn for member in ACTIONS for arn in row.doc.get(member, [])]
    return (
        "MetricAlarm" in req.get("AlarmTypes", ["MetricAlarm"])
        and "ChildrenOfAlarmName" not in req
        and "ParentsOfAlarmName" not in req
        and ("AlarmNames" not in req or row.name in req["AlarmNames"])
        and row.name.startswith(req.get("AlarmNamePrefix", ""))
        and req.get("StateValue", row.status) == row.status
        and ("ActionPrefix" not in req or any(arn.startswith(req["ActionPrefix"]) for arn in actions))
    )


async def _alarms(ctx: Context) -> list[Row]:
    every = Page(limit=MANY, order_by="name")
    return await ctx[Rows].read(lambda tx: tx.page(KIND, ctx.scope, every)[0])


def _shown(row: Row) -> dict[str, Any]:
    own: dict[str, Any] = {
        "AlarmArn": row.arn,
        "StateValue": row.status,
        "Dimensions": [],
        **{member: [] for member in ACTIONS},
    }
    return {**own, **row.doc, "Dimensions": row.doc.get("Dimensions", []), "Metrics": row.doc.get("Metrics")}


@cloudwatch.operation
async def describe_alarms_for_metric(ctx: Context, req: Req) -> Output:
    """The alarms on one metric, by what of it they look at."""
    by = dimensions(req.get("Dimensions", ()))
    members = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")
    found = [
        row
        for row in await _alarms(ctx)
        if all(row.doc.get(each) == req[each] for each in members if each in req)
        and dimensions(row.doc.get("Dimensions", ())) == by
    ]
    return {"MetricAlarms": [_shown(row) for row in found]}


@cloudwatch.operation
async def describe_alarm_history(ctx: Context, req: Req) -> Output:
    """What alarms did in the last two weeks, also those that are gone."""
    descending = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    where = {"AlarmName": req["AlarmName"]} if "AlarmName" in req else {}
    where |= {"HistoryItemType": req["HistoryItemType"]} if "HistoryItemType" in req else {}
    every = Page(
        limit=MANY,
        descending=descending,
        created_after=req["StartDate"].timestamp() if "StartDate" in req else None,
        created_before=req["EndDate"].timestamp() if "EndDate" in req else None,
        where=where,
    )
    rows = await ctx[Rows].read(lambda tx: tx.page(HISTORY, ctx.scope, every)[0])
    some, token = page(rows, req.get("NextToken"), req.get("MaxRecords", PAGE))
    return {"AlarmHistoryItems": [{**row.doc, "Timestamp": row.created} for row in some], "NextToken": token}


@cloudwatch.operation
async def delete_alarms(ctx: Context, req: Req) -> None:
    """Removes alarms; where one of several is not there, none of them."""
    names = req["AlarmNames"]

    def write(tx: Tx) -> None:
        rows = [tx.get(KIND, ctx.scope, name) for name in dict.fromkeys(names)]
        if len(names) > 1 and None in rows:
            raise NotFound(f"Not all of the alarms {', '.join(names)} are there. None was deleted.")
        for row in rows:
            if row is not None:
                tx.delete(row)
                remember(tx, row, "ConfigurationUpdate", f'Alarm "{row.name}" deleted', {"type": "Delete"})

    await ctx[Rows].write(write)


@cloudwatch.operation
async def set_alarm_state(ctx: Context, req: Req) -> None:
    """Puts an alarm into a state until it is looked at again; its actions follow."""
    if data := req.get("StateReasonData"):
        try:
            json.loads(data)
        except (ValueError, RecursionError) as error:
            raise WireError("InvalidFormat", "StateReasonData is not JSON.") from error
    state, why, watch, now = req["StateValue"], req["StateReason"], ctx[Watch], clock.now()

    def write(tx: Tx) -> Row:
        row = _found(tx, ctx, req["AlarmName"])
        row = changed(tx, row, state, why, data, now)
        return tx.update(row, doc={**row.doc, "_until": now + watch.interval})

    watch.wake(await ctx[Rows].write(write))


def _found(tx: Tx, ctx: Context, name: str) -> Row:
    row = tx.get(KIND, ctx.scope, name)
    if row is None:
        raise NotFound(f"There is no alarm named '{name}' in {ctx.region} of account {ctx.account}.")
    return row


async def _switched(ctx: Context, names: list[str], *, on: bool) -> None:
    def write(tx: Tx) -> None:
        for name in names:
            if (row := tx.get(KIND, ctx.scope, name)) is not None:
                tx.update(row, doc={**row.doc, "ActionsEnabled": on})

    await ctx[Rows].write(write)


@cloudwatch.operation
async def enable_alarm_actions(ctx: Context, req: Req) -> None:
    """Lets alarms act; those that are not there are passed over."""
    await _switched(ctx, req["AlarmNames"], on=True)


@cloudwatch.operation
async def disable_alarm_actions(ctx: Context, req: Req) -> None:
    """Keeps alarms from acting; their states change as ever."""
    await _switched(ctx, req["AlarmNames"], on=False)


def _tagged(tx: Tx, ctx: Context, req: Req) -> Row:
    row = tx.by_arn(req["ResourceARN"])
    if row is None or row.kind != KIND or row.scope != ctx.scope:
        raise WireError("ResourceNotFoundException", f"There is no alarm {req['ResourceARN']}.", 404)
    return row


@cloudwatch.operation
async def list_tags_for_resource(ctx: Context, req: Req) -> Output:
    """An alarm's tags, by key."""
    found = await ctx[Rows].read(lambda tx: tx.tags(_tagged(tx, ctx, req).arn))
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


@cloudwatch.operation
async def tag_resource(ctx: Context, req: Req) -> None:
    """Adds tags to an alarm, or sets them anew."""
    given = tags.checked(req["Tags"])

    def write(tx: Tx) -> None:
        row = _tagged(tx, ctx, req)
        tx.tag(row.arn, given)

    await ctx[Rows].write(write)


@cloudwatch.operation
async def untag_resource(ctx: Context, req: Req) -> None:
    """Takes tags off an alarm; those that it does not have are passed over."""
    await ctx[Rows].write(lambda tx: tx.untag(_tagged(tx, ctx, req).arn, req["TagKeys"]))
