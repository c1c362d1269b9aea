"""Texts with wildcards and variables, as policies have them, matched in time that hostile patterns cannot stretch.

    arn:aws:s3:::home/${aws:username}/*     `*` any characters, `?` one, `${name}` what the request says of itself
    ${*} ${?} ${$}                          these characters themselves
    ${aws:username, 'nobody'}               with a text for requests that do not say

What a variable stands for is taken literally: a user who is called `*` is not everybody. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Values = Mapping[str, Sequence[str]]
"""What a request says of itself: values by the lower-case name of a condition key; absent keys are not there."""

ANY, ONE = object(), object()
Token = str | object
Glob = tuple[Token, ...]
"""Literal texts, `ANY` and `ONE`."""

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULTED = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")


def glob(pattern: str, values: Values | None, *, wild: bool = True) -> Glob | None:
    """A pattern with its variables filled in; None when one of them has no value.

    Parameters
    ----------
    values : None where `${...}` is plain text, as in policies of the version of 2008.
    wild : whether `*` and `?` are wildcards.
    """
    if values is None or "${" not in pattern:
        return _tokens(pattern, wild)
    tokens: list[Token] = []
    at = 0
    for found in _VARIABLE.finditer(pattern):
        value = _value(found[1], values)
        if value is None:
            return None
        tokens += [*_tokens(pattern[at : found.start()], wild), value]
        at = found.end()
    return (*tokens, *_tokens(pattern[at:], wild))


def _value(name: str, values: Values) -> str | None:
    if name in ("*", "?", "$"):
        return name
    defaulted = _DEFAULTED.fullmatch(name)
    key, default = (defaulted[1], defaulted[2]) if defaulted else (name.strip(), None)
    found = values.get(key.lower(), ())
    return found[0] if len(found) == 1 else default


@lru_cache(maxsize=2048)
def _tokens(text: str, wild: bool) -> Glob:
    if not wild:
        return (text,)
    return tuple(ANY if part == "*" else ONE if part == "?" else part for part in re.split(r"([*?])", text) if part)


def matches(wanted: Glob, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a text is what a pattern says.

    >>> matches(glob("s3:Get*", None), "s3:GetObject"), matches(glob("a?c", None), "ac")
    (True, False)
    """
    first, *others = _segments(wanted, ignore_case)
    if not others:
        return first.fullmatch(text) is not None
    found = first.match(text)
    for segment in others[:-1]:
        found = segment.search(text, found.end()) if found else None
    if found is None:
        return False
    size = sum(1 if token is ONE else len(str(token)) for token in _last(wanted))
    start = len(text) - size
    return start >= found.end() and others[-1].fullmatch(text, start) is not None


def _last(wanted: Glob) -> Glob:
    at = max(index for index, token in enumerate(wanted) if token is ANY)
    return wanted[at + 1 :]


@lru_cache(maxsize=2048)
def _segments(wanted: Glob, ignore_case: bool) -> tuple[re.Pattern[str], ...]:
    """What stands between the `*`: each of a fixed length, so that the leftmost find is the right one."""
    texts = [""]
    for token in wanted:
        if token is ANY:
            texts.append("")
        else:
            texts[-1] += "." if token is ONE else re.escape(str(token))
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return tuple(re.compile(text, flags) for text in texts)
