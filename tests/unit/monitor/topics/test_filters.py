"""Which messages a filter policy takes, and which policies are taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from potager.kernel.errors import Invalid
from potager.monitor.topics import filters
from potager.monitor.topics.filters import ATTRIBUTES, BODY

MESSAGE = {
    "store": {"Type": "String", "Value": "example_corp"},
    "price": {"Type": "Number", "Value": "210.75"},
    "interests": {"Type": "String.Array", "Value": '["soccer", "rugby", 7, true, null]'},
    "from": {"Type": "String", "Value": "10.0.0.7"},
    "secret": {"Type": "Binary", "Value": "AAAA"},
}


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ({"store": ["example_corp"]}, True),
        ({"store": ["Example_corp"]}, False),
        ({"store": [{"equals-ignore-case": "Example_Corp"}]}, True),
        ({"store": [{"prefix": "exa"}]}, True),
        ({"store": [{"suffix": "exa"}]}, False),
        ({"store": [{"anything-but": ["example_corp", "x"]}]}, False),
        ({"store": [{"anything-but": {"prefix": "x"}}]}, True),
        ({"store": ["x", {"suffix": "corp"}]}, True),
        ({"price": [210.75]}, True),
        ({"price": [{"numeric": [">", 0, "<=", 210.75]}]}, True),
        ({"price": [{"numeric": ["<", 210.75]}]}, False),
        ({"price": ["210.75"]}, False),
        ({"interests": ["rugby"]}, True),
        ({"interests": [7]}, True),
        ({"interests": [1]}, False),
        ({"interests": [True]}, True),
        ({"interests": [None]}, True),
        ({"interests": ["golf"]}, False),
        ({"from": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"from": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"absent": [{"anything-but": ["x"]}]}, False),
        ({"store": [{"exists": True}]}, True),
        ({"secret": [{"exists": True}]}, False),
        ({"store": ["example_corp"], "price": [1]}, False),
        ({}, True),
    ],
)
def test_every_name_must_match_by_one_of_its_values(policy: dict[str, Any], taken: bool) -> None:
    filters.check(policy, ATTRIBUTES)
    assert filters.matches(policy, ATTRIBUTES, MESSAGE, "") is taken


def test_a_policy_for_the_body_goes_down_into_it() -> None:
    policy = {"job": {"status": ["Failed"], "tries": [{"numeric": [">=", 2]}]}}
    filters.check(policy, BODY)
    for tries, taken in ((3, True), (1, False)):
        assert filters.matches(policy, BODY, {}, json.dumps({"job": {"status": "Failed", "tries": tries}})) is taken
    for body in ("no json", "[1]", "{}", '{"job": "Failed"}'):
        assert not filters.matches(policy, BODY, {}, body)


@pytest.mark.parametrize(
    "policy",
    [
        {"a": "b"},
        {"a": []},
        {"a": [["b"]]},
        {"a": [{}]},
        {"a": [{"prefix": ""}]},
        {"a": [{"prefix": "b", "suffix": "c"}]},
        {"a": [{"numeric": ["=>", 1]}]},
        {"a": [{"numeric": [">", 1, "<"]}]},
        {"a": [{"numeric": [">", 2, "<", 1]}]},
        {"a": [{"numeric": ["<", 1, ">", 2]}]},
        {"a": [{"exists": "yes"}]},
        {"a": [{"cidr": "nowhere"}]},
        {"a": [{"sounds-like": "b"}]},
        {"a": [{"anything-but": []}]},
        {"a": {"b": ["c"]}},
        {"$or": [{"a": ["b"]}]},
        {name: ["x"] for name in "abcdef"},
        {name: list(range(6)) for name in "abc"},
    ],
)
def test_a_policy_that_cannot_be_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"Invalid parameter: (FilterPolicy: |Filter policy scope MessageAttributes )"):
        filters.check(policy, ATTRIBUTES)
