"""Whole runs: what they read, print and leave behind."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from potager.images.algorithm.recordio import encode
from potager.images.linear_learner import METRICS

BINARY = {"predictor_type": "binary_classifier"}


def test_a_run_leaves_a_model_and_its_evaluation(job, claims):
    features, labels = claims
    job.rows("train", features[:150], labels[:150]).rows("validation", features[150:], labels[150:])
    job.run(**BINARY)
    assert {path.name for path in (job.ml / "model").iterdir()} == {"model.npz", "model.json", "evaluation.json"}
    assert not (job.ml / "output" / "failure").exists()
    assert job.figures("train")["roc_auc_score"] > 0.85
    assert job.figures("validation")["binary_classification_accuracy"] > 0.75


def test_the_evaluation_is_what_the_served_model_scores(job, claims):
    features, labels = claims
    job.rows("train", features, labels).run(**BINARY)
    scores, said = job.predictor.score(features)
    assert said is not None
    assert np.mean(said == labels) == pytest.approx(job.figures("train")["binary_classification_accuracy"])
    loss = -np.log(np.where(labels == 1, scores[:, 0], 1 - scores[:, 0])).mean()
    assert loss == pytest.approx(job.figures("train")["objective_loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("predictor", "more"),
    [("binary_classifier", {}), ("multiclass_classifier", {"num_classes": "4"}), ("regressor", {})],
)
def test_every_metric_of_a_predictor_type_is_read_from_its_log(job, claims, predictor: str, more: dict[str, str]):
    features, labels = claims
    labels = labels + 2 * (features[:, 2] > 0) if predictor != "binary_classifier" else labels
    for channel in ("train", "validation", "test"):
        job.rows(channel, features, labels)
    job.run(predictor_type=predictor, **more)
    own = {
        "binary_classifier": {
            "binary_classification_accuracy",
            "binary_f_beta",
            "precision",
            "recall",
            "roc_auc_score",
        },
        "multiclass_classifier": {
            *("multiclass_accuracy", "multiclass_top_k_accuracy", "dcg"),
            *("macro_precision", "macro_recall", "macro_f_beta"),
        },
        "regressor": {"mse", "absolute_loss"},
    }[predictor] | {"objective_loss", "progress", "throughput"}
    for name, regex in METRICS:
        channel, metric, *_ = name.split(":")
        found = job.metric(regex)
        assert bool(found) == (metric in own), name
        if metric in own - {"objective_loss", "progress", "throughput"}:
            assert found == [job.figures(channel)[metric]]


def test_the_last_match_of_the_objective_is_the_finished_models(job, claims):
    job.rows("train", *claims).rows("test", *claims).run(**BINARY)
    regexes = dict(METRICS)
    assert job.metric(regexes["test:objective_loss"]) == [job.figures("test")["objective_loss"]]
    assert len(job.metric(regexes["train:objective_loss"])) == len(job.metric(regexes["train:progress"]))


def test_lines_are_spelt_as_sagemaker_spells_them(job, claims):
    job.rows("train", *claims).run(**BINARY, epochs="3", early_stopping_patience="9")
    objective = "train binary_classification_cross_entropy_objective <loss>="
    assert f"#quality_metric: host=algo-1, epoch=0, {objective}" in job.log
    assert "#progress_metric: host=algo-1, completed 33.33 % of epochs" in job.log
    assert "#progress_metric: host=algo-1, completed 100 % of epochs" in job.log
    assert re.search(r"#quality_metric: host=algo-1, train binary_f_1\.000 <score>=0\.\d+", job.log)


def test_two_runs_end_in_the_same_bytes(job, claims, tmp_path):
    job.rows("train", *claims).run(**BINARY)
    first = job.predictor.predict(b"1,2,3,4", "text/csv", "")
    job.run(**BINARY)
    assert job.predictor.predict(b"1,2,3,4", "text/csv", "") == first


def test_csv_and_records_train_the_same_model(job, claims):
    features, labels = claims
    features = features.astype(np.float32)
    rows = "".join(
        ",".join(map(repr, [label, *row])) + "\n" for label, row in zip(labels.tolist(), features.tolist(), strict=True)
    )
    job.channel("train", rows, ContentType="text/csv;label_size=1").run(**BINARY)
    from_csv = job.predictor.score(features[:9])[0]
    (job.ml / "input" / "data" / "train" / "part.csv").unlink()
    records = encode({"values": features}, {"values": labels[:, None]})
    job.channel("train", records, "matrix_0.pbr", ContentType="application/x-recordio-protobuf").run(**BINARY)
    np.testing.assert_array_equal(job.predictor.score(features[:9])[0], from_csv)


def test_nested_folders_read_only_files_and_empty_files_are_read(job, claims):
    features, labels = claims
    job.rows("train", features[:90], labels[:90], "2026/01/a.csv")
    job.rows("train", features[90:], labels[90:], "2026/02/b.csv").channel("train", "", "_SUCCESS")
    for path in (job.ml / "input" / "data").rglob("*.csv"):
        path.chmod(0o444)
    assert "Channel 'train': 200 rows of 4 features" in job.run(**BINARY).log


def test_windows_line_ends_quotes_and_a_missing_last_newline_are_read(job):
    job.channel("train", '1,"2.5",3\r\n0,1,"-4"\r\n\r\n1,3,5').run(**BINARY)
    assert "Channel 'train': 3 rows of 2 features" in job.log


def test_a_byte_order_mark_is_passed_over(job):
    job.channel("train", "\ufeff1,2,3\n0,1,4\n").run(**BINARY)
    assert "Channel 'train': 2 rows of 2 features" in job.log


def test_hyperparameters_as_the_sdk_sends_them_are_taken(job, claims):
    job.rows("train", *claims)
    job.run(predictor_type="binary_classifier", feature_dim="4", mini_batch_size="200", use_bias="True", num_models="4")
    assert (job.ml / "model" / "model.npz").exists()


def test_a_balanced_weight_raises_recall(job):
    random = np.random.default_rng(0)
    labels = (random.random(600) < 0.1).astype(int)
    features = random.normal(size=(600, 3)) + labels[:, None] * 0.7
    job.rows("train", features, labels)
    by_loss = {**BINARY, "binary_classifier_model_selection_criteria": "loss_function"}
    plain = job.run(**by_loss).figures("train")["recall"]
    balanced = job.run(**by_loss, positive_example_weight_mult="balanced").figures("train")["recall"]
    assert balanced > plain + 0.3


def test_l1_sets_weights_of_noise_to_exactly_zero(job):
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 10))
    job.rows("train", features, features[:, 0] * 3 + random.normal(size=500))
    job.run(predictor_type="regressor", l1="0.3", wd="0", num_models="1", epochs="40", early_stopping_patience="50")
    with np.load(job.ml / "model" / "model.npz") as arrays:
        weights = arrays["weights"][0]
    assert weights[0] > 1
    assert np.count_nonzero(weights[1:]) == 0


def test_a_model_without_a_bias_passes_through_the_origin(job):
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 2)) + 5
    job.rows("train", features, features @ [2.0, -1.0]).run(predictor_type="regressor", use_bias="false")
    assert job.predictor.score(np.zeros((1, 2)))[0][0, 0] == pytest.approx(0, abs=1e-9)
    assert job.evaluation["channels"]["train"]["metrics"]["r2"] > 0.95


def test_quantile_loss_leaves_its_share_of_labels_below(job):
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, 2))
    labels = features @ [1.0, 2.0] + random.exponential(size=2000)
    job.rows("train", features, labels).run(predictor_type="regressor", loss="quantile_loss", quantile="0.9")
    assert np.mean(labels < job.predictor.score(features)[0][:, 0]) == pytest.approx(0.9, abs=0.03)


def test_early_stopping_ends_a_run_that_no_longer_improves(job, claims):
    job.rows("train", *claims).run(**BINARY, epochs="500", early_stopping_tolerance="0.05")
    assert 3 < len(job.metric(dict(METRICS)["train:progress"])) < 40


def test_patience_beyond_the_epochs_turns_early_stopping_off(job, claims):
    job.rows("train", *claims).run(**BINARY, epochs="20", early_stopping_patience="21")
    assert len(job.metric(dict(METRICS)["train:progress"])) == 20


def test_a_constant_feature_does_no_harm(job, claims):
    features, labels = claims
    features = np.column_stack([features, np.full(200, 0.1), np.full(200, 1e6 + 0.1)])
    job.rows("train", features, labels).run(**BINARY)
    assert job.figures("train")["roc_auc_score"] > 0.85


def test_the_winner_is_described_beside_the_model(job, claims):
    job.rows("train", *claims).run(**BINARY)
    described = json.loads((job.ml / "model" / "model.json").read_text())
    assert described["num_features"] == 4
    assert 0 < described["score_threshold"] < 1
    assert {"optimizer", "learning_rate", "wd", "l1"} <= described["hyperparameters"].keys()
