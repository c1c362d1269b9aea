"""What a cell of text is: a gap, a number, a number dressed up, a date, yes or no, or a word."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

GAPS = frozenset(("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "null", "none", "?"))
"""What stands for a value that is missing, in lower case and without blanks around it."""

TRUTH = {"true": True, "yes": True, "y": True, "t": True, "false": False, "no": False, "n": False, "f": False}
"""Words for yes and no, in lower case."""

_NUMERIC = frozenset("0123456789+-.,($€£¥ \t'")
_DRESSED = re.compile(
    r"(?P<open>\(?)\s*(?P<sign>[-+]?)\s*(?P<unit>[$€£¥]?)\s*(?P<sign2>[-+]?)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|"
    r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:[ '\u00a0]\d{3})+"
    r"(?:[.,]\d+)?|\d+(?:[.,]\d+)?)\s*(?P<after>[$€£¥%]?)\s*(?P<close>\)?)"
)
_ISO = re.compile(
    r"\d{4}([-/])\d{1,2}\1\d{1,2}"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_LOCAL = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_TOKENS = re.compile(r"\d+")
_ZONE = re.compile(r"\s*([+-])(\d{2}):?(\d{2})$")


_FIRST = frozenset(("", *"nN?#<- \t\r\n\v\f\u00a0\u3000\ufeff"))
"""What a gap may begin with: most cells begin otherwise."""


def is_gap(text: str) -> bool:
    """Whether a cell counts as empty."""
    return text[:1] in _FIRST and text.strip().lower() in GAPS


def number(text: str) -> float | None:
    """A plain, finite number, None for anything else.

    >>> number(" 1.5e3 "), number("1,500"), number("inf"), number("1_000")
    (1500.0, None, None, None)
    """
    if "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def dressed(text: str) -> float | None:
    """A number with thousands separators, a currency, a percent sign, a decimal comma or in brackets for a minus.

    >>> dressed("$1,234.50"), dressed("(20)"), dressed("12,5"), dressed("5 %"), dressed("1.234,5 €"), dressed("x1")
    (1234.5, -20.0, 12.5, 5.0, 1234.5, None)
    """
    found = _DRESSED.fullmatch(text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    digits = found["digits"].replace(" ", "").replace("'", "").replace("\u00a0", "")
    value = float(_pointed(digits))
    return -value if found["open"] or "-" in (found["sign"] + found["sign2"]) else value


def _pointed(digits: str) -> str:
    """The digits with a point before the decimals and nothing between thousands."""
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        return digits.replace(",", "") if point > comma else digits.replace(".", "").replace(",", ".")
    if comma >= 0:
        thousands = re.fullmatch(r"\d{1,3}(,\d{3})+", digits) is not None
        return digits.replace(",", "") if thousands else digits.replace(",", ".")
    return digits.replace(".", "") if digits.count(".") > 1 else digits


def date(text: str) -> float | None:
    """A date's or a time's seconds since 1970 (UTC unless it says otherwise), None for what is none.

    Year first, or day and month before a year of four digits: the day first where it must be or points part them, else
    the month first.
    """
    text = text.strip()
    try:
        if _ISO.fullmatch(text):
            return _iso(text)
        if found := _LOCAL.fullmatch(text):
            first, mark, second, year, *clock = found.groups()
            day, month = (first, second) if mark == "." or int(first) > 12 else (second, first)
            hour, minute, second_ = (int(part or 0) for part in clock)
            return datetime(int(year), int(month), int(day), hour, minute, second_, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return None


def _iso(text: str) -> float:
    zone = _ZONE.search(text, 11)
    bare = text[: zone.start()] if zone else text
    year, month, day, *clock = (int(part) for part in _TOKENS.findall(bare)[:6])
    at = datetime(year, month, day, *clock, tzinfo=UTC).timestamp()
    if zone is None:
        return at
    offset = int(zone[2]) * 3600 + int(zone[3]) * 60
    return at - offset if zone[1] == "+" else at + offset


def kind(text: str) -> tuple[str, float]:
    """What a cell that is no gap is, and its value where it has one (else NaN).

    number, dressed, date, truth, infinite or text.
    """
    bare = text.strip()
    if bare[:1] in _NUMERIC:
        if (value := number(bare)) is not None:
            return "number", value
        if (value := date(bare)) is not None:
            return "date", value
        if (value := dressed(bare)) is not None:
            return "dressed", value
    word = bare.lower()
    if word in TRUTH:
        return "truth", float(TRUTH[word])
    if word.lstrip("+-") in ("inf", "infinity"):
        return "infinite", math.nan
    if bare[:1] in "$€£¥" and (value := dressed(bare)) is not None:
        return "dressed", value
    return "text", math.nan
