from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from potager.images.python import formats
from potager.images.python.errors import Refused

FLOATS = st.floats(allow_nan=False, width=32)
TABLES = arrays.arrays(np.float32, st.tuples(st.integers(2, 5), st.integers(2, 5)), elements=FLOATS)


@given(TABLES)
def test_a_table_comes_back_from_csv(table: np.ndarray) -> None:
    body, kind = formats.encode(table, "text/csv")
    assert kind == "text/csv"
    np.testing.assert_array_equal(formats.decode(body, kind), table)


@given(TABLES)
def test_a_table_comes_back_from_json(table: np.ndarray) -> None:
    body, kind = formats.encode(table, "application/json")
    np.testing.assert_array_equal(formats.decode(body, kind), table)


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0)))
def test_any_array_without_objects_comes_back_from_npy(array: np.ndarray) -> None:
    body, kind = formats.encode(array, "application/x-npy")
    back = formats.decode(body, kind)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@given(st.binary(max_size=200), st.sampled_from(["text/csv", "application/json", "application/x-npy"]))
def test_whatever_bytes_are_sent_they_are_an_array_or_refused_as_the_clients_fault(body: bytes, kind: str) -> None:
    try:
        assert isinstance(formats.decode(formats.content(body, kind), kind), np.ndarray)
    except Refused as refused:
        assert refused.status == 400


def test_one_row_and_one_column_of_csv_have_one_dimension_as_on_aws() -> None:
    assert formats.decode("1,2,3\n", "text/csv").shape == (3,)
    assert formats.decode("1\n2\n", "text/csv").shape == (2,)
    assert formats.decode("1,2\n3,4", "text/csv; charset=utf-8").dtype == np.float32


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("1,2\n3", "text/csv", "row 2 has 1 values, row 1 has 2"),
        ("1,2\n3,x", "text/csv", "row 2, column 2: 'x' is not a number"),
        ("1,,2", "text/csv", "row 1, column 2: '' is not a number"),
        ("", "text/csv", "empty"),
        ("[[1, 2], [3]]", "application/json", "inhomogeneous"),
        ("[" * 100_000, "application/json", "recursion"),
        ("{", "application/json", "cannot be read as application/json"),
        (b"", "application/x-npy", "cannot be read as application/x-npy"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused_with_the_reason(body: str, kind: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        formats.decode(body, kind)
    assert refused.value.status == 400


def test_a_body_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refused, match="is not UTF-8"):
        formats.content(b"\xff", "text/csv")


def test_an_unknown_input_is_415_and_an_unknown_answer_is_406() -> None:
    with pytest.raises(Refused, match="'text/html' is not supported") as refused:
        formats.decode(b"", "text/html")
    assert refused.value.status == 415
    with pytest.raises(Refused, match="'text/html' is not supported") as refused:
        formats.encode([1], "text/html")
    assert refused.value.status == 406


def test_no_pickle_is_read_or_written() -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(Refused, match="allow_pickle") as refused:
        formats.decode(stream.getvalue(), "application/x-npy")
    assert refused.value.status == 400
    with pytest.raises(Refused, match="Python objects") as refused:
        formats.encode(np.array([{"a": 1}]), "application/x-npy")
    assert refused.value.status == 406


def test_labels_kept_as_objects_are_written_as_strings() -> None:
    labels = np.array(["yes", "no"], dtype=object)
    body, _ = formats.encode(labels, "application/x-npy")
    assert formats.decode(body, "application/x-npy").tolist() == ["yes", "no"]
    assert formats.encode(labels, "text/csv")[0] == b"yes\nno\n"


def test_csv_prints_a_prediction_a_line_in_the_precision_that_it_has() -> None:
    assert formats.encode(np.array([0.1, 0.25], np.float32), "text/csv")[0] == b"0.1\n0.25\n"
    assert formats.encode(np.array([[1, 2], [3, 4]]), "text/csv")[0] == b"1,2\n3,4\n"
    assert formats.encode(7, "text/csv")[0] == b"7\n"


def test_json_takes_arrays_inside_of_other_things() -> None:
    body, _ = formats.encode({"scores": np.array([0.5]), "label": np.int64(1)}, "application/json")
    assert json.loads(body) == {"scores": [0.5], "label": 1}


def test_the_first_format_that_can_be_given_is_given() -> None:
    assert formats.encode([1], "text/html, text/csv;q=0.9")[1] == "text/csv"
    assert formats.encode([1], "*/*")[1] == "application/json"


def test_three_dimensions_do_not_fit_csv() -> None:
    with pytest.raises(Refused, match="3 dimensions"):
        formats.encode(np.zeros((2, 2, 2)), "text/csv")
