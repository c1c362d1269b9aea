"""Requests in and responses out, as AWS documents them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import record
from potager.images.algorithm.errors import BadRequest
from potager.images.algorithm.recordio import encode
from potager.images.linear_learner import artifact
from potager.images.linear_learner.artifact import Description, Model
from potager.images.linear_learner.serve import Predictor, load

CSV, JSON, JSONLINES = "text/csv", "application/json", "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"


def predictor(kind: str, weights: list[list[float]], loss: str = "logistic") -> Predictor:
    rows = np.array(weights)
    described = Description(kind, loss, rows.shape[1], max(2, len(rows)))
    return Predictor(Model(described, rows, np.zeros(len(rows)), 0.0))


@pytest.fixture
def binary() -> Predictor:
    return predictor("binary_classifier", [[1.0, -1.0]])


@pytest.fixture
def multiclass() -> Predictor:
    return predictor("multiclass_classifier", [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "softmax_loss")


@pytest.fixture
def regressor() -> Predictor:
    return predictor("regressor", [[2.0, 1.0]], "squared_loss")


def answer(one: Predictor, body: bytes | str, kind: str = CSV, accept: str = "") -> object:
    return json.loads(one.predict(body.encode() if isinstance(body, str) else body, kind, accept)[0])


def test_json_is_answered_unless_the_client_asks_otherwise(binary: Predictor):
    for accept in ("", "*/*", "application/json", "application/json; verbose=true"):
        body, kind = binary.predict(b"0,0", CSV, accept)
        assert kind == JSON
        assert json.loads(body) == {"predictions": [{"score": 0.5, "predicted_label": 0}]}


def test_a_multiclass_score_is_a_list(multiclass: Predictor):
    found = answer(multiclass, "0,5")["predictions"][0]  # type: ignore[index]
    assert found["predicted_label"] == 1
    assert sum(found["score"]) == pytest.approx(1)
    assert len(found["score"]) == 3


def test_a_regressor_gives_a_score_only(regressor: Predictor):
    assert answer(regressor, "1.5,1\n0,0\n") == {"predictions": [{"score": 4.0}, {"score": 0.0}]}


def test_csv_is_the_label_then_the_score(binary: Predictor, multiclass: Predictor, regressor: Predictor):
    assert binary.predict(b"0,0\n0,0\n", CSV, CSV) == (b"0,0.5\n0,0.5\n", CSV)
    line = multiclass.predict(b"0,0", CSV, CSV)[0].decode().strip().split(",")
    assert line[0] == "0"
    assert len(line) == 4
    assert regressor.predict(b"1,1", CSV, CSV)[0] == b"3.0\n"


def test_json_lines_are_a_line_a_row(binary: Predictor):
    body, kind = binary.predict(b"0,0\n9,0", CSV, JSONLINES)
    assert kind == JSONLINES
    assert [json.loads(line)["predicted_label"] for line in body.splitlines()] == [0, 1]


def test_records_hold_score_and_label_as_float32_tensors(multiclass: Predictor):
    body, kind = multiclass.predict(b"9,0\n0,9", CSV, RECORDIO)
    assert kind == RECORDIO
    size = len(body) // 2
    first = record.parse(body[8:size])
    assert first.label["predicted_label"].values.tolist() == [0.0]
    assert first.label["score"].values.dtype == np.float32
    assert len(first.label["score"].values) == 3


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("1.5,1", CSV),
        (' "1.5" , 1 \r\n', CSV),
        ('{"instances": [{"features": [1.5, 1]}]}', JSON),
        ('{"instances": [{"data": {"features": {"values": [1.5, 1]}}}]}', JSON),
        ('{"instances": [{"data": {"features": {"keys": [1, 0], "shape": [2], "values": [1, 1.5]}}}]}', JSON),
        ('{"features": [1.5, 1]}\n', JSONLINES),
        ('{"data": {"features": {"values": [1.5, 1]}}}', JSONLINES),
        (encode({"values": np.array([[1.5, 1.0]])}, {}), RECORDIO),
    ],
)
def test_every_request_format_says_the_same(regressor: Predictor, body: bytes | str, kind: str):
    assert answer(regressor, body, kind) == {"predictions": [{"score": 4.0}]}


def test_many_csv_rows_are_answered_as_one_by_one(binary: Predictor):
    rows = [f"{number / 7},{number % 3}" for number in range(200)]
    together = answer(binary, "\n".join(rows))["predictions"]  # type: ignore[index]
    apart = [answer(binary, row)["predictions"][0] for row in rows]  # type: ignore[index]
    assert [row["predicted_label"] for row in together] == [row["predicted_label"] for row in apart]
    assert [row["score"] for row in together] == pytest.approx([row["score"] for row in apart])


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("1,red", CSV, "Row 1, column 2: 'red' is not a number"),
        ("1,2\n1,", CSV, "Row 2, column 2: the cell is empty"),
        ("1,2,3", CSV, "Row 1 has 3 columns, but the model was trained on 2 features. Leave the label out"),
        ("1", CSV, "Row 1 has 1 columns, but the model was trained on 2 features"),
        ("nan,1", CSV, "Row 1, column 1: nan is not a finite number"),
        ("", CSV, "The request holds no rows"),
        ("{", JSON, "The body is not JSON"),
        ("[1, 2]", JSON, 'has no list "instances"'),
        ('{"instances": [{"x": 1}]}', JSON, 'Row 1 has no "features"'),
        ('{"instances": [{"features": [1]}]}', JSON, "Row 1 has 1 features"),
        ('{"instances": [{"features": [1, "red"]}]}', JSON, 'Row 1, column 2: "red" is not a number'),
        ('{"instances": [{"features": [1, 1e999]}]}', JSON, "Row 1, column 2: inf is not a finite number"),
        ('{"features": [1, 2]}\n{"features": [1', JSONLINES, "Line 2 is not JSON"),
        ('{"instances": [{"features": {"keys": [2], "values": [1]}}]}', JSON, "only 2 features are expected"),
        ('{"instances": [{"features": {"keys": [-1], "values": [1]}}]}', JSON, "keys must be integers from 0"),
        ('{"instances": [{"features": {"keys": [0, 1], "values": [1]}}]}', JSON, "has 2 keys for 1 values"),
        (b"\x00\x01", RECORDIO, "record 1 does not begin with RecordIO's magic"),
        (encode({"values": np.ones((2, 3))}, {}), RECORDIO, "record 1 has 3 features, but 2 are expected"),
        ("1,2", "image/png", "Content type 'image/png' is not supported. Send text/csv, application/json"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(binary: Predictor, body: bytes | str, kind: str, message: str):
    with pytest.raises(BadRequest) as error:
        answer(binary, body, kind)
    assert message in str(error.value)


def test_the_bad_cell_is_found_among_many_rows(binary: Predictor):
    rows = ["1,2"] * 500
    rows[321] = "1,x"
    with pytest.raises(BadRequest, match="Row 322, column 2: 'x' is not a number"):
        answer(binary, "\n".join(rows))


def test_an_accept_that_cannot_be_met_is_refused_with_those_that_can(binary: Predictor):
    with pytest.raises(BadRequest, match=r"Accept 'image/png' is not supported. Ask for text/csv, application/json"):
        binary.predict(b"1,2", CSV, "image/png")


def test_hinge_loss_gives_the_signed_distance():
    one = predictor("binary_classifier", [[1.0, 0.0]], "hinge_loss")
    assert answer(one, "-3,0") == {"predictions": [{"score": -3.0, "predicted_label": 0}]}


def saved(folder: Path) -> Path:
    described = Description("binary_classifier", "logistic", 2, 2)
    artifact.save(Model(described, np.array([[1.0, 2.0]]), np.zeros(1), 0.0), folder)
    return folder


def test_a_saved_model_is_read_back(tmp_path: Path):
    assert load(saved(tmp_path)).features == 2


def test_a_model_without_its_numbers_is_refused(tmp_path: Path):
    (saved(tmp_path) / "model.npz").unlink()
    with pytest.raises(artifact.BrokenModel, match=r"model\.npz cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not a zip"])
def test_torn_numbers_are_refused(tmp_path: Path, content: bytes):
    (saved(tmp_path) / "model.npz").write_bytes(content)
    with pytest.raises(artifact.BrokenModel, match=r"model\.npz cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "potager.linear-learner", "version": 9}'])
def test_a_description_of_something_else_is_refused(tmp_path: Path, content: str):
    (saved(tmp_path) / "model.json").write_text(content)
    with pytest.raises(artifact.BrokenModel, match=r"model\.json"):
        load(tmp_path)


def test_numbers_of_another_shape_than_described_are_refused(tmp_path: Path):
    np.savez(saved(tmp_path) / "model.npz", weights=np.ones((1, 3)), bias=np.ones(1), threshold=np.float64(0))
    with pytest.raises(artifact.BrokenModel, match="1 outputs of 2 features"):
        load(tmp_path)


def test_pickles_are_never_loaded(tmp_path: Path):
    np.savez(saved(tmp_path) / "model.npz", weights=np.array([{}], object), bias=np.ones(1), threshold=np.float64(0))
    with pytest.raises(artifact.BrokenModel, match="cannot be read"):
        load(tmp_path)
