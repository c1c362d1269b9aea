"""When schedules are due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from potager.deploy.scaling import timetable
from potager.kernel.errors import Invalid


def following(text: str, after: str, zone: str | None = None) -> str | None:
    due = timetable.parsed(text, zone).following(datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp())
    return None if due is None else datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("at(2030-01-02T03:04:05)", "2030-01-01T00:00", "2030-01-02T03:04"),
        ("at(2030-01-02T03:04:05)", "2030-01-02T03:05", None),
        ("rate(5 minutes)", "2030-01-01T00:03", "2030-01-01T00:05"),
        ("rate(1 day)", "2030-01-01T00:00", "2030-01-02T00:00"),
        ("cron(0 8 * * ? *)", "2030-01-01T08:00", "2030-01-02T08:00"),
        ("cron(0/15 8-9 ? * MON-FRI *)", "2030-01-04T09:45", "2030-01-07T08:00"),
        ("cron(30 10 ? * 1 *)", "2030-01-01T00:00", "2030-01-06T10:30"),
        ("cron(0 0 L * ? *)", "2030-02-01T00:00", "2030-02-28T00:00"),
        ("cron(0 0 29 2 ? *)", "2030-01-01T00:00", "2032-02-29T00:00"),
        ("cron(0 12 ? * MON#2 *)", "2030-01-01T00:00", "2030-01-14T12:00"),
        ("cron(0 6,18 1 JAN,JUL ? *)", "2030-01-01T06:00", "2030-01-01T18:00"),
        ("cron(0 8 1 1 ? 2031)", "2030-01-01T00:00", "2031-01-01T08:00"),
        ("cron(0 8 1 1 ? 2031)", "2031-01-01T08:00", None),
    ],
)
def test_a_schedule_is_due_next(text: str, after: str, due: str | None) -> None:
    assert following(text, after) == due


def test_times_are_of_a_zone_that_changes_its_clocks() -> None:
    assert following("cron(0 8 * * ? *)", "2030-01-15T00:00", "Europe/Berlin") == "2030-01-15T07:00"
    assert following("cron(0 8 * * ? *)", "2030-07-15T00:00", "Europe/Berlin") == "2030-07-15T06:00"
    assert following("at(2030-07-15T08:00:00)", "2030-01-01T00:00", "America/New_York") == "2030-07-15T12:00"
    skipped = following("cron(30 2 * * ? *)", "2030-03-31T00:30", "Europe/Berlin")
    assert skipped == datetime(2030, 4, 1, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC).strftime(
        "%Y-%m-%dT%H:%M"
    )


def test_a_rate_counts_from_its_beginning() -> None:
    every = timetable.parsed("rate(10 minutes)", begin=1000.0)
    assert every.following(0.0) == 1000.0
    assert every.following(1000.0) == 1600.0
    assert every.following(1599.0) == 1600.0


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "at(2030-13-01T00:00:00)",
        "rate(0 minutes)",
        "rate(5 weeks)",
        "cron(0 8 * * *)",
        "cron(60 8 * * ? *)",
        "cron(0 8 31 2 ? *)",
        "cron(0 8 * * ? 1999)",
        "cron(0 8 15W * ? *)",
        "cron(5-1 8 * * ? *)",
        "cron(*/0 8 * * ? *)",
        "cron(0 8 * ABC ? *)",
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        timetable.parsed(text)


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="Europe/Berlin"):
        timetable.parsed("rate(5 minutes)", "Mars/Olympus")
