"""Policies: read as AWS reads them, and asked; a statement that denies wins."""

from __future__ import annotations

import json
import re
from fnmatch import translate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.globs import glob, matches
from potager.kernel.policy import Asked, Decision, Malformed, Principal, decide, read

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
CALLER = Principal(ACCOUNT, (f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/me", ROLE, "AROAREADER:me"))
STRANGER = Principal("444455556666", ("arn:aws:iam::444455556666:user/eve",))
NOBODY = Principal()


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> Any:
    return read(json.dumps({"Version": version, "Statement": list(statements)}))


def statement(effect: str = "Allow", **changes: Any) -> dict[str, Any]:
    base = {"Effect": effect, "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def asked(
    who: Principal = CALLER, action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/k", **values: str
) -> Asked:
    return Asked(who, action, resource, {key.replace("__", ":").lower(): (value,) for key, value in values.items()})


def under(operator: str, key: str, wanted: Any, *given: str | None) -> bool:
    """Whether a request with these values of a key passes one condition."""
    values = {} if given == (None,) else {key.lower(): tuple(each for each in given if each is not None)}
    found = policy(statement(Condition={operator: {key: wanted}}))
    return found.decide(Asked(CALLER, "s3:GetObject", "arn:aws:s3:::b/k", values)) is Decision.ALLOW


def test_who_is_not_spoken_of_gets_no_answer() -> None:
    found = policy(statement())
    assert found.decide(asked()) is Decision.ALLOW
    assert found.decide(asked(NOBODY)) is Decision.ALLOW
    assert found.decide(asked(action="s3:PutObject")) is Decision.NONE
    assert found.decide(asked(resource="arn:aws:s3:::b")) is Decision.NONE


def test_a_statement_that_denies_wins_wherever_it_stands() -> None:
    deny = statement("Deny", Resource="arn:aws:s3:::b/secret/*")
    for found in (policy(statement(), deny), policy(deny, statement())):
        assert found.decide(asked(resource="arn:aws:s3:::b/secret/k")) is Decision.DENY
        assert found.decide(asked()) is Decision.ALLOW
    assert decide([policy(statement()), policy(deny)], asked(resource="arn:aws:s3:::b/secret/k")) is Decision.DENY
    assert decide([policy(deny), policy(statement())], asked()) is Decision.ALLOW
    assert decide([], asked()) is Decision.NONE


@pytest.mark.parametrize(
    ("principal", "who", "named"),
    [
        ("*", NOBODY, True),
        ({"AWS": "*"}, NOBODY, True),
        ({"AWS": ACCOUNT}, CALLER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, CALLER, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, STRANGER, False),
        ({"AWS": [ROLE, "444455556666"]}, STRANGER, True),
        ({"AWS": ROLE}, CALLER, True),
        ({"AWS": ROLE}, STRANGER, False),
        ({"AWS": ACCOUNT}, NOBODY, False),
        ({"Service": "*"}, CALLER, False),
        ({"Service": "logging.s3.amazonaws.com"}, CALLER, False),
    ],
)
def test_a_principal_is_named_by_its_account_its_role_or_its_session(
    principal: Any, who: Principal, named: bool
) -> None:
    found = policy(statement(Principal=principal))
    assert (found.decide(asked(who)) is Decision.ALLOW) == named


def test_not_principal_not_action_and_not_resource_turn_the_sense() -> None:
    found = policy(statement("Deny", Principal=None, NotPrincipal={"AWS": ROLE}))
    assert (found.decide(asked()), found.decide(asked(STRANGER))) == (Decision.NONE, Decision.DENY)
    found = policy(statement(Action=None, NotAction=["s3:Delete*", "s3:PutObject"]))
    assert found.decide(asked(action="s3:GetObjectAcl")) is Decision.ALLOW
    assert found.decide(asked(action="s3:deleteobject")) is Decision.NONE
    found = policy(statement(Resource=None, NotResource="arn:aws:s3:::b/secret/*"))
    assert found.decide(asked()) is Decision.ALLOW
    assert found.decide(asked(resource="arn:aws:s3:::b/secret/k")) is Decision.NONE


def test_actions_know_no_case_and_resources_do() -> None:
    found = policy(statement(Action="S3:getobj*", Resource="arn:aws:s3:::b/Key?"))
    assert found.decide(asked(resource="arn:aws:s3:::b/Key1")) is Decision.ALLOW
    assert found.decide(asked(resource="arn:aws:s3:::b/key1")) is Decision.NONE
    assert found.decide(asked(resource="arn:aws:s3:::b/Key12")) is Decision.NONE


def test_a_wildcard_does_not_reach_over_a_colon_but_in_the_last_part() -> None:
    assert policy(statement(Resource="arn:aws:s3:::b/*")).decide(asked(resource="arn:aws:s3:::b/a:b")) is Decision.ALLOW
    assert policy(statement(Resource="arn:*b/k")).decide(asked()) is Decision.NONE
    assert policy(statement(Resource="*")).decide(asked()) is Decision.ALLOW


def test_a_variable_stands_for_what_the_request_says_and_no_wildcard_hides_in_it() -> None:
    home = statement(Resource="arn:aws:s3:::b/home/${aws:username}/*")
    found = policy(home)
    assert found.decide(asked(resource="arn:aws:s3:::b/home/ann/k", aws__username="ann")) is Decision.ALLOW
    assert found.decide(asked(resource="arn:aws:s3:::b/home/bob/k", aws__username="ann")) is Decision.NONE
    assert found.decide(asked(resource="arn:aws:s3:::b/home/bob/k", aws__username="*")) is Decision.NONE
    assert found.decide(asked(resource="arn:aws:s3:::b/home//k")) is Decision.NONE, "nobody is called nothing"
    literal = policy(home, version="2008-10-17")
    assert literal.decide(asked(resource="arn:aws:s3:::b/home/ann/k", aws__username="ann")) is Decision.NONE
    assert literal.decide(asked(resource="arn:aws:s3:::b/home/${aws:username}/k")) is Decision.ALLOW
    spared = policy(statement(Resource="arn:aws:s3:::b/${aws:username, 'all'}/${*}${?}${$}"))
    assert spared.decide(asked(resource="arn:aws:s3:::b/all/*?$")) is Decision.ALLOW
    not_mine = policy(statement(Resource=None, NotResource="arn:aws:s3:::b/${aws:username}/*"))
    assert not_mine.decide(asked()) is Decision.NONE


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "A*", "Ab", False),
        ("stringequals", "a", "a", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringEqualsIgnoreCase", "aB", "Ab", True),
        ("StringNotEqualsIgnoreCase", "aB", "Ab", False),
        ("StringLike", "h?me/*", "home/x", True),
        ("StringNotLike", "home/*", "home/x", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThanEquals", 10, "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericLessThan", "10", "few", False),
        ("NumericLessThan", "nan", "1", False),
        ("DateGreaterThan", "2024-01-01T00:00:00Z", "2024-06-01T00:00:00+00:00", True),
        ("DateLessThan", "2024-01-01", "2024-06-01T00:00:00Z", False),
        ("DateEquals", "1704067200", "2024-01-01T00:00:00Z", True),
        ("DateNotEquals", "2024", "2024-01-01T00:00:00Z", False),
        ("DateLessThanEquals", "soon", "2024-01-01T00:00:00Z", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QUI=", "QUI=", True),
        ("BinaryEquals", "!", "QUI=", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", ["10.0.0.0/8", "::1/128"], "::1", True),
        ("IpAddress", "127.0.0.1", "::ffff:127.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "nowhere", False),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("ArnEquals", "arn:aws:iam::*:role/R*", ROLE, True),
        ("ArnLike", "arn:aws:*:role/Reader", ROLE, False),
        ("ArnNotLike", "arn:aws:iam::*:role/R*", ROLE, False),
        ("ArnNotEquals", "arn:aws:iam::*:role/W*", ROLE, True),
    ],
)
def test_operators_compare(operator: str, wanted: Any, value: str, holds: bool) -> None:
    assert under(operator, "aws:Thing", wanted, value) == holds


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("NotIpAddress", True),
        ("Bool", False),
        ("BoolIfExists", True),
    ],
)
def test_a_key_that_a_request_does_not_have(operator: str, holds: bool) -> None:
    assert under(operator, "aws:Thing", "a", None) == holds


def test_null_asks_whether_the_key_is_there() -> None:
    assert under("Null", "aws:Thing", "true", None)
    assert not under("Null", "aws:Thing", "true", "a")
    assert under("Null", "aws:Thing", False, "a")


@pytest.mark.parametrize(
    ("operator", "values", "holds"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("a", "c"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAllValues:StringNotEquals", ("a", "c"), False),
        ("ForAnyValue:StringNotEquals", ("a", "c"), True),
        ("ForAnyValue:StringLikeIfExists", ("c",), False),
    ],
)
def test_keys_of_several_values_have_quantifiers(operator: str, values: tuple[str, ...], holds: bool) -> None:
    assert under(operator, "aws:TagKeys", ["a", "b"], *values) == holds


def test_all_operators_and_all_keys_must_hold() -> None:
    both = {"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}, "Bool": {"aws:SecureTransport": "true"}}
    found = policy(statement(Condition=both))
    assert found.decide(asked(s3__prefix="a", s3__delimiter="/", aws__SecureTransport="true")) is Decision.ALLOW
    assert found.decide(asked(s3__prefix="a", s3__delimiter="/", aws__SecureTransport="false")) is Decision.NONE
    assert found.decide(asked(s3__prefix="a", aws__SecureTransport="true")) is Decision.NONE


def test_a_condition_may_name_variables() -> None:
    found = policy(statement(Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}}))
    assert found.decide(asked(s3__prefix="ann/x", aws__username="ann")) is Decision.ALLOW
    assert found.decide(asked(s3__prefix="bob/x", aws__username="ann")) is Decision.NONE
    assert found.asks_for("aws:username")
    assert not found.asks_for("s3:existingobjecttag/")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ('{"a":' * 5000, "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Statement": [1]}', "Invalid policy syntax."),
        ('{"Version": "2020-01-01", "Statement": {}}', "The policy must contain a valid version string"),
        ('{"Statment": []}', "Unknown field Statment"),
    ],
)
def test_a_document_that_is_no_policy_says_why(text: str, why: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(text)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Principal": "someone"}, "Invalid principal in policy"),
        ({"Principal": {"User": "x"}}, "Invalid principal in policy"),
        ({"Principal": None, "NotPrincipal": "*"}, "Allow with NotPrincipal is not allowed."),
        ({"Action": 1}, "Invalid policy syntax."),
        ({"Action": []}, "Invalid policy syntax."),
        ({"Sid": 1}, "Invalid policy syntax."),
        ({"Actions": "x"}, "Unknown field Actions"),
        ({"Condition": {"StringIs": {"a": "b"}}}, "Invalid Condition type : StringIs"),
        ({"Condition": {"ForSome:StringLike": {"a": "b"}}}, "Invalid Condition type : ForSome:StringLike"),
        ({"Condition": {"StringLike": "b"}}, "Invalid policy syntax."),
        ({"Condition": []}, "Invalid policy syntax."),
        ({"Condition": {"StringLike": {"a": None}}}, "Invalid policy syntax."),
    ],
)
def test_a_statement_that_is_none_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed) as caught:
        policy(statement(**changes))
    assert str(caught.value) == why


def test_a_users_policy_names_no_principal() -> None:
    text = json.dumps({"Statement": statement(Principal=None)})
    assert read(text, of_resource=False).decide(asked(NOBODY)) is Decision.ALLOW
    with pytest.raises(Malformed):
        read(json.dumps({"Statement": statement()}), of_resource=False)


def test_statement_ids_are_unique() -> None:
    with pytest.raises(Malformed, match="unique"):
        policy(statement(Sid="a"), statement(Sid="a"))


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?.", max_size=12), st.text("ab.\n", max_size=12))
def test_globs_match_as_regular_expressions_would(pattern: str, text: str) -> None:
    wanted = glob(pattern, None)
    assert wanted is not None
    assert matches(wanted, text) == (re.fullmatch(translate(pattern), text) is not None)


def test_a_hostile_pattern_takes_no_time() -> None:
    wanted = glob("*a" * 200 + "b", None)
    assert wanted is not None
    assert not matches(wanted, "a" * 2000)
