"""A job of the built-in algorithm: what it reads, prints, keeps and leaves behind."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from pyarrow import parquet
from sklearn import datasets, metrics
from sklearn.model_selection import train_test_split

from potager.images.algorithm.recordio import encode
from potager.images.xgboost import METRICS, rounds
from tests.unit.images.jobs import Job
from tests.unit.images.xgboost.test_objectives import answers


def folds(job: Job) -> list[Any]:
    boosters = []
    for path in sorted((job.ml / "model").glob("xgboost-model-*")):
        boosters.append(xgboost.Booster())
        boosters[-1].load_model(bytearray(path.read_bytes()))
    return boosters


def logged(job: Job) -> list[str]:
    """The lines of metrics."""
    return re.findall(r"^\[\d+\]#011.*$", job.log, re.MULTILINE)


def found(job: Job) -> dict[str, float]:
    """The last value of each metric that the image's expressions find in the log."""
    return {name: float(seen[-1]) for name, regex in METRICS if (seen := re.findall(regex, job.log))}


def test_a_round_is_a_line_as_awss_image_prints_it(job: Job, rows: Any) -> None:
    features, raw = rows
    job.rows("train", features[:200], raw[:200]).rows("validation", features[200:], raw[200:]).run(num_round="3")
    matrix = xgboost.QuantileDMatrix(features[:200], raw[:200])
    held: dict[str, Any] = {}
    evals = [(matrix, "train"), (xgboost.QuantileDMatrix(features[200:], raw[200:], ref=matrix), "validation")]
    xgboost.train({}, matrix, 3, evals=evals, evals_result=held, verbose_eval=False)
    train, validation = held["train"]["rmse"], held["validation"]["rmse"]
    assert logged(job) == [
        f"[{i}]#011train-rmse:{train[i]:.5f}#011validation-rmse:{validation[i]:.5f}" for i in range(3)
    ]
    own = json.loads((job.ml / "model" / "evaluation.json").read_text())
    assert own["channels"]["validation"]["own"]["rmse"] == pytest.approx(validation[-1])
    assert own["learning_curves"]["train"]["rmse"]["value"] == pytest.approx(train)


def test_metrics_are_those_asked_for_and_awss_beside_xgboosts(job: Job, rows: Any) -> None:
    features, raw = rows
    labels = (raw > -1).astype(int)
    names = ("accuracy", "balanced_accuracy", "f1", "f1_binary", "precision", "recall", "auc", "logloss", "error@0.7")
    job.rows("train", features, labels).run(num_round="4", objective="binary:logistic", eval_metric=",".join(names))
    said = answers(job, features) > 0.5
    seen = found(job)
    for name, score in {
        "accuracy": metrics.accuracy_score(labels, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, said),
        "f1": metrics.f1_score(labels, said, average="macro"),
        "f1_binary": metrics.f1_score(labels, said),
        "precision": metrics.precision_score(labels, said),
        "recall": metrics.recall_score(labels, said),
    }.items():
        assert seen[f"train:{name}"] == pytest.approx(score, abs=1e-5), name
    assert {"train:auc", "train:logloss"} <= set(seen)
    assert "#011train-error@0.7:" in logged(job)[-1]


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_awss_metrics_know_several_classes(job: Job, rows: Any, objective: str) -> None:
    features, raw = rows
    labels = np.digitize(raw, [-2, 0])
    job.rows("train", features, labels)
    job.run(num_round="2", objective=objective, num_class="3", eval_metric="f1_macro,recall_micro,accuracy")
    said = answers(job, features)
    said = said.argmax(axis=1) if said.ndim == 2 else said
    assert found(job)["train:f1_macro"] == pytest.approx(metrics.f1_score(labels, said, average="macro"), abs=1e-5)
    assert found(job)["train:accuracy"] == pytest.approx(metrics.accuracy_score(labels, said), abs=1e-5)
    shown = json.loads((job.ml / "model" / "evaluation.json").read_text())["channels"]["train"]["metrics"]
    assert shown["accuracy"] == pytest.approx(metrics.accuracy_score(labels, said))


def test_regressors_have_mse_and_r2_and_tweedies_metric_its_power(job: Job, rows: Any) -> None:
    features, raw = rows
    job.rows("train", features, np.exp(raw)).run(
        num_round="2", objective="reg:tweedie", tweedie_variance_power="1.2", eval_metric="mse,r2,tweedie-nloglik"
    )
    said = answers(job, features)
    assert found(job)["train:mse"] == pytest.approx(metrics.mean_squared_error(np.exp(raw), said), rel=1e-4)
    assert found(job)["train:r2"] == pytest.approx(metrics.r2_score(np.exp(raw), said), abs=1e-4)
    assert "train:tweedie-nloglik" in found(job)


def test_a_tuning_jobs_metric_is_printed_and_early_stopping_looks_at_it(job: Job, rows: Any) -> None:
    features, raw = rows
    labels = (raw > -1).astype(int)
    job.rows("train", features[:200], labels[:200]).rows("validation", features[200:], labels[200:])
    job.run(
        num_round="80",
        objective="binary:logistic",
        eta="1",
        eval_metric="logloss",
        early_stopping_rounds="3",
        _tuning_objective_metric="validation:auc",
    )
    values = job.metric(r"validation-auc:(\S+)")
    assert len(values) < 80
    booster = xgboost.Booster()
    booster.load_model(job.ml / "model" / "xgboost-model")
    assert booster.num_boosted_rounds() == int(np.argmax(values)) + 1
    best = metrics.roc_auc_score(labels[200:], answers(job, features[200:]))
    assert best == pytest.approx(max(values), abs=1e-4)


def test_early_stopping_of_a_linear_booster_keeps_the_rounds_that_it_has(job: Job, rows: Any) -> None:
    features, raw = rows
    job.rows("train", features[:200], raw[:200]).rows("validation", features[200:], raw[200:])
    job.run(num_round="50", booster="gblinear", early_stopping_rounds="2")
    assert len(logged(job)) < 50
    assert np.isfinite(answers(job, features)).all()


def test_weights_count_in_csv(job: Job, rows: Any) -> None:
    features, raw = rows
    weights = np.random.default_rng(1).integers(1, 5, len(raw))
    job.rows("train", np.column_stack([weights, features]), raw).rows("validation", features[:50], raw[:50])
    job.run(num_round="4", csv_weights="1")
    wanted = xgboost.train({}, xgboost.QuantileDMatrix(features, raw, weight=weights), 4)
    np.testing.assert_allclose(answers(job, features), wanted.predict(xgboost.DMatrix(features)), rtol=1e-5)


def _libsvm(features: np.ndarray, labels: np.ndarray) -> bytes:
    lines = [
        f"{label} " + " ".join(f"{at}:{value!r}" for at, value in enumerate(row) if value)
        for label, row in zip(labels.tolist(), features.tolist(), strict=True)
    ]
    return "\n".join(lines).encode()


def _parquet(features: np.ndarray, labels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.table({"y": labels, **{f"f{at}": column for at, column in enumerate(features.T)}}), stream)
    return stream.getvalue()


def _records(features: np.ndarray, labels: np.ndarray) -> bytes:
    return encode({"values": features}, {"values": labels.astype(np.float32)[:, None]})


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("text/libsvm", _libsvm),
        ("text/x-libsvm", _libsvm),
        ("application/x-parquet", _parquet),
        ("application/x-recordio-protobuf", _records),
        ("", _libsvm),
        ("", _parquet),
        ("", _records),
    ],
)
def test_every_format_trains_the_same_model(job: Job, rows: Any, kind: str, write: Any) -> None:
    features, raw = rows
    labels = np.round(raw * 4)
    job.channel("train", write(features, labels), "part", **({"ContentType": kind} if kind else {}))
    job.channel("validation", write(features[:40], labels[:40]), "part", **({"ContentType": kind} if kind else {}))
    job.run(num_round="4", max_depth="3")
    wanted = xgboost.train({"max_depth": 3}, xgboost.QuantileDMatrix(features, labels), 4)
    np.testing.assert_allclose(answers(job, features), wanted.predict(xgboost.DMatrix(features)), rtol=1e-5)


def test_gaps_of_csv_are_missing_values(job: Job, rows: Any) -> None:
    features, raw = rows
    gapped = np.where(features > 1, np.nan, features)
    text = "\n".join(
        ",".join("" if cell != cell else repr(cell) for cell in row) for row in np.column_stack([raw, gapped]).tolist()
    )
    job.channel("train", text, ContentType="text/csv").run(num_round="4")
    wanted = xgboost.train({}, xgboost.QuantileDMatrix(gapped.astype(np.float32), raw), 4)
    np.testing.assert_allclose(answers(job, features), wanted.predict(xgboost.DMatrix(features)), rtol=1e-5)


def test_checkpoints_are_kept_five_at_most_and_the_next_attempt_goes_on_behind_them(job: Job, rows: Any) -> None:
    features, raw = rows
    job.rows("train", features, raw)
    config = job.ml / "input" / "config" / "checkpointconfig.json"
    config.write_text('{"S3Uri": "s3://bucket/here", "LocalPath": "/opt/ml/checkpoints"}')
    job.run(num_round="7")
    kept = job.ml / "checkpoints"
    assert sorted(path.name for path in kept.iterdir()) == [f"xgboost-checkpoint.{n}" for n in range(2, 7)]
    (kept / "xgboost-checkpoint.6").write_bytes(b"cut off")
    job.run(num_round="10")
    assert "Resuming from iteration 6" in job.log
    assert "The checkpoint xgboost-checkpoint.6 cannot be read" in job.log
    assert [line.split("]")[0] for line in logged(job)] == ["[6", "[7", "[8", "[9"]
    wanted = xgboost.train({}, xgboost.QuantileDMatrix(features, raw), 10)
    np.testing.assert_allclose(answers(job, features), wanted.predict(xgboost.DMatrix(features)), rtol=1e-4, atol=1e-4)


def test_a_job_that_is_stopped_saves_its_model_where_it_should(
    job: Job, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, raw = rows

    def stopping(line: Any) -> Any:
        def print_line(number: int, curves: Any) -> str:
            if number == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return line(number, curves)

        return print_line

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(rounds, "line", stopping(rounds.line))
    try:
        job.rows("train", features, raw).run(num_round="100000", save_model_on_termination="true")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(logged(job)) == 3
    booster = xgboost.Booster()
    booster.load_model(job.ml / "model" / "xgboost-model")
    assert booster.num_boosted_rounds() == 3


@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "multi:softmax"])
def test_a_cross_validation_leaves_a_model_a_fold_which_are_served_as_one(job: Job, rows: Any, objective: str) -> None:
    features, raw = rows
    labels = {"reg:squarederror": raw, "binary:logistic": (raw > -1) * 1, "multi:softmax": np.digitize(raw, [-2, 0])}
    given = {"num_class": "3"} if objective == "multi:softmax" else {}
    job.rows("train", features[:200], labels[objective][:200])
    job.rows("validation", features[200:], labels[objective][200:])
    job.run(num_round="3", objective=objective, _kfold="4", _num_cv_round="2", **given)
    boosters = folds(job)
    assert len(boosters) == 8
    said = np.stack([booster.predict(xgboost.DMatrix(features)) for booster in boosters])
    wanted = said.mean(axis=0)
    if objective == "multi:softmax":
        wanted = np.array([np.bincount(row.astype(int)).argmax() for row in said.T])
    np.testing.assert_allclose(answers(job, features), wanted, rtol=1e-5)
    assert logged(job)[-1].startswith("[3]#011train-")
    kept = np.loadtxt(job.ml / "output" / "data" / "predictions.csv", delimiter=",")
    assert len(kept) == 300
    np.testing.assert_allclose(kept[:, 0], labels[objective], rtol=1e-6)
    assert list(json.loads((job.ml / "model" / "evaluation.json").read_text())["channels"]) == ["validation"]


def test_what_is_passed_over_is_told(job: Job, rows: Any) -> None:
    job.rows("train", *rows).run(num_round="1", sketch_eps="0.03", predictor="cpu_predictor", silent="0")
    assert "'sketch_eps' is passed over: XGBoost 3 has none; set max_bin" in job.log
    assert "'predictor' is passed over" in job.log


def test_on_real_data_it_is_as_good_as_the_library_used_directly(job: Job) -> None:
    features, labels = datasets.load_breast_cancer(return_X_y=True)
    train, test, known, wanted = train_test_split(features.astype(np.float32), labels, random_state=0, stratify=labels)
    job.rows("train", train, known).rows("validation", test, wanted)
    job.run(num_round="100", objective="binary:logistic", eta="0.1", max_depth="4", subsample="0.8", eval_metric="auc")
    direct = xgboost.XGBClassifier(n_estimators=100, learning_rate=0.1, max_depth=4, subsample=0.8, random_state=0)
    theirs = metrics.roc_auc_score(wanted, direct.fit(train, known).predict_proba(test)[:, 1])
    assert metrics.roc_auc_score(wanted, answers(job, test)) == pytest.approx(theirs, abs=1e-6)
    assert theirs > 0.98
