"""Answers of a model in every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from potager.images import npy
from potager.images.algorithm import ndarray, recordio
from potager.images.algorithm.errors import BadRequest, BrokenModel
from potager.images.algorithm.record import parse
from potager.images.kmeans import serve
from potager.images.kmeans.serve import Predictor
from potager.kernel.prediction import Query

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [1e6, 1e6]])


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(CENTERS)


def test_the_distance_is_euclidean_and_answers_are_as_aws_documents_them(predictor: Predictor):
    body, kind = predictor.predict(b"3,4\n10,2\n", "text/csv", "application/json")
    assert kind == "application/json"
    assert json.loads(body) == {
        "predictions": [
            {"closest_cluster": 0.0, "distance_to_cluster": pytest.approx(5.0)},
            {"closest_cluster": 1.0, "distance_to_cluster": pytest.approx(2.0)},
        ]
    }
    assert b'"closest_cluster": 0.0' in body


def test_json_lines_csv_and_npy_have_the_cluster_first(predictor: Predictor):
    lines = predictor.predict(b"3,4\n10,2\n", "text/csv", "application/jsonlines")[0].splitlines()
    assert [json.loads(line)["closest_cluster"] for line in lines] == [0.0, 1.0]
    rows = predictor.predict(b"0,0\n10,0\n", "text/csv", "text/csv")[0]
    assert rows == b"0.0,0.0\n1.0,0.0\n"
    assert npy.read(predictor.predict(b"0,0\n", "text/csv", "application/x-npy")[0]).tolist() == [[0.0, 0.0]]


def test_records_name_both_numbers_one_record_a_row(predictor: Predictor):
    asked = recordio.encode({"values": np.array([[3.0, 4.0], [10.0, 2.0]])}, {})
    body, kind = predictor.predict(asked, "application/x-recordio-protobuf", "application/x-recordio-protobuf")
    assert kind == "application/x-recordio-protobuf"
    size = len(body) // 2
    for record, wanted in ((body[:size], (0.0, 5.0)), (body[size:], (1.0, 2.0))):
        label = parse(record[8 : 8 + int.from_bytes(record[4:8], "little")]).label
        assert (label["closest_cluster"].values.tolist(), label["distance_to_cluster"].values.tolist()) == (
            [wanted[0]],
            [pytest.approx(wanted[1])],
        )


def test_sparse_and_nested_instances_are_rows_too(predictor: Predictor):
    body = json.dumps(
        {"instances": [{"features": [3, 4]}, {"data": {"features": {"keys": [1], "shape": [2], "values": [7]}}}]}
    ).encode()
    answers = json.loads(predictor.predict(body, "application/json", "")[0])["predictions"]
    assert [one["distance_to_cluster"] for one in answers] == [pytest.approx(5.0), pytest.approx(7.0)]


def test_requests_together_are_answered_as_each_by_itself(predictor: Predictor):
    queries = [Query(body, "text/csv", "application/json") for body in (b"3,4\n1,1\n", b"10,2\n")]
    together = [answer.body for answer in predictor.predict_many(queries)]
    assert together == [predictor.predict(one.body, "text/csv", "application/json")[0] for one in queries]


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status", "said"),
    [
        (b"1,2,3", "text/csv", "", 400, "Row 1 has 3 columns, but the model was trained on 2 features"),
        (b"1,x", "text/csv", "", 400, "Row 1, column 2: 'x' is not a number"),
        (b"1,inf", "text/csv", "", 400, "Row 1, column 2: inf is not a finite number"),
        (b"", "text/csv", "", 400, "holds no rows"),
        (b"1,2", "image/png", "", 415, "Content type 'image/png' is not supported"),
        (b"1,2", "text/csv", "image/png", 406, "Accept 'image/png' is not supported"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    predictor: Predictor, body: bytes, kind: str, accept: str, status: int, said: str
):
    with pytest.raises(BadRequest, match=said) as refused:
        predictor.predict(body, kind, accept)
    assert refused.value.status == status


def test_a_folder_of_another_algorithm_is_refused(tmp_path: Path):
    ndarray.save(tmp_path / "model_algo-1", {"s": np.ones(2), "v": np.ones((3, 2))})
    with pytest.raises(BrokenModel, match="a k-means model is one table of centers"):
        serve.load(tmp_path)
    ndarray.save(tmp_path / "model_algo-1", [np.full((2, 2), np.nan)])
    with pytest.raises(BrokenModel, match="not finite"):
        serve.load(tmp_path)
