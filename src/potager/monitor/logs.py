"""CloudWatch Logs: what jobs and endpoints printed.

Groups and streams come into being when a workload writes; clients read them. DescribeLogStreams never gives a
nextToken: the SageMaker SDK asks again as long as it sees one, and never passes it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound, Unserved, WireError
from potager.monitor import patterns
from potager.store.logs import Group, Logs, Stream
from potager.store.search import Hit
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
MOST_STREAMS = 50
"""Streams of one answer, as on AWS."""


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
@partly("the first 50 or `limit` streams only: there is no next page")
async def describe_log_streams(ctx: Context, req: DescribeLogStreamsRequestTypeDef) -> Mapping[str, Any]:
    """The first streams of a group. `ResourceNotFoundException` for an unknown group."""
    group, prefix = _name(dict(req)), req.get("logStreamNamePrefix", "")
    by_time = req.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise WireError("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    if "nextToken" in req:
        raise WireError("InvalidParameterException", "The specified nextToken is invalid.")
    with _known():
        streams = await ctx[Logs].streams(
            ctx.scope,
            group,
            prefix,
            by_time=by_time,
            descending=req.get("descending", False),
            limit=req.get("limit", MOST_STREAMS),
        )
    return {"logStreams": [_stream(ctx, group, stream) for stream in streams]}


def _name(req: Mapping[str, Any]) -> str:
    """A group's name out of its name or its ARN."""
    name = req.get("logGroupName") or req.get("logGroupIdentifier", "").partition(":log-group:")[2].removesuffix(":*")
    if not (name or req.get("logGroupIdentifier")):
        raise WireError("InvalidParameterException", "Name the log group, in logGroupName.")
    return name or req["logGroupIdentifier"]


@contextmanager
def _known() -> Iterator[None]:
    """The store's errors, in the codes of CloudWatch Logs."""
    try:
        yield
    except NotFound as fault:
        raise WireError("ResourceNotFoundException", fault.message) from fault
    except Invalid as fault:
        raise WireError("InvalidParameterException", fault.message) from fault


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
    with _known():
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
    return {
        "events": [{"timestamp": at, "message": text, "ingestionTime": at} for at, text in page.events],
        "nextForwardToken": page.forward,
        "nextBackwardToken": page.backward,
    }


@logs.operation
@partly("terms only: no JSON or column patterns; oldest first only")
async def filter_log_events(ctx: Context, req: FilterLogEventsRequestTypeDef) -> Mapping[str, Any]:
    """Events of many streams of a group, by time, that match a pattern of terms."""
    group, pattern = _name(dict(req)), req.get("filterPattern", "")
    if pattern[:1] in ("{", "["):
        raise Unserved("Filter patterns on JSON and on columns are not served yet. Use terms.")
    if not req.get("startFromHead", True):
        raise Unserved("FilterLogEvents gives the oldest events first. Leave startFromHead out, or use GetLogEvents.")
    with _known():
        found = await ctx[Logs].search(
            ctx.scope,
            group,
            await _searched(ctx, group, req),
            patterns.terms(pattern),
            start=req.get("startTime", 0),
            end=req.get("endTime"),
            token=req.get("nextToken"),
            limit=req.get("limit", MOST_EVENTS),
        )
    return {"events": [_event(hit) for hit in found.hits], "searchedLogStreams": [], "nextToken": found.token}


async def _searched(ctx: Context, group: str, req: FilterLogEventsRequestTypeDef) -> Sequence[str]:
    """The names of the streams that a search is for."""
    if "logStreamNames" not in req:
        return await ctx[Logs].names(ctx.scope, group, req.get("logStreamNamePrefix", ""))
    if "logStreamNamePrefix" in req:
        raise WireError("InvalidParameterException", "Give logStreamNames or logStreamNamePrefix, not both.")
    return req["logStreamNames"]


def _event(hit: Hit) -> dict[str, Any]:
    stream = int.from_bytes(blake2b(hit.stream.encode(), digest_size=8).digest(), "big")
    return {
        "logStreamName": hit.stream,
        "timestamp": hit.at,
        "message": hit.text,
        "ingestionTime": hit.at,
        "eventId": f"{hit.at:018d}{stream:020d}{hit.place:018d}",
    }
