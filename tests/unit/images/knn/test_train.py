"""Whole runs: what they read, print and leave behind, and scikit-learn's answers beside theirs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from potager.images.algorithm.recordio import encode
from potager.images.knn import METRICS, report
from potager.images.knn.votes import majority, shares


def given(features: np.ndarray, **changes: object) -> dict[str, str]:
    basic = {"feature_dim": features.shape[1], "k": 5, "predictor_type": "classifier", "sample_size": 100_000}
    return {name: str(value) for name, value in (basic | changes).items()}


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Six hundred rows of five features around three centres, labelled 3, 7 and 20."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 600)
    centres = random.normal(size=(3, 5)) * 2
    return (centres[labels] + random.normal(size=(600, 5))).astype(np.float32), np.array([3, 7, 20])[labels]


def test_a_run_leaves_a_model_and_prints_its_score(job, clouds):
    features, labels = clouds
    job.rows("train", features[:400], labels[:400]).rows("test", features[400:], labels[400:]).run(**given(features))
    assert {"model.json", "vectors.npy", "labels.npy"} <= {path.name for path in (job.ml / "model").iterdir()}
    [score] = job.metric(dict(METRICS)["test:accuracy"])
    assert score > 0.8
    assert job.metric(dict(METRICS)["test:mse"]) == []
    assert f"#test_score (algo-1) : ('accuracy', {score!r})" in job.log  # as AWS's page shows it


@pytest.mark.parametrize("name", ["load_digits", "load_wine", "load_breast_cancer"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_a_classifier_says_what_scikit_learns_says(job, name: str, k: int):
    datasets = pytest.importorskip("sklearn.datasets")
    neighbors = pytest.importorskip("sklearn.neighbors")
    features, labels = getattr(datasets, name)(return_X_y=True)
    features = features.astype(np.float32)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[: -len(order) // 4], order[-len(order) // 4 :]
    job.rows("train", features[train], labels[train]).rows("test", features[test], labels[test])
    job.run(**given(features, k=k))
    reference = neighbors.KNeighborsClassifier(k, algorithm="brute").fit(features[train].astype(float), labels[train])
    # Where the k-th and the next neighbour are equally far, either is right: ours is the one that came first.
    distances = np.sort(reference.kneighbors(features[test].astype(float), k + 1)[0], axis=1)
    sure = distances[:, -1] > distances[:, -2] * (1 + 1e-6)
    found = job.predictor._model.predict(features[test])
    np.testing.assert_array_equal(found.predicted[sure], reference.predict(features[test].astype(float))[sure])
    np.testing.assert_allclose(found.distances, distances[:, :-1], rtol=1e-5)
    assert np.mean(sure) > 0.8
    [score] = job.metric(dict(METRICS)["test:accuracy"])
    assert score == np.mean(found.predicted == labels[test])
    assert score == pytest.approx(reference.score(features[test].astype(float), labels[test]), abs=1.5 / len(test))


def test_a_regressor_says_what_scikit_learns_says(job):
    datasets = pytest.importorskip("sklearn.datasets")
    neighbors = pytest.importorskip("sklearn.neighbors")
    features, labels = datasets.load_diabetes(return_X_y=True)
    features = features.astype(np.float32)
    job.rows("train", features[:300], labels[:300]).rows("test", features[300:], labels[300:])
    job.run(**given(features, k=15, predictor_type="regressor"))
    reference = neighbors.KNeighborsRegressor(15, algorithm="brute").fit(features[:300].astype(float), labels[:300])
    wanted = reference.predict(features[300:].astype(float))
    np.testing.assert_allclose(job.predictor._model.predict(features[300:]).predicted, wanted, rtol=1e-9)
    assert job.metric(dict(METRICS)["test:mse"]) == [pytest.approx(np.mean((wanted - labels[300:]) ** 2))]
    assert re.search(r"#test_score \(algo-1\) : \('mse', \d+\.\d+\)", job.log)


@pytest.mark.parametrize(
    "more",
    [
        {"index_type": "faiss.IVFFlat"},
        {"index_type": "faiss.IVFFlat", "index_metric": "COSINE"},
        {"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "4"},
        {"dimension_reduction_type": "sign", "dimension_reduction_target": "4"},
        {"dimension_reduction_type": "fjlt", "dimension_reduction_target": "3", "index_metric": "INNER_PRODUCT"},
        {"dimension_reduction_type": "sign", "dimension_reduction_target": "3"}
        | {"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "2"},
    ],
)
def test_every_kind_of_index_learns_and_is_served(job, clouds, more: dict[str, str]):
    features, labels = clouds
    job.rows("train", features, labels).rows("test", features, labels).run(**given(features, **more))
    [score] = job.metric(dict(METRICS)["test:accuracy"])
    assert score > 0.7
    assert np.mean(job.predictor._model.predict(features).predicted == labels) == score


def test_a_target_is_raised_to_a_multiple_of_the_parts(job, clouds):
    features, labels = clouds
    more = {"dimension_reduction_type": "sign", "dimension_reduction_target": 3}
    job.rows("train", features, labels)
    job.run(**given(features, **more, index_type="faiss.IVFPQ", faiss_index_pq_m=4))
    assert "Reducing 5 features to 4 dimensions by sign" in job.log
    assert job.predictor._model.index.width == 4


def test_a_sample_is_drawn_without_replacement_and_keeps_its_labels(job):
    features = np.arange(1000, dtype=np.float32)[:, None] * [1, 0]
    job.rows("train", features, features[:, 0] * 2)
    job.run(**given(features, k=1, predictor_type="regressor", sample_size=100))
    vectors, labels = (np.load(job.ml / "model" / f"{name}.npy") for name in ("vectors", "labels"))
    assert len(np.unique(vectors[:, 0])) == 100
    assert (np.diff(vectors[:, 0]) > 0).all()
    np.testing.assert_array_equal(labels, vectors[:, 0] * 2)
    assert abs(vectors[:, 0].mean() - 500) < 100
    assert "Sampled 100 of 1000 rows" in job.log


def test_a_sample_size_above_the_rows_keeps_them_all(job, clouds):
    features, labels = clouds
    job.rows("train", features, labels).run(**given(features, sample_size=20_000_000))
    assert job.predictor._model.index.rows == 600


def test_two_runs_end_in_the_same_bytes(job, clouds):
    features, labels = clouds
    job.rows("train", features, labels)
    chosen = given(features, sample_size=90, dimension_reduction_type="fjlt", dimension_reduction_target=3)
    first = job.run(**chosen).predictor.predict(b"1,2,3,4,5", "text/csv", "application/json; verbose=true")
    again = job.run(**chosen).predictor.predict(b"1,2,3,4,5", "text/csv", "application/json; verbose=true")
    assert first == again


def test_records_train_as_csv_does(job, clouds):
    features, labels = clouds
    records = encode({"values": features}, {"values": labels[:, None].astype(np.float32)})
    job.channel("train", records, "matrix_0.pbr", ContentType="application/x-recordio-protobuf")
    job.rows("test", features, labels).run(**given(features, k=1))
    assert job.metric(dict(METRICS)["test:accuracy"]) == [1.0]


def test_a_class_that_only_the_test_channel_has_is_said_and_counts_as_wrong(job, clouds):
    features, labels = clouds
    known = labels != 20
    job.rows("train", features[known], labels[known]).rows("test", features, labels).run(**given(features, k=1))
    rows = np.count_nonzero(~known)
    assert f"Channel 'test': {rows} rows have a label that no row of the sample has (20)" in job.log
    assert job.metric(dict(METRICS)["test:accuracy"]) == [1 - rows / 600]


def test_constant_features_do_no_harm(job, clouds):
    features, labels = clouds
    features = np.column_stack([features, np.full(600, 7)]).astype(np.float32)
    job.rows("train", features, labels).rows("test", features, labels).run(**given(features, k=1))
    assert job.metric(dict(METRICS)["test:accuracy"]) == [1.0]


def test_votes_of_equal_number_go_to_the_smallest_label():
    codes = np.array([[2, 1, 1, 2], [3, 3, 0, 1], [0, 2, 1, 3], [1, 1, 1, 1]])
    np.testing.assert_array_equal(majority(codes), [1, 3, 0, 1])
    np.testing.assert_array_equal(shares(codes, 4)[1], [0.25, 0.25, 0, 0.5])


def test_votes_are_counted_as_a_plain_count_does():
    codes = np.random.default_rng(0).integers(0, 6, (400, 9))
    plain = [np.bincount(row, minlength=6).argmax() for row in codes]
    np.testing.assert_array_equal(majority(codes), plain)


@pytest.mark.parametrize(("predictor", "metric"), [("classifier", "accuracy"), ("regressor", "mse")])
def test_the_evaluation_is_of_what_the_served_model_says(job, clouds, predictor: str, metric: str):
    features, labels = clouds
    job.rows("train", features[:400], labels[:400]).rows("test", features[400:], labels[400:])
    job.run(**given(features, predictor_type=predictor))
    document = json.loads((job.ml / "model" / "evaluation.json").read_text())
    [printed] = job.metric(dict(METRICS)[f"test:{metric}"])
    assert document["channels"]["test"]["metrics"][metric] == pytest.approx(printed)
    assert document["channels"]["train"]["rows"] == 400
    assert document["classes"] == ([3, 7, 20] if predictor == "classifier" else None)


def test_one_neighbour_follows_its_own_rows_and_is_said_to(job, clouds):
    features, labels = clouds
    labels = np.random.default_rng(0).permutation(labels)
    job.rows("train", features[:400], labels[:400]).rows("test", features[400:], labels[400:])
    job.run(**given(features, k=1))
    assert "Verdict on fit: over" in job.log


def test_of_many_classes_fewer_rows_are_evaluated_and_all_are_measured(job, monkeypatch):
    monkeypatch.setattr(report, "_SHARES", 100 * 500)
    features = np.arange(500, dtype=np.float32)[:, None] * [1, 2]
    job.rows("train", features, np.arange(500)).rows("test", features, np.arange(500)).run(**given(features, k=1))
    document = json.loads((job.ml / "model" / "evaluation.json").read_text())
    assert [document["channels"][name]["rows"] for name in ("train", "test")] == [100, 100]
    assert job.metric(dict(METRICS)["test:accuracy"]) == [1.0]


def test_two_classes_are_evaluated_by_the_share_of_the_second(job):
    random = np.random.default_rng(0)
    labels = np.where(random.random(400) < 0.5, -1, 1)
    features = random.normal(size=(400, 2)) + labels[:, None]
    job.rows("train", features, labels).rows("test", features, labels).run(**given(features, k=15))
    document = json.loads((job.ml / "model" / "evaluation.json").read_text())
    assert document["problem"] == "binary"
    assert document["classes"] == [-1, 1]
    assert document["channels"]["test"]["metrics"]["roc_auc"] > 0.9
