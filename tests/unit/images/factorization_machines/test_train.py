"""Whole runs: what they learn, print and leave behind."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse

from potager.images.algorithm.recordio import encode
from potager.images.factorization_machines import METRICS, columns
from tests.unit.images.sparse_records import records

LEARNS = {"linear_lr": "0.01", "factors_lr": "0.01", "factors_init_sigma": "0.1", "mini_batch_size": "100"}


def given(width: int, **changes: object) -> dict[str, str]:
    basic = {"feature_dim": width, "num_factors": 4, "predictor_type": "regressor"}
    return {name: str(value) for name, value in (basic | changes).items()}


def channel(job, name: str, rated, shape: int | None = 55):
    return job.channel(name, records([row for row, _ in rated], [value for _, value in rated], shape), "part.pbr")


def metric(job, name: str) -> list[float]:
    return job.metric(dict(METRICS)[name])


def test_it_recovers_interactions_that_no_linear_model_can(job, ratings):
    channel(job, "train", ratings[:3200])
    channel(job, "test", ratings[3200:])
    job.run(**given(55, epochs=60, factors_wd=0, **LEARNS))
    values = np.array([value for _, value in ratings])
    machine = job.predictor._machine
    pairs = machine.factors[:25] @ machine.factors[25:].T
    random = np.random.default_rng(4)
    users, items = random.normal(size=(25, 2)), random.normal(size=(30, 2))
    # Apart from what bias and linear terms may take over, the pairs are those that made the data.
    found, true = (table - table.mean(0) - table.mean(1)[:, None] + table.mean() for table in (pairs, users @ items.T))
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.99
    [rmse] = metric(job, "test:rmse")
    rows = np.zeros((4000, 55))
    for number, (row, _) in enumerate(ratings):
        rows[number, list(row)] = 1
    linear = np.linalg.lstsq(rows[:3200], values[:3200], rcond=None)[0]
    by_linear = np.sqrt(np.mean((rows[3200:] @ linear - values[3200:]) ** 2))
    assert rmse < by_linear / 4


def test_where_nothing_interacts_it_is_a_logistic_regression(job):
    datasets = pytest.importorskip("sklearn.datasets")
    models = pytest.importorskip("sklearn.linear_model")
    features, labels = datasets.load_breast_cancer(return_X_y=True)
    features = (features - features[:400].mean(0)) / features[:400].std(0)
    job.rows("train", features[:400], labels[:400]).rows("test", features[400:], labels[400:])
    job.run(
        **given(30, predictor_type="binary_classifier", epochs=80, linear_lr=0.01, factors_lr=0.001, mini_batch_size=50)
    )
    reference = models.LogisticRegression(C=10).fit(features[:400], labels[:400])
    [accuracy] = metric(job, "test:binary_classification_accuracy")
    assert accuracy >= reference.score(features[400:], labels[400:]) - 0.02


def test_without_factors_to_learn_it_comes_to_the_least_squares(job):
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 3))
    job.rows("train", features, features @ [1, -2, 0.5] + 3)
    still = {"factors_lr": 0, "factors_init_method": "constant", "factors_init_value": 0, "linear_wd": 0, "bias_wd": 0}
    job.run(**given(3, epochs=200, linear_lr=0.02, mini_batch_size=100, **still))
    machine = job.predictor._machine
    np.testing.assert_allclose(machine.linear, [1, -2, 0.5], atol=1e-2)
    assert machine.bias[0] == pytest.approx(3, abs=2e-2)


@pytest.mark.parametrize("shape", [None, 55])
def test_sparse_and_dense_rows_train_the_same_model(job, ratings, shape: int | None):
    chosen = given(55, epochs=2, **LEARNS)
    channel(job, "train", ratings[:500], shape).run(**chosen)
    sparse = job.predictor._machine
    rows = np.zeros((500, 55), np.float32)
    for number, (row, _) in enumerate(ratings[:500]):
        rows[number, list(row)] = 1
    labels = np.array([[value] for _, value in ratings[:500]], np.float32)
    job.channel("train", encode({"values": rows}, {"values": labels}), "part.pbr").run(**chosen)
    dense = job.predictor._machine
    assert len(sparse.linear) == len(dense.linear) == 55
    np.testing.assert_allclose(dense.factors, sparse.factors, atol=1e-3)


def test_the_metrics_of_a_regressor_are_read_from_its_log(job, ratings):
    channel(job, "train", ratings[:800])
    channel(job, "test", ratings[800:1000])
    job.run(**given(55, epochs=3, **LEARNS))
    for name, _ in METRICS:
        series = name.endswith(":epoch") or name in ("train:progress", "train:throughput")
        wanted = 0 if "binary" in name else 3 if series else 1
        assert len(metric(job, name)) == wanted, name
    assert "#quality_metric: host=algo-1, epoch=0, train rmse <loss>=" in job.log
    assert metric(job, "train:progress") == [33.33, 66.67, 100]
    assert metric(job, "train:mse") == [pytest.approx(metric(job, "train:rmse")[0] ** 2)]
    assert metric(job, "train:rmse:epoch")[-1] > metric(job, "train:rmse")[0]


def test_the_metrics_of_a_classifier_are_read_from_its_log(job, ratings):
    signs = [(row, float(value > 0)) for row, value in ratings]
    channel(job, "train", signs[:3000])
    channel(job, "test", signs[3000:])
    job.run(**given(55, predictor_type="binary_classifier", epochs=40, factors_wd=0, **LEARNS))
    [accuracy], [f1] = metric(job, "test:binary_classification_accuracy"), metric(job, "test:binary_f_beta")
    [loss] = metric(job, "test:binary_classification_cross_entropy")
    rows = scipy.sparse.lil_matrix((1000, 55))
    for number, (row, _) in enumerate(signs[3000:]):
        rows[number, list(row)] = 1
    scores, labels = job.predictor.score(rows.tocsr()), np.array([value for _, value in signs[3000:]])
    said = scores > 0.5
    assert accuracy == np.mean(said == labels) > 0.9
    assert f1 == pytest.approx(2 * (said * labels).sum() / (said.sum() + labels.sum()))
    assert loss == pytest.approx(-np.mean(np.log(np.where(labels == 1, scores, 1 - scores))), rel=1e-4)
    assert metric(job, "test:rmse") == []


def test_a_run_leaves_a_model_and_an_evaluation(job, ratings):
    channel(job, "train", ratings[:800])
    channel(job, "test", ratings[800:1000])
    job.run(**given(55, epochs=3, **LEARNS))
    assert {path.name for path in (job.ml / "model").iterdir()} == {"model.npz", "model.json", "evaluation.json"}
    document = json.loads((job.ml / "model" / "evaluation.json").read_text())
    assert document["channels"]["test"]["metrics"]["rmse"] == pytest.approx(metric(job, "test:rmse")[0])
    assert len(document["learning_curves"]["train"]["rmse"]["value"]) == 3


def test_two_runs_end_in_the_same_model(job, ratings):
    channel(job, "train", ratings[:500])
    first = job.run(**given(55, **LEARNS)).predictor._machine.factors
    again = job.run(**given(55, **LEARNS)).predictor._machine.factors
    np.testing.assert_array_equal(first, again)


def test_of_ten_million_features_those_are_held_that_occur(job):
    rows = [{7: 1.0, 9_999_999: 1.0}, {7: 1.0}, {4_000_000: 1.0, 9_999_999: 2.0}]
    channel(job, "train", list(zip(rows, [1.0, 2.0, 3.0], strict=True)), None).run(**given(10_000_000, num_factors=64))
    assert job.predictor._seen.tolist() == [7, 4_000_000, 9_999_999]
    assert (job.ml / "model" / "model.npz").stat().st_size < 10_000


@pytest.mark.parametrize("shape", [5, None])
def test_a_row_may_name_no_feature(job, shape: int | None):
    job.channel("train", records([{3: 1.0}, {}, {3: 2.0}], [1, 2, 3], shape), "part.pbr").run(**given(5))
    assert "Channel 'train': 3 rows of 5 features" in job.log


def test_the_first_row_may_name_no_feature(job):
    job.channel("train", records([{}, {3: 2.0}], [1, 2], 5), "part.pbr").run(**given(5))
    assert "Channel 'train': 2 rows of 5 features" in job.log


def test_a_feature_named_twice_counts_as_its_sum():
    twice = scipy.sparse.csr_matrix((np.array([1.0, 2.0, 5.0], np.float32), [3, 3, 1], [0, 2, 3]), (2, 5))
    cut = columns.kept(twice, columns.named(twice))
    assert cut.toarray().tolist() == [[0, 3], [5, 0]]


def test_the_model_without_bias_and_linear_terms_has_none(job, ratings):
    channel(job, "train", ratings[:500]).run(**given(55, use_bias="false", use_linear="false", epochs=2, **LEARNS))
    machine = job.predictor._machine
    assert machine.bias.tolist() == [0]
    assert not machine.linear.any()


def test_a_model_that_diverges_says_what_to_lower(job):
    features = np.random.default_rng(0).normal(size=(300, 3)) * 1e15
    message = job.rows("train", features, features[:, 0]).refusal(**given(3, factors_lr=500, linear_lr=500, epochs=5))
    assert "The model diverged in epoch" in message
    assert "factors_lr" in message


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ("1,2,3\n0,red,4\n", {}, "train/part.csv: row 2, column 2: 'red' is not a number"),
        ("1,2,3\n0,inf,4\n", {}, "train/part.csv: row 2, column 2: 'inf' is not a finite number"),
        ("", {}, "Channel 'train' holds no data"),
        ("1,2,3\n2,3,4\n", {"predictor_type": "binary_classifier"}, "label 2 is neither 0 nor 1"),
        ("1,2,3\n1,3,4\n", {"predictor_type": "binary_classifier"}, "every label is 1. A classifier needs"),
        ("1,2,3\n", {"feature_dim": "3"}, "'feature_dim' is 3, but channel 'train' has 2 features"),
    ],
)
def test_a_wrong_csv_channel_is_refused(job, content: str, more: dict[str, str], words: str):
    assert words in job.channel("train", content).refusal(**given(2) | more)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (records([{1: 1.0}, {9: 1.0}], [0, 1]), "feature of the index 9, but 5 features are expected"),
        (records([{1: 1.0}, {7: 1.0}], [0, 1], 5), "record 2 has a feature with key 7"),
        (records([{1: float("inf")}], [0], 5), "record 1"),
        (records([{1: 1.0}, {2: 1.0}], [0, float("nan")], 5), "record 2: label nan is not a finite number"),
        (records([{1: 1.0}], [], 5), "record 1 has no label"),
        (records([{1: 1.0}], [0], 5)[:-6], "record 1"),
    ],
)
def test_a_wrong_record_is_refused(job, content: bytes, words: str):
    message = job.channel("train", content, "part.pbr").refusal(**given(5))
    assert "train/part.pbr" in message
    assert words in message


def test_constant_features_do_no_harm(job, ratings):
    with_constant = [(row | {55: 1.0}, value) for row, value in ratings]
    channel(job, "train", with_constant[:3000], 56)
    channel(job, "test", with_constant[3000:], 56)
    job.run(**given(56, epochs=40, factors_wd=0, **LEARNS))
    assert metric(job, "test:rmse")[0] < 0.3


def test_a_feature_that_only_the_test_channel_names_says_nothing(job, ratings):
    channel(job, "train", ratings[:100], 100)
    channel(job, "test", [(row | {99: 5.0}, value) for row, value in ratings[:100]], 100)
    job.run(**given(100, **LEARNS))
    assert metric(job, "test:rmse") == metric(job, "train:rmse")
