"""Instants are read in all the spellings that clients use and written in each protocol's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from potager.wire import timestamp

MOMENT = datetime(2026, 11, 23, 10, 20, 30, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "spelling",
    [
        1795429230.25,
        "1795429230.25",
        "2026-11-23T10:20:30.25Z",
        "2026-11-23T10:20:30.250+00:00",
        "2026-11-23T12:20:30.250+02:00",
        "2026-11-23T10:20:30.250000",
    ],
)
def test_every_spelling_is_the_same_instant(spelling: object) -> None:
    assert timestamp.parse(spelling) == MOMENT


def test_http_dates_have_whole_seconds() -> None:
    assert timestamp.parse("Mon, 23 Nov 2026 10:20:30 GMT") == MOMENT.replace(microsecond=0)
    assert timestamp.http(MOMENT) == "Mon, 23 Nov 2026 10:20:30 GMT"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-13-01",
        True,
        None,
        [],
        "1e999",
        float("nan"),
        1e300,
        "Mon, 99",
        "Mon, 4 Nov 99999999999 1:0",
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        timestamp.parse(value)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
def test_what_is_written_is_read_by_botocore_to_the_millisecond(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    for write in (timestamp.iso, timestamp.iso_milliseconds, timestamp.unix):
        for value in (moment, moment.timestamp(), moment.astimezone(timezone(timedelta(hours=5)))):
            assert abs(parse_timestamp(write(value)) - moment) <= timedelta(milliseconds=1)


def test_naive_datetimes_are_utc_and_whole_seconds_have_no_fraction() -> None:
    assert timestamp.iso(datetime(2026, 11, 23)) == "2026-11-23T00:00:00Z"
    assert timestamp.iso_milliseconds(datetime(2026, 11, 23)) == "2026-11-23T00:00:00.000Z"
    assert timestamp.unix(datetime(2026, 11, 23)) == 1795392000
    assert isinstance(timestamp.unix(1795392000.0), int)
