"""Requests and answers: each format that AWS documents, sparse and dense, and what cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import record, recordio
from potager.images.algorithm.errors import BadRequest, BrokenModel
from potager.images.factorization_machines.serve import Predictor, load
from potager.kernel.prediction import Query
from tests.unit.images.sparse_records import records

ROWS = records([{0: 1.0, 3: 1.0}, {1: 1.0, 3: 1.0}, {1: 1.0, 2: 2.0}], [1, 0, 1], 5)
BINARY = {"feature_dim": "5", "num_factors": "2", "predictor_type": "binary_classifier", "factors_init_sigma": "1"}


@pytest.fixture
def predictor(job) -> Predictor:
    return job.channel("train", ROWS, "part.pbr").run(**BINARY).predictor


SPARSE = {"data": {"features": {"keys": [1, 3], "shape": [5], "values": [2, 1]}}}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps({"instances": [SPARSE]}), "application/json"),
        (json.dumps({"instances": [{"features": [0, 2, 0, 1, 0]}]}), "application/json"),
        (json.dumps({"instances": [{"data": {"features": {"values": [0, 2, 0, 1, 0]}}}]}), "application/json"),
        (json.dumps(SPARSE), "application/jsonlines"),
        ("0,2,0,1,0", "text/csv"),
        (records([{1: 2.0, 3: 1.0}], (), 5), "application/x-recordio-protobuf"),
        (records([{1: 2.0, 3: 1.0}], ()), "application/x-recordio-protobuf"),
        (recordio.encode({"values": np.array([[0, 2, 0, 1, 0]], np.float32)}, {}), "application/x-recordio-protobuf"),
    ],
)
def test_every_format_says_the_same_of_the_same_row(predictor, body: bytes | str, kind: str):
    content = body.encode() if isinstance(body, str) else body
    [one] = json.loads(predictor.predict(content, kind, "application/json")[0])["predictions"]
    machine = predictor._machine
    assert predictor._seen.tolist() == [0, 1, 2, 3]
    raw = machine.bias[0] + 2 * machine.linear[1] + machine.linear[3] + 2 * machine.factors[1] @ machine.factors[3]
    assert one["score"] == pytest.approx(1 / (1 + np.exp(-raw)), rel=1e-5)
    assert one["predicted_label"] == int(one["score"] > 0.5)
    assert isinstance(one["predicted_label"], int)


def test_a_hundred_thousand_features_are_never_made_dense(job):
    job.channel("train", ROWS, "part.pbr").run(**BINARY | {"feature_dim": "10000000"})
    body = json.dumps({"instances": [{"data": {"features": {"keys": [9_999_999, 1], "values": [1, 2]}}}] * 500})
    answers = json.loads(job.predictor.predict(body.encode(), "application/json", "")[0])["predictions"]
    assert len(answers) == 500  # a dense table would take 40 GB


def test_a_regressor_answers_scores_alone(job):
    job.channel("train", ROWS, "part.pbr").run(**BINARY | {"predictor_type": "regressor"})
    [line] = job.predictor.predict(b"1,0,0,0,0", "text/csv", "application/jsonlines")[0].decode().splitlines()
    assert json.loads(line).keys() == {"score"}


def test_records_answer_records(predictor):
    body = predictor.predict(b"1,0,0,1,0", "text/csv", "application/x-recordio-protobuf")[0]
    label = record.parse(recordio._payloads(np.frombuffer(body, np.uint8))[0]).label
    assert 0 < label["score"].values[0] < 1
    assert label["predicted_label"].values[0] in (0, 1)


def test_requests_answered_together_are_answered_as_alone(predictor):
    bodies = [json.dumps({"instances": [SPARSE] * count}).encode() for count in (1, 3)]
    answers = predictor.predict_many([Query(body, "application/json", "application/json") for body in bodies])
    assert [answer.body for answer in answers] == [
        predictor.predict(body, "application/json", "application/json")[0] for body in bodies
    ]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"keys": [5], "values": [1]}, "Row 1 has a feature with key 5, but only 5 features are expected"),
        ({"keys": [1.5], "values": [1]}, "Row 1: keys must be integers from 0 to 4"),
        ({"keys": [-1], "values": [1]}, "Row 1: keys must be integers from 0 to 4"),
        ({"keys": [1, 2], "values": [1]}, "Row 1 has 2 keys for 1 values"),
        ({"keys": [1], "values": ["red"]}, 'Row 1, column 1: "red" is not a number'),
        ({"values": [1, 2]}, "Row 1 has 2 features, but the model was trained on 5"),
    ],
)
def test_what_cannot_be_answered_says_why(predictor, features: dict[str, object], words: str):
    body = json.dumps({"instances": [{"data": {"features": features}}]}).encode()
    with pytest.raises(BadRequest, match=words):
        predictor.predict(body, "application/json", "")


def test_a_record_of_a_feature_that_there_is_not_says_why(predictor):
    with pytest.raises(BadRequest, match="names feature 5, but the model knows 0 to 4"):
        predictor.predict(records([{5: 1.0}]), "application/x-recordio-protobuf", "")
    with pytest.raises(BadRequest, match="cannot be read"):
        predictor.predict(b"nothing of the kind", "application/x-recordio-protobuf", "")


@pytest.mark.parametrize("body", [b'{"instances": []}', b'{"rows": []}', b"{"])
def test_a_request_without_rows_says_so(predictor, body: bytes):
    with pytest.raises(BadRequest, match=r"no rows|no list|not JSON"):
        predictor.predict(body, "application/json", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "describes no factorization-machines model"),
        ({"version": 9}, "has version 9"),
        ({"predictor_type": "other"}, "unknown predictor_type 'other'"),
        ({"num_factors": 3}, "do not fit"),
        ({"num_features": 3}, "do not fit"),
    ],
)
def test_a_model_that_was_tampered_with_is_broken(job, predictor, changes: dict[str, object], words: str):
    path: Path = job.ml / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BrokenModel, match=words):
        load(job.ml / "model")
    (job.ml / "model" / "model.npz").unlink()
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"format": "potager.factorization-machines", "version": 1})
    )
    with pytest.raises(BrokenModel, match="cannot be read"):
        load(job.ml / "model")
