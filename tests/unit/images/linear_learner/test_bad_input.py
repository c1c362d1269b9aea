"""A user's mistakes: each ends the job with a message that names the place and the remedy."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from potager.images.algorithm.recordio import encode

GOOD = "1,0.5,2\n0,0.25,3\n"
BINARY = {"predictor_type": "binary_classifier"}


def test_a_cell_that_is_no_number_is_refused_with_its_row_and_column(job):
    message = job.channel("train", GOOD + "1,red,2\n").refusal(**BINARY)
    assert "train/part.csv: row 3, column 2: 'red' is not a number" in message


def test_an_empty_cell_is_refused_with_its_row_and_column(job):
    message = job.channel("train", GOOD + "1,,2\n").refusal(**BINARY)
    assert "row 3, column 2: the cell is empty" in message


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "1e39"])
def test_a_number_that_is_not_finite_is_refused_with_its_row_and_column(job, value: str):
    message = job.channel("train", f"{GOOD}1,2,{value}\n").refusal(**BINARY)
    assert f"row 3, column 3: '{value}' is not a finite number" in message


@pytest.mark.parametrize("row", ["1,2\n", "1,2,3,4\n"])
def test_rows_of_unequal_width_are_refused(job, row: str):
    message = job.channel("train", GOOD + row).refusal(**BINARY)
    assert f"row 3 has {row.count(',') + 1} columns, but 3 are expected" in message


def test_a_fault_beyond_the_first_block_of_rows_is_found(job, monkeypatch):
    monkeypatch.setattr("potager.images.algorithm.delimited._CELLS", 6)
    message = job.channel("train", GOOD * 3 + "1,2\n0,2\n").refusal(**BINARY)
    assert "row 7 has 2 columns, but 3 are expected" in message


def test_a_row_is_counted_as_an_editor_counts_lines(job):
    message = job.channel("train", "\n" + GOOD + "\n1,red,2\n").refusal(**BINARY)
    assert "row 5, column 2" in message


def test_a_header_line_is_called_one(job):
    message = job.channel("train", "fraud,age,premium\n" + GOOD).refusal(**BINARY)
    assert "row 1 is a header line ('fraud,age,premium'). Remove it" in message


@pytest.mark.parametrize("label", ["2", "-1", "0.5"])
def test_a_label_that_is_not_zero_or_one_is_refused_with_its_row(job, label: str):
    message = job.channel("train", f"{GOOD}{label},1,1\n").refusal(**BINARY)
    assert f"row 3, column 1: label {label} is neither 0 nor 1" in message


@pytest.mark.parametrize("label", ["3", "-1", "1.5"])
def test_a_label_beyond_num_classes_is_refused_with_its_row(job, label: str):
    job.channel("train", f"{GOOD}2,2,2\n{label},1,1\n")
    message = job.refusal(predictor_type="multiclass_classifier", num_classes="3")
    assert f"row 4, column 1: label {label} is not an integer in [0, 2]" in message


def test_a_single_class_is_refused(job):
    message = job.channel("train", "1,2,3\n1,3,4\n").refusal(**BINARY)
    assert "every label is 1. A classifier needs rows of at least two classes" in message


def test_a_feature_dim_that_the_data_has_not_is_refused(job):
    message = job.channel("train", GOOD).refusal(**BINARY, feature_dim="7")
    assert "'feature_dim' is 7, but channel 'train' has 2 features" in message


def test_validation_must_have_the_features_of_train(job):
    job.channel("train", GOOD).channel("validation", "1,2,3,4\n0,2,3,4\n")
    message = job.refusal(**BINARY)
    assert "validation/part.csv: row 1 has 4 columns, but 3 are expected" in message


def test_a_channel_without_data_is_refused(job):
    assert "Channel 'train' holds no data" in job.channel("train", "").refusal(**BINARY)


def test_a_channel_of_blank_lines_is_refused(job):
    assert "Channel 'train' holds no data" in job.channel("train", "\n\n").refusal(**BINARY)


def test_a_job_without_a_train_channel_is_refused(job):
    assert "Channel 'train' is missing" in job.channel("validation", GOOD).refusal(**BINARY)


def test_one_column_is_too_few(job):
    assert "train/part.csv: the first row has one column" in job.channel("train", "1\n0\n").refusal(**BINARY)


def test_a_compressed_file_is_called_one(job):
    message = job.channel("train", gzip.compress(GOOD.encode())).refusal(**BINARY)
    assert "is compressed with gzip" in message


def test_records_declared_as_csv_are_told_apart(job):
    content = encode({"values": np.ones((2, 2))}, {"values": np.array([[0.0], [1.0]])})
    message = job.channel("train", content, ContentType="text/csv").refusal(**BINARY)
    assert "is declared text/csv, but holds application/x-recordio-protobuf" in message


def test_a_content_type_that_cannot_be_read_is_refused(job):
    message = job.channel("train", GOOD, ContentType="text/libsvm").refusal(**BINARY)
    assert "ContentType 'text/libsvm' cannot be trained on" in message


def test_two_labels_are_refused(job):
    message = job.channel("train", GOOD, ContentType="text/csv;label_size=2").refusal(**BINARY)
    assert "label_size is 2" in message


def test_a_bad_label_in_a_record_is_refused_with_its_number(job):
    content = encode({"values": np.ones((3, 2))}, {"values": np.array([[0.0], [1.0], [7.0]])})
    message = job.channel("train", content).refusal(**BINARY)
    assert "train/part.csv: record 3: label 7 is neither 0 nor 1" in message


def test_a_run_that_diverges_says_what_to_change(job):
    rows = "".join(f"{i},{i * 1e15},{-i * 1e16}\n" for i in range(100))
    job.channel("train", rows)
    message = job.refusal(
        predictor_type="regressor", optimizer="sgd", learning_rate="1e6", normalize_data="false", unbias_data="false"
    )
    assert "Training diverged" in message


def test_a_fault_of_ours_is_an_algorithm_error(job, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("potager.images.linear_learner.train.fit", broken)
    job.channel("train", GOOD)
    with pytest.raises(SystemExit) as stop:
        job.run(**BINARY)
    assert stop.value.code == 1
    assert (job.ml / "output" / "failure").read_text() == "AlgorithmError: RuntimeError: out of order"
    assert "Traceback" in job.log
