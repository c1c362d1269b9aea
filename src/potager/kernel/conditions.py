"""The `Condition` of a policy's statement, held against what a request says of itself.

    {"StringLike": {"s3:prefix": ["home/*", ""]}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}

All operators and all their keys must hold; of a key's texts any one does, and none may for a negated operator. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from operator import eq, ge, gt, le, lt

from potager.kernel.globs import Glob, Values, glob, matches

Comparison = Callable[[str, str, Values | None], bool]
"""`comparison(wanted, given, values)`: a text of the policy, one of the request, and what variables stand for."""


def _text(wild: bool = False, ignore_case: bool = False) -> Comparison:
    def compare(wanted: str, given: str, values: Values | None) -> bool:
        pattern = glob(wanted, values, wild=wild)
        return pattern is not None and matches(pattern, given, ignore_case=ignore_case)

    return compare


def _number(test: Callable[[Decimal, Decimal], bool]) -> Comparison:
    def compare(wanted: str, given: str, values: Values | None) -> bool:
        try:
            left, right = Decimal(given), Decimal(wanted)
        except InvalidOperation:
            return False
        return left.is_finite() and right.is_finite() and test(left, right)

    return compare


def _date(test: Callable[[float, float], bool]) -> Comparison:
    def compare(wanted: str, given: str, values: Values | None) -> bool:
        left, right = moment(given), moment(wanted)
        return left is not None and right is not None and test(left, right)

    return compare


def moment(text: str) -> float | None:
    """Seconds since 1970 out of an ISO 8601 date or a number of seconds, None for other texts."""
    try:
        if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", text) and not re.fullmatch(r"[0-9]{4}", text):
            return float(text)
        parsed = datetime.fromisoformat(f"{text}-01-01" if re.fullmatch(r"[0-9]{4}", text) else text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _truth(wanted: str, given: str, values: Values | None) -> bool:
    return wanted.lower() == given.lower()


def _binary(wanted: str, given: str, values: Values | None) -> bool:
    try:
        return b64decode(wanted, validate=True) == b64decode(given, validate=True)
    except ValueError:
        return False


def _address(wanted: str, given: str, values: Values | None) -> bool:
    try:
        address = ip_address(given)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address in ip_network(wanted, strict=False)
    except ValueError:
        return False


_COLON = re.compile(r":(?![^{}]*\})")
"""A colon that is not part of a variable's name."""


def arn_like(wanted: str, given: str, values: Values | None) -> bool:
    """Whether an ARN fits a pattern, part by part: a wildcard does not reach over a colon of the first five."""
    patterns, parts = _COLON.split(wanted, 5), given.split(":", 5)
    if len(patterns) != len(parts):
        return wanted == "*"
    globs: list[Glob | None] = [glob(pattern, values) for pattern in patterns]
    return all(found is not None and matches(found, part) for found, part in zip(globs, parts, strict=True))


_COMPARISONS: dict[str, Comparison] = {
    "StringEquals": _text(),
    "StringEqualsIgnoreCase": _text(ignore_case=True),
    "StringLike": _text(wild=True),
    "NumericEquals": _number(eq),
    "NumericLessThan": _number(lt),
    "NumericLessThanEquals": _number(le),
    "NumericGreaterThan": _number(gt),
    "NumericGreaterThanEquals": _number(ge),
    "DateEquals": _date(eq),
    "DateLessThan": _date(lt),
    "DateLessThanEquals": _date(le),
    "DateGreaterThan": _date(gt),
    "DateGreaterThanEquals": _date(ge),
    "Bool": _truth,
    "BinaryEquals": _binary,
    "IpAddress": _address,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
_OPERATORS = {name.lower(): (name, comparison, False) for name, comparison in _COMPARISONS.items()} | {
    name.lower(): (name, _COMPARISONS[plain], True) for name, plain in _NEGATED.items()
}
NULL = "Null"
ALL, ANY = "forallvalues", "foranyvalue"


@dataclass(frozen=True)
class Condition:
    """One key under one operator.

    Parameters
    ----------
    operator : its plain name, such as `StringLike`, without what stands before and behind it.
    key : the condition key as the policy spells it.
    wanted : the policy's texts.
    quantifier : `ALL`, `ANY` or "", for keys that have several values.
    if_exists : whether a request that does not say passes.
    """

    operator: str
    key: str
    wanted: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False

    @property
    def negated(self) -> bool:
        return self.operator in _NEGATED

    def holds(self, values: Values, variables: Values | None) -> bool:
        """Whether a request passes; `variables` are its values where the policy's version has variables, else None."""
        given = values.get(self.key.lower())
        if self.operator == NULL:
            return any((given is None) == (text.lower() == "true") for text in self.wanted)
        if given is None or (self.quantifier and not given):
            return self.if_exists or (self.quantifier == ALL) or (self.negated and not self.quantifier)
        passing = [self._passes(each, variables) for each in given]
        if self.quantifier == ALL or (self.negated and not self.quantifier):
            return all(passing)
        return any(passing)

    def _passes(self, given: str, variables: Values | None) -> bool:
        _, comparison, negated = _OPERATORS[self.operator.lower()]
        return negated != any(comparison(wanted, given, variables) for wanted in self.wanted)


@lru_cache(maxsize=256)
def operator(text: str) -> tuple[str, str, bool] | None:
    """Name, quantifier and IfExists of an operator as a policy writes it; None when there is no such.

    >>> operator("ForAnyValue:StringLikeIfExists")
    ('StringLike', 'foranyvalue', True)
    """
    quantifier, colon, rest = text.partition(":")
    if not colon:
        quantifier, rest = "", text
    elif quantifier.lower() not in (ALL, ANY):
        return None
    name = rest.lower()
    if name == NULL.lower() and not colon:
        return NULL, "", False
    plain = name.removesuffix("ifexists")
    if plain not in _OPERATORS:
        return None
    return _OPERATORS[plain][0], quantifier.lower(), plain != name


def conditions(written: Sequence[tuple[str, str, tuple[str, ...]]]) -> tuple[Condition, ...]:
    """Conditions out of operators, keys and texts; `ValueError` with the operator that there is not."""
    made: list[Condition] = []
    for name, key, wanted in written:
        known = operator(name)
        if known is None:
            raise ValueError(name)
        made.append(Condition(known[0], key, wanted, known[1], known[2]))
    return tuple(made)
