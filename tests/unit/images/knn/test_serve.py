"""Requests and answers: each format that AWS documents, and what cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import record, recordio
from potager.images.algorithm.errors import BadRequest, BrokenModel
from potager.images.knn.serve import Predictor, load
from potager.kernel.prediction import Query

GIVEN = {"feature_dim": "2", "k": "3", "predictor_type": "classifier", "sample_size": "10"}
ROWS = "0,0,0\n0,0,1\n1,3,0\n2,10,10\n2,10,11\n"


@pytest.fixture
def predictor(job) -> Predictor:
    return job.channel("train", ROWS).run(**GIVEN).predictor


def answered(predictor: Predictor, body: bytes | str, kind: str, accept: str) -> str:
    content = body.encode() if isinstance(body, str) else body
    return predictor.predict(content, kind, accept)[0].decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("0,0\n10,10\n", "text/csv"),
        ('{"instances": [{"data": {"features": {"values": [0, 0]}}}, {"features": [10, 10]}]}', "application/json"),
        ('{"features": [0, 0]}\n{"data": {"features": {"values": [10, 10]}}}', "application/jsonlines"),
        (recordio.encode({"values": np.array([[0, 0], [10, 10]], np.float32)}, {}), "application/x-recordio-protobuf"),
    ],
)
def test_every_format_is_taken(predictor, body: bytes | str, kind: str):
    wanted = {"predictions": [{"predicted_label": 0.0}, {"predicted_label": 2.0}]}
    assert json.loads(answered(predictor, body, kind, "application/json")) == wanted


def test_json_lines_are_one_a_row(predictor):
    assert answered(predictor, "0,0\n10,10", "text/csv", "application/jsonlines") == (
        '{"predicted_label": 0.0}\n{"predicted_label": 2.0}\n'
    )


@pytest.mark.parametrize("accept", ["application/json; verbose=true", "application/jsonlines; verbose=true"])
def test_a_verbose_answer_has_the_neighbours_the_nearest_first(predictor, accept: str):
    text = answered(predictor, "0,0", "text/csv", accept)
    [one] = json.loads(text)["predictions"] if text.startswith('{"predictions') else [json.loads(text)]
    assert one == {"predicted_label": 0.0, "distances": [0.0, 1.0, 3.0], "labels": [0.0, 0.0, 1.0]}


def test_records_answer_records(predictor):
    body = predictor.predict(b"0,0", "text/csv", "application/x-recordio-protobuf; verbose=true")[0]
    label = record.parse(recordio._payloads(np.frombuffer(body, np.uint8))[0]).label
    assert label["predicted_label"].values.tolist() == [0]
    assert label["distances"].values.tolist() == [0, 1, 3]
    assert label["labels"].values.tolist() == [0, 0, 1]


def test_csv_answers_the_label_and_if_asked_the_neighbours(predictor):
    assert answered(predictor, "0,0", "text/csv", "text/csv") == "0.0\n"
    assert answered(predictor, "0,0", "text/csv", "text/csv; verbose=true") == "0.0,0.0,1.0,3.0,0.0,0.0,1.0\n"


def test_requests_answered_together_are_answered_as_alone(predictor):
    bodies = [b"0,0", b"10,10\n3,0", b"1,1"]
    answers = predictor.predict_many([Query(body, "text/csv", "application/jsonlines") for body in bodies])
    alone = [predictor.predict(body, "text/csv", "application/jsonlines")[0] for body in bodies]
    assert [answer.body for answer in answers] == alone


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status", "words"),
    [
        ("1,2,3", "text/csv", "", 400, "Row 1 has 3 columns, but the model was trained on 2 features"),
        ("1,red", "text/csv", "", 400, "Row 1, column 2: 'red' is not a number"),
        ("1,nan", "text/csv", "", 400, "is not a finite number"),
        ("", "text/csv", "", 400, "holds no rows"),
        ("1,2", "image/png", "", 415, "Content type 'image/png' is not supported"),
        ("1,2", "text/csv", "image/png", 406, "Accept 'image/png' is not supported"),
    ],
)
def test_what_cannot_be_answered_says_why(predictor, body: str, kind: str, accept: str, status: int, words: str):
    with pytest.raises(BadRequest, match=words) as refused:
        predictor.predict(body.encode(), kind, accept)
    assert refused.value.status == status


def test_a_regressor_answers_the_mean(job):
    job.channel("train", "1,0,0\n2.5,0,1\n4,1,0\n90,50,50\n").run(**GIVEN | {"predictor_type": "regressor"})
    assert answered(job.predictor, "0,0", "text/csv", "application/jsonlines") == '{"predicted_label": 2.5}\n'


def test_the_rows_of_a_flat_model_are_mapped_not_read(predictor):
    assert isinstance(predictor._model.index._vectors, np.memmap)


@pytest.mark.parametrize("name", ["model.json", "labels.npy", "vectors.npy"])
def test_a_model_without_one_of_its_files_is_broken(job, predictor, name: str):
    (job.ml / "model" / name).unlink()
    with pytest.raises(BrokenModel, match="cannot be read"):
        load(job.ml / "model")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "describes no knn model"),
        ({"version": 9}, "has version 9"),
        ({"index_metric": "L1"}, "of a kind that this image does not know"),
        ({"k": 6}, "do not fit"),
        ({"num_features": 3}, "do not fit"),
        ({"colour": "red"}, "cannot be read"),
    ],
)
def test_a_model_that_was_tampered_with_is_broken(job, predictor, changes: dict[str, object], words: str):
    path: Path = job.ml / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BrokenModel, match=words):
        load(job.ml / "model")
