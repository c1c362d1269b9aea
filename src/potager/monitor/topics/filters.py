"""Whether a subscription's filter policy takes a message. Pure.

    {"store": ["example_corp"], "price": [{"numeric": [">=", 100]}], "kind": [{"anything-but": ["test"]}]}

Every name must match, and a name matches where one of its values does. Source:
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt
from typing import Any, cast

from potager.kernel.errors import Invalid

MOST_NAMES, MOST_COMBINATIONS = 5, 150
"""Names of a policy, and the product of how many values each has."""
ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
"""Scopes: what is held against the policy."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda value, wanted: value.casefold() == wanted.casefold(),
}
OPERATORS = (*_TEXTS, "exists", "cidr", "numeric", "anything-but")
_MISSING = object()

Policy = Mapping[str, Any]


def check(policy: Policy, scope: str) -> None:
    """`Invalid` for a policy that SNS would not take."""
    names, combinations = _checked(policy, nested=scope == BODY)
    if names > MOST_NAMES:
        raise _wrong(f"Filter policy can not have more than {MOST_NAMES} keys")
    if combinations > MOST_COMBINATIONS:
        raise _wrong("Filter policy is too complex")


def _checked(policy: Policy, *, nested: bool) -> tuple[int, int]:
    """How many names a policy has, and how many combinations of their values."""
    names, combinations = 0, 1
    for name, rule in policy.items():
        if isinstance(rule, dict) and nested:
            inner, more = _checked(cast(Policy, rule), nested=True)
            names, combinations = names + inner, combinations * more
            continue
        if isinstance(rule, dict):
            raise Invalid(f"Invalid parameter: Filter policy scope {ATTRIBUTES} does not support nested filter policy")
        if not isinstance(rule, list):
            raise _wrong(f'"{name}" must be an object or an array')
        values = cast("list[Any]", rule)
        if name == "$or" or not values:
            why = '"$or" is not served' if values else f'Empty arrays are not allowed: "{name}"'
            raise _wrong(why)
        for value in values:
            _check_value(value)
        names, combinations = names + 1, combinations * len(values)
    return names, combinations


def _wrong(reason: str) -> Invalid:
    """As SNS says it of filter policies."""
    return Invalid(f"Invalid parameter: FilterPolicy: {reason}")


def _check_value(value: Any) -> None:
    if isinstance(value, list):
        raise _wrong("Match value must be String, number, true, false, or null")
    if not isinstance(value, dict):
        return
    rule = cast("dict[str, Any]", value)
    if len(rule) != 1:
        raise _wrong("Only one key allowed in match expression")
    ((operator, wanted),) = rule.items()
    if operator == "exists" and not isinstance(wanted, bool):
        raise _wrong("exists match pattern must be either true or false.")
    if operator not in OPERATORS:
        raise _wrong(f"Unrecognized match type {operator}")
    if not _sound(operator, wanted):
        raise _wrong(f"{operator} does not go with {json.dumps(wanted)[:80]}")


def _sound(operator: str, wanted: Any) -> bool:
    """Whether an operator is one that there is, with what belongs to it."""
    if operator in _TEXTS:
        return isinstance(wanted, str) and bool(wanted)
    if operator == "exists":
        return isinstance(wanted, bool)
    if operator == "cidr":
        return isinstance(wanted, str) and _network(wanted) is not None
    if operator == "numeric":
        return _is_comparison(wanted)
    if operator != "anything-but":
        return False
    if isinstance(wanted, dict):
        rule = cast("dict[str, Any]", wanted)
        return len(rule) == 1 and all(
            name in _TEXTS and all(isinstance(text, str) and text for text in _listed(each))
            for name, each in rule.items()
        )
    return bool(_listed(wanted)) and all(isinstance(each, (str, int, float)) for each in _listed(wanted))


def _is_comparison(wanted: Any) -> bool:
    if not isinstance(wanted, list) or len(cast("list[Any]", wanted)) not in (2, 4):
        return False
    pairs = _pairs(cast("list[Any]", wanted))
    if not all(isinstance(sign, str) and sign in _COMPARE and _is_number(bound) for sign, bound in pairs):
        return False
    if len(pairs) == 1:
        return True
    (low, bottom), (high, top) = pairs
    return low.startswith(">") and high.startswith("<") and bottom < top


def _pairs(wanted: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(wanted[::2], wanted[1::2], strict=True))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def matches(policy: Policy, scope: str, attributes: Mapping[str, Mapping[str, str]], body: str) -> bool:
    """Whether a message is for a subscription.

    Parameters
    ----------
    attributes : MessageAttributes by name, each with `Type` and `Value`.
    body : the message, JSON where the scope is `MessageBody`; one that is not matches nothing.
    """
    if scope != BODY:
        found = {name: _attribute(each) for name, each in attributes.items() if each["Type"] != "Binary"}
        return _all(policy, found)
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and _all(policy, cast("dict[str, Any]", document))


def _attribute(attribute: Mapping[str, str]) -> Any:
    """The value of an attribute, several for an array."""
    kind, text = attribute["Type"], attribute["Value"]
    if kind.startswith("Number"):
        return float(text)
    return json.loads(text) if kind == "String.Array" else text


def _all(policy: Policy, found: Mapping[str, Any]) -> bool:
    for name, rule in policy.items():
        value = found.get(name, _MISSING)
        if isinstance(rule, dict):
            inner = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
            if not _all(cast(Policy, rule), inner):
                return False
        elif not any(_takes(each, value) for each in rule):
            return False
    return True


def _takes(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        ((operator, given),) = cast("dict[str, Any]", wanted).items()
        if operator == "exists":
            return given == (value is not _MISSING)
        return value is not _MISSING and any(_operate(operator, given, each) for each in _listed(value))
    return value is not _MISSING and any(_same(wanted, each) for each in _listed(value))


def _same(wanted: Any, value: Any) -> bool:
    """Equal, and of one kind: true is no 1."""
    if _is_number(wanted) and _is_number(value):
        return float(wanted) == float(value)
    return type(wanted) is type(value) and wanted == value


def _operate(operator: str, given: Any, value: Any) -> bool:
    if operator in _TEXTS:
        return isinstance(value, str) and _TEXTS[operator](value, given)
    if operator == "numeric":
        return _is_number(value) and all(_COMPARE[sign](value, bound) for sign, bound in _pairs(given))
    if operator == "cidr":
        address, network = _address(value), _network(given)
        return address is not None and network is not None and address in network
    if isinstance(given, dict):  # anything-but
        ((inner, texts),) = cast("dict[str, Any]", given).items()
        return not any(_operate(inner, text, value) for text in _listed(texts))
    return not any(_same(each, value) for each in _listed(given))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None
