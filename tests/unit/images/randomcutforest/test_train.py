"""A job from its channels to its metrics, and what its model answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from potager.images.algorithm.errors import BadRequest, BrokenModel
from potager.images.algorithm.recordio import encode, tensors
from potager.images.randomcutforest import METRICS
from potager.images.randomcutforest.artifact import read
from potager.kernel.prediction import Query

FEW = {"feature_dim": "3", "num_trees": "50", "num_samples_per_tree": "64"}


def csv_of(rows: np.ndarray) -> str:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist())


def test_csv_records_and_pipes_train_the_same_forest(job, planted):
    rows = planted[0].astype(np.float32)
    job.channel("train", csv_of(rows.astype(float)), ContentType="text/csv;label_size=0").run(**FEW)
    from_csv = job.predictor.score(rows[:9])
    (job.ml / "input/data/train/part.csv").unlink()
    labelled = encode({"values": rows}, {"values": np.ones((1000, 1))})  # record_set with labels: they say nothing here
    job.channel("train", labelled, "matrix_0.pbr").run(**FEW)
    np.testing.assert_array_equal(job.predictor.score(rows[:9]), from_csv)
    assert (job.ml / "model" / "model.npz").stat().st_size < 200_000


def test_the_test_channel_is_measured_by_three_sigma(job, planted):
    rows, labels = planted
    job.channel("train", csv_of(rows), ContentType="text/csv;label_size=0")
    job.rows("test", rows, labels).run(feature_dim="3")
    assert job.evaluation["test"]["f1"] > 0.9
    for name, regex in METRICS:
        assert job.metric(regex) == [job.evaluation["test"][name.removeprefix("test:")]]
    scores = job.predictor.score(rows)
    called = scores > scores.mean() + 3 * scores.std()
    assert job.evaluation["test"]["recall"] == pytest.approx(np.mean(called[labels == 1]))
    assert job.evaluation["test"]["accuracy"] == pytest.approx(np.mean(called == (labels == 1)))


@pytest.mark.parametrize("given", ['["accuracy"]', "accuracy", "['accuracy']", '"[\\"accuracy\\"]"'])
def test_eval_metrics_says_which(job, planted, given: str):
    job.channel("train", csv_of(planted[0])).rows("test", *planted).run(**FEW, eval_metrics=given)
    assert {"accuracy"} == job.evaluation["test"].keys() - {"score_mean", "score_limit"}


def test_two_runs_end_in_the_same_model(job, planted):
    job.channel("train", csv_of(planted[0])).run(**FEW)
    first = job.predictor.predict(b"1,2,3", "text/csv", "")
    job.run(**FEW)
    assert job.predictor.predict(b"1,2,3", "text/csv", "") == first


def test_fewer_rows_than_samples_are_all_taken(job):
    job.channel("train", "1,2,3\n2,3,4\n5,6,9\n").run(feature_dim="3")
    assert read(job.ml / "model").samples == 3
    assert "num_samples_per_tree is 256, but there are 3 rows" in job.log


def test_constant_features_say_nothing(job, planted):
    rows = planted[0].copy()
    rows[:, 1] = 7.5
    job.channel("train", csv_of(rows)).run(**FEW)
    low, high = job.predictor.score(np.array([[0, 7.5, 0], [0, 9.5, 0]]))
    assert low < high


def test_answers_are_as_aws_has_them(job, planted):
    job.channel("train", csv_of(planted[0])).run(**FEW)
    asked = np.float32([[0.5, 0.25, 0], [9, 9, 9]])
    scores = job.predictor.score(asked).tolist()
    body, kind = job.predictor.predict(b"0.5,0.25,0\n9,9,9\n", "text/csv", "*/*")
    assert (json.loads(body), kind) == ({"scores": [{"score": one} for one in scores]}, "application/json")
    dense = {"instances": [{"features": [0.5, 0.25, 0]}, {"data": {"features": {"values": [9, 9, 9]}}}]}
    assert job.predictor.predict(json.dumps(dense).encode(), "application/json", "application/json")[0] == body
    sparse = {"data": {"features": {"keys": [0, 1], "shape": [3], "values": [0.5, 0.25]}}}
    line, _ = job.predictor.predict(json.dumps(sparse).encode(), "application/jsonlines", "application/jsonlines")
    assert line == f'{{"score": {scores[0]!r}}}\n'.encode()
    records, _ = job.predictor.predict(encode({"values": asked}, {}), "application/x-recordio-protobuf", "text/csv")
    assert records.decode().split() == list(map(repr, scores))
    answer, kind = job.predictor.predict(b"9,9,9", "text/csv", "application/x-recordio-protobuf")
    assert kind == "application/x-recordio-protobuf"
    assert np.float32(scores[1]).tobytes() in answer
    with pytest.raises(ValueError, match="no features"):
        tensors(answer)


def test_requests_asked_together_get_their_own_answers(job, planted):
    job.channel("train", csv_of(planted[0])).run(**FEW)
    queries = [Query(b"0,0,0", "text/csv"), Query(b"9,9,9\n1,1,1", "text/csv")]
    for query, answer in zip(queries, job.predictor.predict_many(queries), strict=True):
        assert answer.body == job.predictor.predict(query.body, "text/csv", "")[0]


def test_a_row_of_another_width_is_refused(job, planted):
    job.channel("train", csv_of(planted[0])).run(**FEW)
    with pytest.raises(BadRequest, match="Row 1 has 2 columns, but the model was trained on 3 features"):
        job.predictor.predict(b"1,2", "text/csv", "")


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({}, "'feature_dim' is missing"),
        ({"feature_dim": "4"}, "'feature_dim' is 4, but channel 'train' has 3 features"),
        ({"feature_dim": "10001"}, "'feature_dim' is '10001', but must be integer in [1, 10000]"),
        ({"feature_dim": "3", "num_trees": "49"}, "'num_trees' is '49', but must be integer in [50, 1000]"),
        ({"feature_dim": "3", "num_samples_per_tree": "4096"}, "must be integer in [1, 2048]"),
        ({"feature_dim": "3", "eval_metrics": '["auc"]'}, "'eval_metrics' is '[\"auc\"]', but must be a list of some"),
        ({"feature_dim": "3", "eval_metrics": '{"a": 1}'}, "must be a list of some"),
        ({"feature_dim": "3", "trees": "60"}, "Unknown hyperparameter 'trees'"),
    ],
)
def test_a_wrong_hyperparameter_is_refused(job, hyperparameters: dict[str, str], words: str):
    assert words in job.channel("train", "1,2,3\n4,5,6\n").refusal(**hyperparameters)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1,2,3\n4,red,6\n", "train/part.csv: row 2, column 2: 'red' is not a number"),
        ("1,2,3\n4,,6\n", "row 2, column 2: the cell is empty"),
        ("1,2,3\n4,inf,6\n", "row 2, column 2: 'inf' is not a finite number"),
        ("1,2,3\n4,5\n", "row 2 has 2 columns, but 3 are expected"),
        ("a,b,c\n1,2,3\n", "row 1 is a header line ('a,b,c')"),
        ("", "Channel 'train' holds no data"),
        ("\n\n", "Channel 'train' holds no data"),
        (",".join("1" * 100_000) + "\n", "'feature_dim' is 3, but channel 'train' has 100000 features"),
    ],
)
def test_bad_rows_are_refused_by_place_and_remedy(job, content: str, words: str):
    assert words in job.channel("train", content).refusal(feature_dim="3")


def test_a_missing_train_channel_is_refused(job):
    assert "Channel 'train' is missing" in job.refusal(feature_dim="3")


def test_labels_of_the_test_channel_are_0_or_1(job):
    job.channel("train", "1,2\n2,3\n").channel("test", "0,1,2\n2,3,4\n")
    assert "test/part.csv: row 2, column 1: label 2 is neither 0 (normal) nor 1 (anomalous)" in job.refusal(
        feature_dim="2"
    )


def test_a_test_channel_of_one_class_is_measured(job, planted):
    rows, _ = planted
    job.channel("train", csv_of(rows)).rows("test", rows[:50], np.zeros(50, int)).run(**FEW)
    assert 0 <= job.evaluation["test"]["accuracy"] <= 1


def test_a_damaged_model_is_refused(job, planted):
    job.channel("train", csv_of(planted[0])).run(**FEW)
    path = job.ml / "model" / "model.npz"
    with np.load(path) as arrays:
        kept = dict(arrays)
    for name, value in [("left", np.zeros_like(kept["left"])), ("end", kept["end"] + 9), ("cut", kept["cut"][1:])]:
        np.savez(path, **(kept | {name: value}))
        with pytest.raises(BrokenModel, match="Train the model again"):
            job.serve(job.ml / "model")
    path.write_bytes(b"PK")
    with pytest.raises(BrokenModel, match=r"model\.npz cannot be read"):
        job.serve(job.ml / "model")
    (job.ml / "model" / "model.json").write_text('{"format": "another"}')
    with pytest.raises(BrokenModel, match="describes no randomcutforest model"):
        job.serve(job.ml / "model")
