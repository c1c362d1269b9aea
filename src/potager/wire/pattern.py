r"""Java's regular expressions, as the models write them, matched by Python.

Java and Python differ where it matters here: `\p{L}` and its kin, surrogate pairs, a hyphen beside a class, and that
`\w`, `\d` and `\s` mean ASCII. A value is matched whole. Unicode categories are matched on a copy of the value in which
each character beyond ASCII is replaced by a stand-in for its category; so no table of a million characters is needed.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import cache

from potager.wire import errata

_CATEGORIES: list[str] = re.findall("..", "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCsCoCn")
_STAND_INS = {category: chr(0xE000 + index) for index, category in enumerate(_CATEGORIES)}
_ASCII_OF = dict.fromkeys(_CATEGORIES, "")
for _code in range(128):
    _ASCII_OF[unicodedata.category(chr(_code))] += chr(_code)

_POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r"\s",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
_PROPERTY = re.compile(r"\\p(?:\{(?:Is)?(\w+)\}|([A-Z]))")
_REWRITES = (
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"),
    (r"\z", r"\Z"),
    (r"[\w-_]", r"[\w\-_]"),
)


@cache
def _compiled(pattern: str) -> tuple[re.Pattern[str] | None, bool]:
    """The pattern for Python, and whether values must be put into stand-ins; None where it cannot be said."""
    text = errata.PATTERNS.get(pattern, pattern)
    for java, python in _REWRITES:
        text = text.replace(java, python)
    text = re.sub(r"\$\{\d+,\d+\}", "$", text)
    try:
        by_category = _PROPERTY.search(text) is not None
        text = _with_classes(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(text, re.ASCII), by_category
    except (re.error, LookupError):
        return None, False


def _with_classes(text: str) -> str:
    """Every `\\p{...}` as ranges, in brackets where it stands outside of them."""
    out: list[str] = []
    at, inside = 0, False
    while at < len(text):
        match = _PROPERTY.match(text, at)
        if match:
            ranges = _ranges(match[1] or match[2])
            out.append(ranges if inside else f"[{ranges}]")
            at = match.end()
            continue
        if text[at] == "\\":
            out.append(text[at : at + 2])
            at += 2
            continue
        inside = text[at] == "[" or (inside and text[at] != "]")
        out.append(text[at])
        at += 1
    return "".join(out)


def _ranges(name: str) -> str:
    if name in _POSIX:
        return _POSIX[name]
    categories = [category for category in _CATEGORIES if category.startswith(name)]
    if not categories:
        raise LookupError(name)
    return "".join(re.escape(_ASCII_OF[category]) + _STAND_INS[category] for category in categories)


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value is what the pattern says; True for a pattern that Python cannot say."""
    compiled, by_category = _compiled(pattern)
    if compiled is None:
        return True
    if by_category and not value.isascii():
        value = "".join(char if char < "\x80" else _STAND_INS[unicodedata.category(char)] for char in value)
    return compiled.fullmatch(value) is not None


def understood(pattern: str) -> bool:
    """Whether the pattern can be said in Python at all."""
    return _compiled(pattern)[0] is not None
