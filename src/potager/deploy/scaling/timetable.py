"""When a schedule is due: `at(2026-12-01T08:00:00)`, `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`. Pure.

Fields of cron: minutes, hours, day of the month, month, day of the week (1 is Sunday), year. Source:
https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from potager.kernel.errors import Invalid

UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
HORIZON = 4 * 366 + 366
"""Days that are looked through for the next time of a cron expression: a leap day is among them."""
_FORM = re.compile(r"(at|rate|cron)\((.*)\)")


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment, in seconds since 1970."""

    at: float

    def following(self, after: float) -> float | None:
        """The first time after a moment; None where there is none."""
        return self.at if self.at > after else None


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, so many seconds apart, from a moment on."""

    seconds: int
    begin: float

    def following(self, after: float) -> float | None:
        if after < self.begin:
            return self.begin
        return self.begin + ((after - self.begin) // self.seconds + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times of a day, on days, in a time zone. `last`: a month's last day; `nth`: a weekday, and its number."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    last: bool
    nth: tuple[int, int] | None
    zone: ZoneInfo

    def following(self, after: float) -> float | None:
        local = datetime.fromtimestamp(after, self.zone)
        for offset in range(HORIZON):
            day = local.date() + timedelta(days=offset)
            if day.year > max(self.years):
                return None
            if self._on(day):
                for moment in self._times(day):
                    if moment > after:
                        return moment
        return None

    def _on(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        final = calendar.monthrange(day.year, day.month)[1] == day.day
        weekday = day.isoweekday() % 7 + 1
        on_weekday = weekday in self.weekdays if self.nth is None else (weekday, (day.day - 1) // 7 + 1) == self.nth
        return (day.day in self.days or (self.last and final)) and on_weekday

    def _times(self, day: date) -> Iterator[float]:
        """The moments of a day, without those that a change of the clocks leaves out."""
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                moment = local.timestamp()
                if datetime.fromtimestamp(moment, self.zone).hour == hour:
                    yield moment


Schedule = Once | Every | Cron


def parsed(text: str, zone: str | None = None, begin: float = 0.0) -> Schedule:
    """The schedule that a text spells; `Invalid` for one that cannot be.

    Parameters
    ----------
    zone : an IANA time zone for `at` and `cron`, UTC where it is None.
    begin : from when on a rate counts.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"'{text}' is no schedule. Write at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields).")
    kind, inner = found.groups()
    where = _zone(zone)
    if kind == "at":
        return Once(_moment(inner, where))
    return _every(inner, begin) if kind == "rate" else _cron(inner, where)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"'{name}' is no time zone that this server knows. Give one such as Europe/Berlin.") from error


def _moment(text: str, zone: ZoneInfo) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError) as error:
        raise Invalid(f"at({text}) is no moment. Write it as at(2026-12-01T08:00:00).") from error


def _every(text: str, begin: float) -> Every:
    found = re.fullmatch(r"([1-9][0-9]{0,5})\s+(minute|hour|day)s?", text)
    if found is None:
        raise Invalid(f"rate({text}) is no rate. Write it as rate(5 minutes): minutes, hours or days.")
    return Every(int(found[1]) * UNITS[found[2]], begin)


def _cron(text: str, zone: ZoneInfo) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise Invalid(f"cron({text}) has {len(fields)} fields. It takes six: minutes hours day month weekday year.")
    minutes, hours, day, month, weekday, year = fields
    this = datetime.now(UTC).year
    nth = re.fullmatch(r"([1-7]|[A-Z]{3})#([1-5])", weekday)
    last = day == "L"
    cron = Cron(
        sorted(_numbers(minutes, 0, 59)),
        sorted(_numbers(hours, 0, 23)),
        frozenset() if last else _numbers(day, 1, 31),
        _numbers(month, 1, 12, MONTHS),
        frozenset() if nth else _numbers(weekday, 1, 7, DAYS),
        _numbers(year, 1970, max(2199, this)),
        last,
        (min(_numbers(nth[1], 1, 7, DAYS)), int(nth[2])) if nth else None,
        zone,
    )
    if cron.following(datetime.now(UTC).timestamp()) is None:
        raise Invalid(f"cron({text}) is never due. Check its day, its month and its year.")
    return cron


def _numbers(field: str, low: int, high: int, names: Sequence[str] = ()) -> frozenset[int]:
    """The numbers that a field means: `*`, `?`, `a`, `a-b`, `x/step`, and lists of them; names count from `low`."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdigit() or not int(step)):
            raise _bad(part)
        if span in ("*", "?"):
            first, final = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, low, high, names)
            final = _number(end, low, high, names) if dash else high if slash else first
        if first > final:
            raise _bad(part)
        found.update(range(first, final + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(text: str, low: int, high: int, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text) + low
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise _bad(text)
    return int(text)


def _bad(part: str) -> Invalid:
    return Invalid(f"'{part}' cannot stand in that field of a cron expression.")
