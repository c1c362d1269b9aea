"""Instants as the protocols write them: Unix seconds, ISO 8601, and the dates of HTTP (RFC 7231, section 7.1.1.1).

Read into aware datetimes; written out of datetimes or of epoch seconds, because rows hold the latter.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(value: Any) -> datetime:
    """An aware datetime out of any of the three spellings; `ValueError` for what is none of them."""
    if isinstance(value, bool):
        raise ValueError("a boolean is not a timestamp")
    if isinstance(value, (int, float)):
        return from_epoch(value)
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} is not a timestamp")
    text = value.strip()
    if text[:1].isalpha():
        return _aware(_http_date(text))
    if "-" in text[1:] or ":" in text:
        return _aware(datetime.fromisoformat(text))
    return from_epoch(float(text))


def _http_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except (TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a date") from error


def _aware(moment: datetime) -> datetime:
    """In UTC; a clock time without a zone is taken for UTC, as AWS does."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant is out of range") from error


def from_epoch(seconds: float) -> datetime:
    """The instant so many seconds after 1970, also before it."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{seconds} s since 1970 is out of range") from error


def epoch(value: datetime | float) -> float:
    """Seconds since 1970 of a datetime (naive: UTC) or of seconds."""
    if isinstance(value, datetime):
        return _aware(value).timestamp()
    return float(value)


def unix(value: datetime | float) -> float | int:
    """As JSON holds it: seconds with at most three decimals, an integer where there are none."""
    seconds = round(epoch(value), 3)
    return int(seconds) if seconds.is_integer() else seconds


def iso(value: datetime | float) -> str:
    """`2026-11-23T10:00:00Z`, with milliseconds where there are any."""
    moment = from_epoch(round(epoch(value), 3))
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")[:-6] + "Z"


def iso_milliseconds(value: datetime | float) -> str:
    """`2026-11-23T10:00:00.000Z`, as S3's XML has it."""
    seconds, milliseconds = divmod(round(round(epoch(value), 3) * 1000), 1000)
    return f"{_clock(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=4096)
def _clock(seconds: int) -> str:
    """`2026-11-23T10:00:00`; a listing shows many objects of one second."""
    return from_epoch(seconds).isoformat(timespec="seconds")[:-6]


def http(value: datetime | float) -> str:
    """`Mon, 23 Nov 2026 10:00:00 GMT`; whole seconds, rounded down."""
    return _date(math.floor(epoch(value)))


@lru_cache(maxsize=4096)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


WRITERS = {"unixtimestamp": unix, "iso8601": iso, "rfc822": http}
"""A writer by the model's `timestampFormat`, in lower case."""
