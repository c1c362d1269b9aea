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
from potager.images.pca import serve
from potager.images.pca.artifact import Model
from potager.images.pca.serve import Predictor
from potager.kernel.prediction import Query

V = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(Model(np.array([1.0, 3.0]), V, np.array([1.0, 1.0, 1.0])))


def test_answers_are_as_aws_documents_them(predictor: Predictor):
    body, kind = predictor.predict(b"3,4,5\n1,1,1\n", "text/csv", "application/json")
    assert kind == "application/json"
    assert json.loads(body) == {"projections": [{"projection": [2.0, 6.0]}, {"projection": [0.0, 0.0]}]}
    lines = predictor.predict(b"3,4,5\n", "text/csv", "application/jsonlines")[0]
    assert json.loads(lines) == {"projection": [2.0, 6.0]}
    record = predictor.predict(b"3,4,5\n", "text/csv", "application/x-recordio-protobuf")[0]
    label = parse(record[8 : 8 + int.from_bytes(record[4:8], "little")]).label
    assert label["projection"].values.tolist() == [2.0, 6.0]


def test_csv_and_npy_have_a_column_a_component(predictor: Predictor):
    assert predictor.predict(b"3,4,5\n1,1,1\n", "text/csv", "text/csv")[0] == b"2.0,6.0\n0.0,0.0\n"
    assert npy.read(predictor.predict(b"3,4,5\n", "text/csv", "application/x-npy")[0]).tolist() == [[2.0, 6.0]]


def test_one_component_is_a_list_of_one():
    single = Predictor(Model(np.array([1.0]), V[:, 1:], None))
    body = recordio.encode({"values": np.array([[3.0, 4.0, 5.0]])}, {})
    answer = single.predict(body, "application/x-recordio-protobuf", "")[0]
    assert json.loads(answer) == {"projections": [{"projection": [8.0]}]}


def test_requests_together_are_answered_as_each_by_itself(predictor: Predictor):
    queries = [Query(body, "text/csv", "application/json") for body in (b"3,4,5\n1,1,1\n", b"0,2,9\n")]
    together = [answer.body for answer in predictor.predict_many(queries)]
    assert together == [predictor.predict(one.body, "text/csv", "application/json")[0] for one in queries]


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status", "said"),
    [
        (b"1,2", "text/csv", "", 400, "Row 1 has 2 columns, but the model was trained on 3 features"),
        (b"1,2,nan", "text/csv", "", 400, "Row 1, column 3: nan is not a finite number"),
        (b"", "application/jsonlines", "", 400, "holds no rows"),
        (b"1,2,3", "text/html", "", 415, "Content type 'text/html' is not supported"),
        (b"1,2,3", "text/csv", "text/html", 406, "Accept 'text/html' is not supported"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    predictor: Predictor, body: bytes, kind: str, accept: str, status: int, said: str
):
    with pytest.raises(BadRequest, match=said) as refused:
        predictor.predict(body, kind, accept)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ([np.ones((2, 2))], "a PCA model is s, v and, perhaps, mean"),
        ({"s": np.ones(3), "v": V}, "a PCA model is s, v and, perhaps, mean"),
        ({"mean": np.ones((1, 2)), "s": np.ones(2), "v": V}, "a PCA model is s, v and, perhaps, mean"),
        ({"s": np.ones(2), "v": np.full((3, 2), np.inf)}, "not finite"),
    ],
)
def test_a_folder_of_another_algorithm_is_refused(
    tmp_path: Path, arrays: list[np.ndarray] | dict[str, np.ndarray], said: str
):
    ndarray.save(tmp_path / "model_algo-1", arrays)
    with pytest.raises(BrokenModel, match=said):
        serve.load(tmp_path)
