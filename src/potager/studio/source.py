"""Values and calls as Python source, laid out as people do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDE = 90
"""Columns up to which a value stays on its line."""


class Raw(str):
    """Code, not a string."""


def literal(value: Any, indent: int = 0, before: int = 0) -> str:
    """A value as Python, strings in double quotes, over several lines where one would be too wide.

    indent : of the line it begins on. before : letters that stand before it there.

    >>> literal({"A": [1, True]})
    '{"A": [1, True]}'
    """
    short = flat(value)
    if indent + before + len(short) <= WIDE or not isinstance(value, dict | list):
        return short
    inner, outer = " " * (indent + 4), " " * indent
    lines = [f"{inner}{name}{literal(each, indent + 4, len(name))},\n" for name, each in _within(value)]
    return f"{short[0]}\n{''.join(lines)}{outer}{short[-1]}"


def flat(value: Any) -> str:
    """A value as Python on one line."""
    if isinstance(value, dict | list):
        inside = ", ".join(f"{name}{flat(each)}" for name, each in _within(value))
        return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"
    if isinstance(value, Raw):
        return str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _within(value: Any) -> list[tuple[str, Any]]:
    """What a list or a dictionary holds, each with what stands before it."""
    if hasattr(value, "items"):
        return [(f"{flat(name)}: ", each) for name, each in value.items()]
    return [("", each) for each in value]


def arguments(given: Mapping[str, Any]) -> list[str]:
    """A call's arguments, a line each; those that are None are left out."""
    return [f"    {name}={literal(value, 4, len(name) + 1)}," for name, value in given.items() if value is not None]


def call(function: str, given: Mapping[str, Any]) -> str:
    """A call."""
    lines = arguments(given)
    return "\n".join([f"{function}(", *lines, ")"]) if lines else f"{function}()"
