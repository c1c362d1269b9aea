"""Alarms: which there are, what each watches, its metric against its threshold, and what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking, seconds
from potager.studio.safety import ROOT
from potager.studio.trials import moment
from potager.studio.views import page, quoted, wanted

PAGE = 100
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
}
POINTS = 180
"""Periods that the chart shows, of three hours at least."""
STATE_MEMBERS = ("AlarmName", "AlarmArn", "StateValue", "StateReason", "StateReasonData")


async def show(request: Request) -> Response:
    """A page of the list, by name: `?state=ALARM&name=claims`."""
    query = request.query_params
    found = await asking(request)(
        "cloudwatch",
        "DescribeAlarms",
        AlarmNamePrefix=query.get("name"),
        StateValue=query.get("state") if query.get("state") in STATES else None,
        MaxRecords=PAGE,
        NextToken=query.get("next"),
    )
    alarms = [{"name": each["AlarmName"], "rule": rule(each), "told": each} for each in found["MetricAlarms"]]
    template = "alarms/rows.html" if wanted(request) else "alarms/list.html"
    return page(request, template, alarms=alarms, next=found.get("NextToken"), states=STATES)


def rule(alarm: Mapping[str, Any]) -> str:
    """When it rings, in a line."""
    sign = SIGNS.get(alarm.get("ComparisonOperator", ""), alarm.get("ComparisonOperator", ""))
    if alarm.get("MetricName"):
        what = f"{alarm.get('Statistic') or alarm.get('ExtendedStatistic')} of {alarm['MetricName']}"
        each = f" over {alarm['Period']} s"
    else:
        what, each = "an expression", ""
    periods = alarm["EvaluationPeriods"]
    many = alarm.get("DatapointsToAlarm") or periods
    times = "" if periods == 1 else f", {many} of {periods} times"
    return f"{what}{each} {sign} {alarm['Threshold']:g}{times}"


async def _alarm(ask: Asking, name: str) -> dict[str, Any]:
    found = (await ask("cloudwatch", "DescribeAlarms", AlarmNames=[name]))["MetricAlarms"]
    if not found:
        raise WireError("ResourceNotFound", f"There is no alarm named '{name}'.", 404)
    return found[0]


async def one(request: Request) -> Response:
    """An alarm and its history."""
    ask, name = asking(request), request.path_params["name"]
    alarm, told = await asyncio.gather(
        _alarm(ask, name), ask("cloudwatch", "DescribeAlarmHistory", AlarmName=name, MaxRecords=PAGE)
    )
    facts = {
        member: value
        for member, value in alarm.items()
        if member not in STATE_MEMBERS and not isinstance(value, dict | list) and not member.endswith("Timestamp")
    }
    return page(
        request,
        "alarms/one.html",
        name=name,
        alarm=alarm,
        rule=rule(alarm),
        since=moment(alarm.get("StateTransitionedTimestamp")),
        facts=facts,
        subjects=_subjects(alarm),
        actions=[arn for member in ("AlarmActions", "OKActions", "InsufficientDataActions") for arn in alarm[member]],
        history=told["AlarmHistoryItems"],
    )


def _subjects(alarm: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The dimensions, with the page of what each names."""
    slugs = {"EndpointName": "endpoints", "TrainingJobName": "training-jobs"}
    return [
        (
            each["Name"],
            each["Value"],
            f"{ROOT}/{slugs[each['Name']]}/{quoted(each['Value'])}" if each["Name"] in slugs else "",
        )
        for each in alarm.get("Dimensions") or ()
    ]


async def chart(request: Request) -> Response:
    """The metric as the alarm sees it, and its threshold."""
    ask = asking(request)
    alarm = await _alarm(ask, request.path_params["name"])
    queries = alarm.get("Metrics") or [_query(alarm)]
    period = alarm.get("Period") or 60
    now = datetime.now(UTC)
    found = await ask(
        "cloudwatch",
        "GetMetricData",
        MetricDataQueries=queries,
        StartTime=now - timedelta(seconds=max(3 * 3600, POINTS * period)),
        EndTime=now,
        ScanBy="TimestampAscending",
    )
    series = [
        {"name": each["Label"], "points": [[seconds(at) * 1000, value] for at, value in _pairs(each)]}
        for each in found["MetricDataResults"]
        if each["Values"]
    ]
    return JSONResponse(
        {
            "kind": "lines",
            "x": {"name": "", "type": "time"},
            "y": {"name": alarm.get("MetricName") or "value"},
            "series": series,
            "marks": [{"y": alarm["Threshold"], "text": f"threshold {alarm['Threshold']:g}"}],
        }
    )


def _query(alarm: Mapping[str, Any]) -> dict[str, Any]:
    metric = {
        "Namespace": alarm["Namespace"],
        "MetricName": alarm["MetricName"],
        "Dimensions": list(alarm.get("Dimensions") or ()),
    }
    statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic")
    unit = {"Unit": alarm["Unit"]} if alarm.get("Unit") else {}
    return {
        "Id": "watched",
        "Label": alarm["MetricName"],
        "MetricStat": {"Metric": metric, "Period": alarm["Period"], "Stat": statistic, **unit},
        "ReturnData": True,
    }


def _pairs(result: Mapping[str, Any]) -> zip[tuple[Any, float]]:
    return zip(result["Timestamps"], result["Values"], strict=True)


async def switch(request: Request) -> Response:
    """Lets it act, or keeps it from acting."""
    name, form = request.path_params["name"], await request.form()
    operation = "EnableAlarmActions" if form.get("act") == "on" else "DisableAlarmActions"
    await asking(request)("cloudwatch", operation, AlarmNames=[name])
    return RedirectResponse(f"{ROOT}/alarms/{quoted(name)}", 303)


async def delete(request: Request) -> Response:
    """Deletes it."""
    await asking(request)("cloudwatch", "DeleteAlarms", AlarmNames=[request.path_params["name"]])
    return RedirectResponse(f"{ROOT}/alarms", 303)


ROUTES = [
    Route("/alarms", show),
    Route("/alarms/{name:path}/chart", chart),
    Route("/alarms/{name:path}/actions", switch, methods=["POST"]),
    Route("/alarms/{name:path}/delete", delete, methods=["POST"]),
    Route("/alarms/{name:path}", one),
]
"""An alarm's name may have slashes: Application Auto Scaling's do."""
