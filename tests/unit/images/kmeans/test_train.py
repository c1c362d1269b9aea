"""Whole jobs: channels in, artifact and metrics out, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import ndarray, recordio
from potager.images.algorithm.hyperparameters import Catalogue
from potager.images.kmeans import METRICS, OBJECTIVES
from potager.images.kmeans.hyperparameters import CATALOGUE
from tests.unit.images.jobs import Job

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "kmeans.md"
ROWS = "0,0\n0,1\n9,9\n9,8\n"


def read(rows: str) -> np.ndarray:
    return np.array([[float(cell) for cell in row.split(",")] for row in rows.split()])


def test_a_job_leaves_the_centres_and_prints_what_aws_prints(job: Job):
    job.channel("train", ROWS).channel("test", "0,2\n9,9\n")
    job.run(k="2", feature_dim="2", mini_batch_size="100", force_dense="True", eval_metrics='["msd", "ssd"]')
    centers = ndarray.load(job.ml / "model" / "model_algo-1")["0"]
    assert sorted(centers.tolist()) == [[0.0, 0.5], [9.0, 8.5]]
    assert job.evaluation == {"train": {"msd": 0.25, "ssd": 1.0}, "test": {"msd": 1.25, "ssd": 2.5}}
    seen = {name: job.metric(regex) for name, regex in METRICS}
    assert (seen["train:msd"], seen["test:msd"], seen["test:ssd"]) == ([0.25], [1.25], [2.5])
    assert seen["train:progress"] == [100.0]
    assert len(seen["train:throughput"]) == 1
    assert set(OBJECTIVES) <= set(seen)


def test_only_the_metrics_that_were_asked_for_are_printed(job: Job):
    job.channel("train", ROWS).channel("test", ROWS).run(k="2")
    assert "msd" in job.log
    assert "ssd" not in job.log


def test_a_tuning_job_gets_the_metric_that_it_aims_at_and_must_have_the_channel(job: Job):
    job.channel("train", ROWS)
    assert "Channel 'test' is missing" in job.refusal(k="2", _tuning_objective_metric="test:ssd")
    job.channel("test", ROWS).run(k="2", _tuning_objective_metric="test:ssd")
    assert job.metric(dict(METRICS)["test:ssd"]) == [1.0]


def test_records_are_clustered_and_their_labels_passed_over(job: Job):
    body = recordio.encode({"values": read(ROWS)}, {"values": np.array([[np.nan], [2.0], [3.0], [4.0]])})
    job.channel("train", body, "matrix_0.pbr", ContentType="application/x-recordio-protobuf").run(k="2")
    assert job.evaluation["train"]["ssd"] == 1.0


def test_a_first_column_is_a_label_only_where_somebody_says_so(job: Job):
    labelled = "".join(f"7,{row}\n" for row in ROWS.split())
    job.channel("train", labelled, ContentType="text/csv;label_size=1").run(k="2")
    assert ndarray.load(job.ml / "model" / "model_algo-1")["0"].shape == (2, 2)
    job.channel("train", ROWS, ContentType="text/csv;label_size=0").run(k="2")
    assert ndarray.load(job.ml / "model" / "model_algo-1")["0"].shape == (2, 2)
    job.channel("train", ROWS, ContentType="text/csv").run(k="2")
    assert ndarray.load(job.ml / "model" / "model_algo-1")["0"].shape == (2, 2)


def test_constant_features_and_one_column_do_no_harm(job: Job):
    job.channel("train", "5,0\n5,1\n5,9\n").run(k="2")
    assert job.evaluation["train"]["ssd"] == pytest.approx(0.5)
    job.channel("train", "0\n1\n9\n").run(k="2")
    assert job.evaluation["train"]["ssd"] == pytest.approx(0.5)


def test_a_hundred_thousand_columns_are_clustered(job: Job):
    features = np.random.default_rng(0).normal(size=(12, 100_000)).astype(np.float32)
    features[::2] += 3
    job.channel("train", recordio.encode({"values": features}, {}), "part.pbr").run(k="2")
    answers = job.predictor.nearest(features)["closest_cluster"]
    assert len(set(answers[::2])) == len(set(answers[1::2])) == 1
    assert answers[0] != answers[1]


@pytest.mark.parametrize(
    ("rows", "hyperparameters", "said"),
    [
        (ROWS, {"k": "5"}, "'k' is 5, but channel 'train' has 4 rows"),
        ("1,1\n1,1\n2,2\n-0,0\n0,0\n", {"k": "4"}, "the 5 rows of channel 'train' are 3 different ones over and over"),
        ("1,1\n1,1\n", {"k": "2"}, "are 1 different ones"),
        (ROWS, {}, "'k' is missing"),
        (ROWS, {"k": "0"}, "'k' is '0', but must be integer in [1, inf)"),
        (ROWS, {"k": "2", "feature_dim": "5"}, "'feature_dim' is 5, but channel 'train' has 2 features"),
        (ROWS, {"k": "2", "eval_metrics": "[msd]"}, "'eval_metrics' is '[msd]', but must be"),
        (ROWS, {"k": "2", "eval_metrics": '["silhouette"]'}, "'eval_metrics' is"),
        (ROWS, {"k": "2", "init_method": "forgy"}, "'init_method' is 'forgy', but must be random or kmeans++"),
        (ROWS, {"k": "2", "num_clusters": "2"}, "Unknown hyperparameter 'num_clusters'"),
        (ROWS, {"k": "2", "local_lloyd_tol": "2"}, "'local_lloyd_tol' is '2'"),
        ("1,2\n1,x\n", {"k": "1"}, "train/part.csv: row 2, column 2: 'x' is not a number"),
        ("1,2\n1,inf\n", {"k": "1"}, "train/part.csv: row 2, column 2: 'inf' is not a finite number"),
        ("1,2\n1,1e39\n", {"k": "1"}, "train/part.csv: row 2, column 2: '1e39' is not a finite number"),
        ("1,2\n1,\n", {"k": "1"}, "train/part.csv: row 2, column 2: the cell is empty"),
        ("1,2\n1,2,3\n", {"k": "1"}, "train/part.csv: row 2 has 3 columns, but 2 are expected"),
        ("a,b\n1,2\n", {"k": "1"}, "train/part.csv: row 1 is a header line"),
        ("", {"k": "1"}, "Channel 'train' holds no data"),
        ("\n\n", {"k": "1"}, "Channel 'train' holds no data"),
    ],
)
def test_what_cannot_be_clustered_is_refused_with_place_value_and_remedy(
    job: Job, rows: str, hyperparameters: dict[str, str], said: str
):
    job.channel("train", rows)
    assert said in job.refusal(**hyperparameters)


def test_a_test_channel_of_another_width_is_refused(job: Job):
    job.channel("train", ROWS).channel("test", "1,2,3\n")
    assert "test/part.csv: row 1 has 3 columns, but 2 are expected" in job.refusal(k="2")


def test_a_job_without_the_train_channel_is_refused(job: Job):
    job.channel("test", ROWS)
    assert "Channel 'train' is missing" in job.refusal(k="2")


def test_the_reference_page_holds_the_catalogue_as_it_is():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_defaults_are_those_that_aws_prints_at_the_head_of_its_log():
    given = {
        "init_method": "random",
        "mini_batch_size": "5000",
        "epochs": "1",
        "extra_center_factor": "auto",
        "local_lloyd_max_iter": "300",
        "local_lloyd_tol": "0.0001",
        "local_lloyd_init_method": "kmeans++",
        "local_lloyd_num_trials": "auto",
        "half_life_time_size": "0",
        "eval_metrics": '["msd"]',
        "force_dense": "true",
        "_tuning_objective_metric": "",
        "k": "8",
    }
    assert CATALOGUE.read(given) == CATALOGUE.read({"k": "8"})


def test_what_may_be_tuned_is_what_aws_recommends():
    assert isinstance(CATALOGUE, Catalogue)
    tunable = {one.name: one.tunable for one in CATALOGUE.parameters if one.tunable}
    numbers = {name: (one.low, one.high) for name, one in tunable.items() if not one.values}
    assert numbers == {"epochs": (1, 10), "extra_center_factor": (4, 10), "mini_batch_size": (3000, 15_000)}
    assert tunable["init_method"].values == ("random", "kmeans++")


def test_evaluation_is_json_and_the_log_names_the_artifact(job: Job):
    job.channel("train", ROWS).run(k="2")
    assert json.loads((job.ml / "model" / "evaluation.json").read_text())
    assert re.search(r"Saved the model to .*/model", job.log)
