"""What happened lately, gathered from what operations tell: jobs and endpoints, alarms, scaling."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from potager.studio.asking import Asking
from potager.studio.resources import BY_SLUG, Resource
from potager.studio.trials import moment

SLUGS = ("training-jobs", "tuning-jobs", "processing-jobs", "transform-jobs", "endpoints")
MOST = 100
"""Of each kind, how many are looked at."""
REASONS = 25
"""How many are asked why they failed, of a kind whose list does not tell."""


@dataclass(frozen=True)
class Event:
    """Something that happened: when, to what (`kind`: a slug; `name`), what came of it, and why where that is told."""

    at: datetime
    kind: str
    name: str
    what: str
    status: str = ""
    why: str = ""

    @property
    def bad(self) -> bool:
        return self.status in ("Failed", "ALARM")


async def gathered(ask: Asking, since: datetime) -> tuple[list[Event], bool]:
    """What happened since then, the newest first, and whether that is all of it."""
    parts = await asyncio.gather(
        *(_resource(ask, BY_SLUG[slug], since) for slug in SLUGS), _alarms(ask, since), _scaling(ask, since)
    )
    found = sorted((event for events, _ in parts for event in events), key=lambda event: event.at, reverse=True)
    return [event for event in found if event.at >= since], all(whole for _, whole in parts)


async def _resource(ask: Asking, resource: Resource, since: datetime) -> tuple[list[Event], bool]:
    told = await ask(
        resource.service,
        resource.list,
        LastModifiedTimeAfter=since,
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=MOST,
    )
    items: Sequence[Mapping[str, Any]] = told[resource.items]
    failed = [item for item in items if item[resource.status or ""] == "Failed"]
    silent = [item[resource.name] for item in failed if not item.get("FailureReason")][:REASONS]
    found = await asyncio.gather(*(_why(ask, resource, name) for name in silent))
    reasons = dict(zip(silent, found, strict=True))
    events = [event for item in items for event in _events(resource, item, reasons)]
    return events, not told.get("NextToken")


async def _why(ask: Asking, resource: Resource, name: str) -> str:
    found = await ask(resource.service, resource.describe, **{resource.key: name})
    return found.get("FailureReason", "")


def _events(resource: Resource, item: Mapping[str, Any], reasons: Mapping[str, str]) -> list[Event]:
    name, status = item[resource.name], item[resource.status or ""]
    created = moment(item["CreationTime"])
    ended = next((value for key, value in item.items() if key.endswith("EndTime") and value), None)
    changed = moment(ended or item.get("LastModifiedTime"))
    assert created is not None
    events = [Event(created, resource.slug, name, "was created")]
    if changed is not None and changed > created:
        why = item.get("FailureReason") or reasons.get(name, "")
        events.append(Event(changed, resource.slug, name, "became", status, why))
    return events


async def _alarms(ask: Asking, since: datetime) -> tuple[list[Event], bool]:
    told = await ask("cloudwatch", "DescribeAlarmHistory", StartDate=since, MaxRecords=MOST)
    events = [
        Event(at, "alarms", item["AlarmName"], item["HistorySummary"], _state(item))
        for item in told["AlarmHistoryItems"]
        if (at := moment(item["Timestamp"]))
    ]
    return events, not told.get("NextToken")


def _state(item: Mapping[str, Any]) -> str:
    """The state that an alarm came into."""
    return item["HistorySummary"].rpartition(" to ")[2] if item["HistoryItemType"] == "StateUpdate" else ""


async def _scaling(ask: Asking, since: datetime) -> tuple[list[Event], bool]:
    told = await ask(
        "application-autoscaling", "DescribeScalingActivities", ServiceNamespace="sagemaker", MaxResults=50
    )
    events: list[Event] = []
    for item in told["ScalingActivities"]:
        kind, _, rest = item["ResourceId"].partition("/")
        at = moment(item["StartTime"]) or datetime.now(UTC)
        slug, name = ("endpoints", rest.partition("/")[0]) if kind == "endpoint" else ("", item["ResourceId"])
        events.append(Event(at, slug, name, item["Description"], item["StatusCode"], item.get("Cause", "")))
    return events, not told.get("NextToken") or (bool(events) and events[-1].at < since)
