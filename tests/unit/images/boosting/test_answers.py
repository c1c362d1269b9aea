"""Formats of requests and answers that lightgbm and catboost share."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from potager.kernel.prediction import Query
from tests.unit.images.jobs import Job

_ROWS = "".join(f"{'no' if row % 4 < 2 else 'yes'},{row % 4},{row % 7}\n" for row in range(80))
_NUMBERS = "".join(f"{row / 8},{row},{row % 7}\n" for row in range(80))


@pytest.fixture
def classifier(job: Job) -> Job:
    return job.channel("train", _ROWS).channel("validation", _ROWS).run()


@pytest.fixture
def regressor(job: Job) -> Job:
    return job.channel("train", _NUMBERS).channel("validation", _NUMBERS).run()


def test_answers_have_jumpstarts_members(classifier: Job) -> None:
    ask = classifier.predictor.predict
    plain, kind = ask(b"0,1\n3,1", "text/csv", "")
    assert kind == "application/json"
    assert set(json.loads(plain)) == {"probabilities"}
    body, kind = ask(b"0,1\n3,1", "text/csv", "application/json;verbose")
    verbose = json.loads(body)
    assert kind == "application/json"
    assert verbose["probabilities"] == json.loads(plain)["probabilities"]
    assert verbose["labels"] == ["no", "yes"]
    assert verbose["predicted_label"] == ["no", "yes"]
    assert np.allclose(np.sum(verbose["probabilities"], axis=1), 1)


def test_the_same_row_has_the_same_answer_in_every_format(classifier: Job) -> None:
    ask = classifier.predictor.predict
    expected = ask(b"3,1\n", "text/csv", "")
    npy = io.BytesIO()
    np.save(npy, np.array([[3.0, 1.0]]))
    for body, kind in (
        (b'{"instances": [{"features": [3, 1]}]}', "application/json"),
        (b"[[3, 1.0]]", "application/json; charset=utf-8"),
        (b'{"features": [3, 1]}\n', "application/jsonlines"),
        (npy.getvalue(), "application/x-npy"),
        (b'"3","1"\r\n', "text/csv; charset=utf-8"),
    ):
        assert ask(body, kind, "application/json") == expected


def test_answers_in_lines_csv_and_npy(classifier: Job) -> None:
    ask = classifier.predictor.predict
    chances = json.loads(ask(b"0,1\n3,1", "text/csv", "")[0])["probabilities"]
    lines = ask(b"0,1\n3,1", "text/csv", "application/jsonlines")[0].splitlines()
    assert [json.loads(line)["probabilities"] for line in lines] == chances
    rows = [line.split(",") for line in ask(b"0,1\n3,1", "text/csv", "text/csv")[0].decode().splitlines()]
    assert [row[0] for row in rows] == ["no", "yes"]
    assert [[float(cell) for cell in row[1:]] for row in rows] == chances
    npy = np.load(io.BytesIO(ask(b"0,1\n3,1", "text/csv", "application/x-npy")[0]))
    assert npy.tolist() == chances


def test_answers_of_a_regression(regressor: Job) -> None:
    ask = regressor.predictor.predict
    values = json.loads(ask(b"8,1\n70,0", "text/csv", "")[0])["prediction"]
    assert values[0] < values[1]
    assert [float(line) for line in ask(b"8,1\n70,0", "text/csv", "text/csv")[0].splitlines()] == values
    lines = ask(b"8,1\n70,0", "text/csv", "application/jsonlines")[0].splitlines()
    assert [json.loads(line)["prediction"] for line in lines] == values


def test_requests_answered_together_are_answered_as_alone(classifier: Job) -> None:
    queries = [Query(body, "text/csv", "application/json") for body in (b"0,1", b"3,1\n2,2", b",5")]
    together = classifier.predictor.predict_many(queries)
    alone = [classifier.predictor.predict(one.body, one.content_type, one.accept) for one in queries]
    assert [(answer.body, answer.content_type) for answer in together] == alone


def test_gaps_are_missing_values(classifier: Job) -> None:
    ask = classifier.predictor.predict
    empty = ask(b",1", "text/csv", "")
    assert ask(b"NaN,1", "text/csv", "") == empty
    assert ask(b'[{"features": [null, 1]}]', "application/json", "") == empty


def test_the_evaluation_holds_both_tables_and_names_the_classes(classifier: Job) -> None:
    found = json.loads((classifier.ml / "model" / "evaluation.json").read_text())
    assert (found["problem"], found["classes"]) == ("binary", ["no", "yes"])
    assert set(found["channels"]) == {"train", "validation"}
    assert found["channels"]["validation"]["metrics"]["accuracy"] > 0.9
    (metric,) = found["learning_curves"]["validation"]
    assert metric in found["channels"]["validation"]["own"]
    assert "Verdict on fit" in classifier.log


def test_the_evaluation_of_a_regression(regressor: Job) -> None:
    found = json.loads((regressor.ml / "model" / "evaluation.json").read_text())
    assert found["problem"] == "regression"
    assert found["channels"]["train"]["metrics"]["r2"] > 0.3
