"""CloudWatch Logs: what jobs and endpoints printed.

Groups and streams come into being when a workload writes; clients read them. DescribeLogStreams never gives a
nextToken: the SageMaker SDK asks again as long as it sees one, and never passes it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound, Unserved, WireError
from potager.monitor import patterns
from potager.store.logs import Group, Logs, Stream
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_logs.type_defs import (
        DescribeLogGroupsRequestTypeDef,
        DescribeLogStreamsRequestTypeDef,
        FilterLogEventsRequestTypeDef,
        GetLogEventsRequestTypeDef,
    )

logs = Service("logs")

MOST_EVENTS = 10_000
"""Events of one answer, as on AWS."""


@logs.operation
async def describe_log_groups(ctx: Context, req: DescribeLogGroupsRequestTypeDef) -> Mapping[str, Any]:
    """The log groups of this account and region, by name."""
    prefix, pattern = req.get("logGroupNamePrefix", ""), req.get("logGroupNamePattern", "")
    groups = await ctx[Logs].groups(ctx.scope, prefix)
    named = [group for group in groups if pattern.lower() in group.name.lower()]
    page, token = _page(named, req.get("nextToken"), req.get("limit", 50))
    return {"logGroups": [_group(ctx, group) for group in page], "nextToken": token}


def _page(items: list[Group], token: str | None, limit: int) -> tuple[list[Group], str | None]:
    """Those that follow the name in `token`, and the token of the next page."""
    rest = [item for item in items if token is None or item.name > token]
    page = rest[:limit]
    return page, page[-1].name if len(rest) > limit else None


def _group(ctx: Context, group: Group) -> dict[str, Any]:
    arn = ctx.arn(f"log-group:{group.name}", "logs")
    return {
        "logGroupName": group.name,
        "creationTime": int(group.created * 1000),
        "metricFilterCount": 0,
        "arn": arn + ":*",
        "logGroupArn": arn,
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
    }


@logs.operation
async def describe_log_streams(ctx: Context, req: DescribeLogStreamsRequestTypeDef) -> Mapping[str, Any]:
    """The streams of a group. `ResourceNotFoundException` for an unknown group."""
    group = _name(dict(req))
    prefix = req.get("logStreamNamePrefix", "")
    streams = await _known(ctx, group, prefix)
    if req.get("orderBy") == "LastEventTime":
        if prefix:
            raise WireError("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams.sort(key=lambda stream: stream.last_event or 0)
    if req.get("descending"):
        streams.reverse()
    return {"logStreams": [_stream(ctx, group, stream) for stream in streams]}


def _name(req: Mapping[str, Any]) -> str:
    """A group's name out of its name or its ARN."""
    name = req.get("logGroupName") or req.get("logGroupIdentifier", "").partition(":log-group:")[2].removesuffix(":*")
    if not (name or req.get("logGroupIdentifier")):
        raise WireError("InvalidParameterException", "Name the log group, in logGroupName.")
    return name or req["logGroupIdentifier"]


async def _known(ctx: Context, group: str, prefix: str = "") -> list[Stream]:
    try:
        return list(await ctx[Logs].streams(ctx.scope, group, prefix))
    except NotFound as fault:
        raise WireError("ResourceNotFoundException", "The specified log group does not exist.") from fault


def _stream(ctx: Context, group: str, stream: Stream) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": int(stream.created * 1000),
        "arn": ctx.arn(f"log-group:{group}:log-stream:{stream.name}", "logs"),
        "storedBytes": 0,
    }
    if stream.last_event is not None:
        shown |= {"firstEventTimestamp": stream.first_event, "lastEventTimestamp": stream.last_event}
        shown |= {"lastIngestionTime": stream.last_event, "uploadSequenceToken": "0"}
    return shown


@logs.operation
async def get_log_events(ctx: Context, req: GetLogEventsRequestTypeDef) -> Mapping[str, Any]:
    """Events of one stream, forward or backward; at either end, the token that came in comes back."""
    group = _name(dict(req))
    try:
        page = await ctx[Logs].events(
            ctx.scope,
            group,
            req["logStreamName"],
            start=req.get("startTime"),
            end=req.get("endTime"),
            token=req.get("nextToken"),
            limit=req.get("limit", MOST_EVENTS),
            from_head=req.get("startFromHead", False),
        )
    except NotFound as fault:
        await _known(ctx, group)
        raise WireError("ResourceNotFoundException", "The specified log stream does not exist.") from fault
    except Invalid as fault:
        raise WireError("InvalidParameterException", fault.message) from fault
    return {
        "events": [{"timestamp": at, "message": text, "ingestionTime": at} for at, text in page.events],
        "nextForwardToken": page.forward,
        "nextBackwardToken": page.backward,
    }


@logs.operation
@partly("terms only: no JSON or column patterns")
async def filter_log_events(ctx: Context, req: FilterLogEventsRequestTypeDef) -> Mapping[str, Any]:
    """Events of many streams of a group, by time, that match a pattern of terms."""
    group = _name(dict(req))
    streams = await _known(ctx, group, req.get("logStreamNamePrefix", ""))
    wanted = set(req.get("logStreamNames", ())) or {stream.name for stream in streams}
    names = [stream.name for stream in streams if stream.name in wanted]
    if "{" in req.get("filterPattern", "")[:1] or "[" in req.get("filterPattern", "")[:1]:
        raise Unserved("Filter patterns on JSON and on columns are not served yet. Use terms.")
    matches = patterns.terms(req.get("filterPattern", ""))
    found = [
        {
            "logStreamName": name,
            "timestamp": at,
            "message": text,
            "ingestionTime": at,
            "eventId": f"{at:020d}{number:016d}",
        }
        for name in names
        for number, (at, text) in enumerate(await ctx[Logs].all(ctx.scope, group, name))
        if req.get("startTime", 0) <= at < req.get("endTime", 2**63) and matches(text)
    ]
    found.sort(key=lambda event: (event["timestamp"], event["logStreamName"], event["eventId"]))
    first = _offset(req.get("nextToken"))
    last = first + req.get("limit", MOST_EVENTS)
    token = str(last) if last < len(found) else None
    return {"events": found[first:last], "searchedLogStreams": [], "nextToken": token}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise WireError("InvalidParameterException", f"The specified nextToken is invalid: '{token}'.")
    return int(token)
