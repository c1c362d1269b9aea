"""Members are held against the model, and what is wrong is said in AWS's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape, ShapeResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.body import Body
from potager.kernel.errors import Invalid, WireError
from potager.wire import model
from potager.wire.validate import validate


def shape_of(name: str, **shapes: dict[str, Any]) -> Shape:
    return ShapeResolver(shapes).get_shape_by_name(name)


SHAPES: dict[str, Any] = {
    "Top": {
        "type": "structure",
        "required": ["JobName"],
        "members": {
            "JobName": {"shape": "Name"},
            "Kind": {"shape": "Kind"},
            "Count": {"shape": "Count"},
            "Tags": {"shape": "Tags"},
            "Names": {"shape": "Names"},
            "Map": {"shape": "Map"},
            "Tops": {"shape": "Tops"},
            "When": {"shape": "When"},
            "Data": {"shape": "Data"},
            "Secret": {"shape": "Secret"},
            "Choice": {"shape": "Choice"},
            "Token": {"shape": "Name"},
        },
    },
    "Name": {"type": "string", "min": 1, "max": 5, "pattern": "[a-z]*"},
    "Kind": {"type": "string", "enum": ["A", "B"]},
    "Count": {"type": "integer", "min": 1, "max": 9},
    "Tag": {"type": "structure", "required": ["Key"], "members": {"Key": {"shape": "Name"}}},
    "Tags": {"type": "list", "member": {"shape": "Tag"}, "max": 2},
    "Names": {"type": "list", "member": {"shape": "Name"}, "min": 1},
    "Map": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Kind"}},
    "Tops": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Tag"}},
    "When": {"type": "timestamp"},
    "Data": {"type": "blob", "max": 3},
    "Secret": {"type": "string", "max": 2, "sensitive": True},
    "Choice": {"type": "structure", "union": True, "members": {"A": {"shape": "Name"}, "B": {"shape": "Name"}}},
}
TOP = shape_of("Top", **SHAPES)


def problems(**params: Any) -> str:
    with pytest.raises(Invalid) as caught:
        validate(TOP, {"JobName": "a", **params})
    return caught.value.message


def one(what: str) -> str:
    return f"1 validation error detected: {what}"


def test_what_is_right_passes_without_what_is_unknown_or_none() -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    given_ = {
        "JobName": "a",
        "Kind": None,
        "Newer": 1,
        "Tags": [{"Key": "b", "Newer": 2}],
        "When": moment.timestamp(),
        "Data": b"123",
        "Tops": {"k": {"Key": "v", "Newer": 3}},
    }
    expected = {"JobName": "a", "Tags": [{"Key": "b"}], "When": moment, "Data": b"123", "Tops": {"k": {"Key": "v"}}}
    assert validate(TOP, given_) == expected
    assert validate(None, {"a": 1}) == {}


def test_every_constraint_is_told_in_aws_words() -> None:
    failed = "failed to satisfy constraint: Member must"
    with pytest.raises(Invalid) as caught:
        validate(TOP, {})
    assert caught.value.message == one(f"Value null at 'jobName' {failed} not be null")
    assert problems(JobName="A") == one(f"Value 'A' at 'jobName' {failed} satisfy regular expression pattern: [a-z]*")
    assert problems(JobName="") == one(f"Value '' at 'jobName' {failed} have length greater than or equal to 1")
    assert problems(Kind="C") == one(f"Value 'C' at 'kind' {failed} satisfy enum value set: [A, B]")
    assert problems(Count=0) == one(f"Value '0' at 'count' {failed} have value greater than or equal to 1")
    assert problems(Count=10) == one(f"Value '10' at 'count' {failed} have value less than or equal to 9")
    assert problems(Names=[]) == one(f"Value '[]' at 'names' {failed} have length greater than or equal to 1")
    assert problems(Secret="abc") == one(
        f"Value '[sensitive]' at 'secret' {failed} have length less than or equal to 2"
    )
    assert problems(Tags=[{"Key": "a"}, {}]) == one(f"Value null at 'tags.2.member.key' {failed} not be null")
    assert problems(Tops={"k": {}}) == one(f"Value null at 'tops.k.member.key' {failed} not be null")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e39])
def test_a_number_that_no_float_holds_is_refused(value: float) -> None:
    shapes: dict[str, Any] = {
        "Top": {"type": "structure", "members": {"Weight": {"shape": "Weight"}}},
        "Weight": {"type": "float"},
    }
    top = shape_of("Top", **shapes)
    assert validate(top, {"Weight": 1e38}) == {"Weight": 1e38}
    with pytest.raises(Invalid, match="less than or equal to"):
        validate(top, {"Weight": value})


def test_a_name_that_breaks_two_rules_is_told_twice() -> None:
    assert problems(JobName="A_b_C_d") == (
        "2 validation errors detected: Value 'A_b_C_d' at 'jobName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: [a-z]*; Value 'A_b_C_d' at 'jobName' failed to satisfy constraint: Member must "
        "have length less than or equal to 5"
    )


def test_lists_and_maps_of_plain_values_are_told_as_a_whole() -> None:
    name = (
        "[Member must have length less than or equal to 5, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: [a-z]*, Member must not be null]"
    )
    failed = "failed to satisfy constraint:"
    assert problems(Names=["a", "B"]) == one(
        f"Value '[a, B]' at 'names' {failed} Member must satisfy constraint: {name}"
    )
    assert "Member must satisfy constraint" in problems(Names=["a", None])
    assert problems(Map={"B": "A"}) == one(
        f"Value '{{B=A}}' at 'map' {failed} Map keys must satisfy constraint: {name}"
    )
    assert problems(Map={"b": "C"}) == one(
        f"Value '{{b=C}}' at 'map' {failed} Map value must satisfy constraint: "
        "[Member must satisfy enum value set: [A, B], Member must not be null]"
    )


def test_long_values_are_cut() -> None:
    assert len(problems(JobName="x" * 100_000)) < 1000
    assert len(problems(Names=["x" * 1000] * 1000)) < 1000


def test_a_union_holds_exactly_one_member() -> None:
    assert validate(TOP, {"JobName": "a", "Choice": {"A": "a"}})["Choice"] == {"A": "a"}
    for choice in ({}, {"A": "a", "B": "b"}):
        assert "at 'choice' failed to satisfy constraint: Member must have exactly one of" in problems(Choice=choice)


@pytest.mark.parametrize(
    "params",
    [
        {"Tags": "a"},
        {"Tags": ["a"]},
        {"Map": []},
        {"Kind": 1},
        {"Count": "1"},
        {"Count": True},
        {"When": "x"},
        {"Data": 1},
    ],
)
def test_a_value_of_another_type_cannot_be_serialized(params: dict[str, Any]) -> None:
    with pytest.raises(WireError, match="can not be converted to") as caught:
        validate(TOP, {"JobName": "a", **params})
    assert caught.value.code == "SerializationException"


async def test_a_stream_is_a_body_also_from_another_room() -> None:
    shape = model.operation("s3", "PutObject").input_shape
    for given_ in (b"data", "data", Body.of(b"data")):
        body = validate(shape, {"Bucket": "b", "Key": "k", "Body": given_})["Body"]
        assert await body.read(10) == b"data"


def test_a_required_idempotency_token_is_made_up() -> None:
    shape = model.operation("sagemaker", "CreatePipeline").input_shape
    assert shape is not None
    assert "ClientRequestToken" in shape.required_members
    params = {"PipelineName": "p", "RoleArn": "arn:aws:iam::000000000000:role/r", "PipelineDefinition": "{}"}
    assert len(validate(shape, params)["ClientRequestToken"]) == 36


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SHAPES["Top"]["members"], "Key"]), inner)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(list(SHAPES["Top"]["members"])), JSON))
@settings(max_examples=400, deadline=None)
def test_any_members_pass_or_raise_a_fault(params: dict[str, Any]) -> None:
    try:
        assert validate(TOP, params)
    except (Invalid, WireError) as fault:
        assert fault.message
