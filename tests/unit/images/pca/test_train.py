"""Whole jobs: channels in, artifact and metrics out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import ndarray, recordio
from potager.images.pca import METRICS, train
from potager.images.pca.hyperparameters import CATALOGUE
from potager.images.pca.settings import settle
from tests.unit.images.jobs import Job

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "pca.md"
ROWS = "0,0,1\n2,2,1\n4,4,1\n6,6,1\n0,1,1\n"
GIVEN = {"num_components": "2", "feature_dim": "3", "mini_batch_size": "500"}


def table() -> np.ndarray:
    return np.array([[float(cell) for cell in row.split(",")] for row in ROWS.split()])


def model(job: Job) -> dict[str, np.ndarray]:
    return ndarray.load(job.ml / "model" / "model_algo-1")


def test_a_job_leaves_what_aws_leaves_and_prints_shares_of_variance(job: Job):
    job.channel("train", ROWS, ContentType="text/csv;label_size=0").channel("test", ROWS).run(**GIVEN)
    found, rows = model(job), table()
    assert {name: value.shape for name, value in found.items()} == {"mean": (1, 3), "s": (2,), "v": (3, 2)}
    assert found["mean"][0] == pytest.approx(rows.mean(axis=0))
    s, v = np.linalg.svd(rows - rows.mean(axis=0))[1:]
    assert found["s"] == pytest.approx(s[1::-1], rel=1e-5)
    assert found["s"][0] < found["s"][1]
    assert abs(found["v"][:, 1] @ v[0]) == pytest.approx(1, rel=1e-6)
    seen = {name: job.metric(regex) for name, regex in METRICS}
    assert seen["train:explained_variance_ratio"] == seen["test:explained_variance_ratio"] == [pytest.approx(1)]
    assert seen["train:progress"] == [100.0]
    assert job.evaluation["train"]["sum_of_squares"] == pytest.approx((s**2).sum())


def test_fewer_components_explain_their_share(job: Job):
    job.channel("train", ROWS).run(num_components="1")
    s = np.linalg.svd(table() - table().mean(axis=0))[1]
    assert job.evaluation["train"]["explained_variance_ratio"] == pytest.approx(s[0] ** 2 / (s**2).sum(), rel=1e-6)


def test_without_subtract_mean_the_model_has_none(job: Job):
    job.channel("train", ROWS).run(num_components="2", subtract_mean="false")
    assert set(model(job)) == {"s", "v"}
    assert job.predictor.project(np.zeros((1, 3))).tolist() == [[0, 0]]


def test_records_are_read_and_their_labels_passed_over(job: Job):
    body = recordio.encode({"values": table()}, {"values": np.full((5, 1), np.nan)})
    job.channel("train", body, "matrix_0.pbr", ContentType="application/x-recordio-protobuf").run(**GIVEN)
    assert model(job)["mean"][0] == pytest.approx(table().mean(axis=0))


@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_a_hundred_thousand_columns_of_few_rows_have_components(job: Job, mode: str):
    random = np.random.default_rng(0)
    features = (random.normal(size=(12, 2)) @ random.normal(size=(2, 100_000))).astype(np.float32)
    job.channel("train", recordio.encode({"values": features}, {}), "part.pbr")
    job.run(num_components="2", algorithm_mode=mode)
    assert job.evaluation["train"]["explained_variance_ratio"] == pytest.approx(1, abs=1e-6)


def test_a_covariance_that_does_not_fit_is_refused_and_a_sketch_is_not(job: Job, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "memory", lambda: 100)
    job.channel("train", ROWS)
    assert "which needs 0 MB for the covariance of 3 features of 5 rows" in job.refusal(num_components="2")
    job.run(num_components="2", algorithm_mode="randomized")
    assert model(job)["s"].shape == (2,)


@pytest.mark.parametrize(
    ("rows", "hyperparameters", "said"),
    [
        (ROWS, {"num_components": "4"}, "'num_components' is 4, but channel 'train' has 3 features. Ask for 3"),
        ("1,2,3\n3,2,1\n", {"num_components": "3"}, "'num_components' is 3, but channel 'train' has 2 rows. Ask for 2"),
        ("1,2\n1,2\n1,2\n", {"num_components": "1"}, "Every feature of channel 'train' is constant"),
        (ROWS, {}, "'num_components' is missing"),
        (ROWS, {"num_components": "0"}, "'num_components' is '0', but must be integer in [1, inf)"),
        (ROWS, {"num_components": "1", "feature_dim": "9"}, "'feature_dim' is 9, but channel 'train' has 3 features"),
        (ROWS, {"num_components": "1", "algorithm_mode": "exact"}, "must be regular or randomized"),
        (ROWS, {"num_components": "1", "extra_components": "-2"}, "'extra_components' is '-2'"),
        (ROWS, {"num_components": "1", "whiten": "true"}, "Unknown hyperparameter 'whiten'"),
        ("1,2\n1,x\n", {"num_components": "1"}, "train/part.csv: row 2, column 2: 'x' is not a number"),
        ("1,2\n1,-inf\n", {"num_components": "1"}, "train/part.csv: row 2, column 2: '-inf' is not a finite number"),
        ("1,2\n1,\n", {"num_components": "1"}, "train/part.csv: row 2, column 2: the cell is empty"),
        ("1,2\n1,2,3\n", {"num_components": "1"}, "train/part.csv: row 2 has 3 columns, but 2 are expected"),
        ("a,b\n1,2\n", {"num_components": "1"}, "train/part.csv: row 1 is a header line"),
        ("", {"num_components": "1"}, "Channel 'train' holds no data"),
    ],
)
def test_what_has_no_components_is_refused_with_place_value_and_remedy(
    job: Job, rows: str, hyperparameters: dict[str, str], said: str
):
    job.channel("train", rows)
    assert said in job.refusal(**hyperparameters)


def test_a_single_constant_feature_does_no_harm(job: Job):
    job.channel("train", ROWS).run(num_components="3")
    assert model(job)["s"][0] == pytest.approx(0, abs=1e-6)


def test_the_reference_page_holds_the_catalogue_as_it_is():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_defaults_are_those_that_aws_documents():
    settings = settle({"num_components": "3"})
    assert (settings.algorithm_mode, settings.subtract_mean, settings.extra_components) == ("regular", True, 10)
    assert settle({"num_components": "33"}).extra_components == 33
    assert settle({"num_components": "33", "extra_components": "0"}).extra_components == 0
