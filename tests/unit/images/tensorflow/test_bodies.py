"""TF Serving's REST bodies, without TensorFlow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from potager.images.python.errors import Refused
from potager.images.tensorflow import bodies


@pytest.mark.parametrize(
    ("body", "kind", "names", "inputs"),
    [
        ('{"instances": [[1, 2], [3, 4]]}', "application/json", ["x"], {"x": [[1, 2], [3, 4]]}),
        ("[[1, 2]]", "application/json", ["x"], {"x": [[1, 2]]}),
        ('{"instances": [{"a": 1, "b": 2}]}', "application/json", ["a", "b"], {"a": [1], "b": [2]}),
        ('{"instances": [{"b64": "aGk="}]}', "application/json", ["x"], {"x": [b"hi"]}),
        ("1,2\n3,4\n", "text/csv", ["x"], {"x": [[1, 2], [3, 4]]}),
        ("[1]\n[2]\n", "application/jsonlines", ["x"], {"x": [[1], [2]]}),
    ],
)
def test_rows_become_a_column_for_each_input(body: str, kind: str, names: list[str], inputs: Any) -> None:
    asked = bodies.parse(body, kind, names)
    assert (asked.inputs, asked.rows) == (inputs, True)


def test_columns_stay_columns() -> None:
    assert bodies.parse('{"inputs": {"a": [1], "b": [2]}}', "application/json", ["a", "b"]).inputs == {
        "a": [1],
        "b": [2],
    }
    assert bodies.parse('{"inputs": [1, 2]}', "application/json", ["x"]) == bodies.Asked({"x": [1, 2]}, rows=False)


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        ("{}", "application/json", 400, "it has no rows"),
        ("[1]", "application/json", 400, "the model has the inputs a, b: name them"),
        ('[{"a": 1}]', "application/json", 400, "'b'"),
        ('[{"b64": "!"}]', "application/json", 400, "name them|base64"),
        ("{", "application/json", 400, "cannot be read"),
        ("x", "text/csv", 400, "could not convert"),
        ("x", "text/html", 415, "not supported"),
    ],
)
def test_a_body_that_is_none_says_why(body: str, kind: str, status: int, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        bodies.parse(body, kind, ["a", "b"])
    assert refused.value.status == status


def test_one_output_stands_alone_and_several_by_their_names() -> None:
    one, two = np.array([[1.5], [2.5]]), np.array([b"hi", b"\xff"], object)
    assert json.loads(bodies.written({"y": one}, True)) == {"predictions": [[1.5], [2.5]]}
    assert json.loads(bodies.written({"y": one, "z": two}, True)) == {
        "predictions": [{"y": [1.5], "z": "hi"}, {"y": [2.5], "z": {"b64": "/w=="}}]
    }
    assert json.loads(bodies.written({"y": one}, False)) == {"outputs": [[1.5], [2.5]]}
    assert json.loads(bodies.written({"y": one, "z": two[:1]}, False)) == {
        "outputs": {"y": [[1.5], [2.5]], "z": ["hi"]}
    }
