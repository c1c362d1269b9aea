"""The time, in one place, so that a test can set it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Gives the seconds since 1970-01-01 UTC."""

now: Clock = time.time


def iso(seconds: float) -> str:
    """An instant in ISO 8601 with milliseconds, such as `2026-11-23T10:00:00.000Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
