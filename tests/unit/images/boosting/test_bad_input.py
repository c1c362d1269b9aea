"""What lightgbm and catboost say of data and hyperparameters that they cannot use."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.unit.images.jobs import Job

_ROWS = "".join(f"{row % 2},{row},{row % 7}\n" for row in range(40))


def test_a_job_without_a_train_channel(job: Job) -> None:
    assert "has no channel 'train' (or 'training')" in job.channel("validation", _ROWS).refusal()


def test_a_job_with_two_train_channels(job: Job) -> None:
    assert "Give it one of them" in job.channel("train", _ROWS).channel("training", _ROWS).refusal()


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_a_train_channel_without_rows(job: Job, content: str) -> None:
    message = job.channel("train", content).refusal()
    assert "holds no data" in message or "one column" in message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,x,3", "row 41, column 2: 'x' is not a number"),
        ("1,inf,3", "row 41, column 2: 'inf' is not a finite number"),
        ("1,1e300,3", "row 41, column 2: '1e300' is not a finite number"),
        (",2,3", "row 41, column 1: the label is empty"),
        ("1,2", "row 41 has 2 columns, but 3 are expected"),
        ("1,2,3,4", "row 41 has 4 columns, but 3 are expected"),
    ],
)
def test_a_row_that_cannot_be_is_named_with_its_file(job: Job, row: str, said: str) -> None:
    message = job.channel("train", _ROWS + row + "\n").refusal()
    assert said in message
    assert "train/part.csv" in message


def test_a_header_line(job: Job) -> None:
    assert "If row 1 is a header line, remove it." in job.channel("train", "label,a,b\n" + _ROWS).refusal()


def test_a_compressed_file(job: Job) -> None:
    assert "compressed with gzip" in job.channel("train", b"\x1f\x8b\x08\x00rest").refusal()


def test_a_validation_channel_of_another_width(job: Job) -> None:
    message = job.channel("train", _ROWS).channel("validation", "1,2\n").refusal()
    assert "validation/part.csv: row 1 has 2 columns, but 3 are expected" in message


def test_a_class_that_training_never_saw(job: Job) -> None:
    message = job.channel("train", _ROWS).channel("validation", "7,2,3\n").refusal()
    assert "Channel 'validation': label 7 never occurs in the train channel" in message


def test_one_class_only(job: Job) -> None:
    assert "every label is 1" in job.channel("train", "1,2,3\n1,3,4\n").refusal()


def test_too_few_rows_to_hold_some_back(job: Job) -> None:
    assert "too few to hold 20%" in job.channel("train", "1,2,3\n0,3,4\n").refusal()


def test_more_classes_than_the_objective_has(job: Job) -> None:
    rows = "".join(f"{row % 3},{row}\n" for row in range(30))
    assert "has 3 classes, but a binary objective" in job.channel("train", rows).refusal(objective="binary")


def test_a_regression_of_words(job: Job) -> None:
    rows = "".join(f"{'ab'[row % 2]},{row}\n" for row in range(30))
    assert "label 'a' is not a number" in job.channel("train", rows).refusal(objective="regression")


def test_words_that_are_no_categories_are_refused_with_the_remedy(job: Job) -> None:
    rows = "".join(f"{row % 2},{'red' if row % 2 else 'blue'}\n" for row in range(30))
    assert "name the column in categorical_index.json" in job.channel("train", rows).refusal()


@pytest.mark.parametrize(
    "index", ["[1]", '{"cat_index_list": [0]}', '{"cat_index_list": ["1"]}', '{"cat_index_list": 1}', "{"]
)
def test_an_index_of_categories_that_is_none(job: Job, index: str) -> None:
    message = job.channel("train", _ROWS).channel("train", index, "categorical_index.json").refusal()
    assert 'It must be {"cat_index_list": [1, 4]}' in message


def test_an_index_beyond_the_table(job: Job) -> None:
    job.channel("train", _ROWS).channel("train", '{"cat_index_list": [1, 9]}', "categorical_index.json")
    assert "column 9 does not exist. The table has 3 columns, 0 to 2." in job.refusal()


def test_a_content_type_that_is_not_read(job: Job) -> None:
    message = job.channel("train", _ROWS, ContentType="application/x-recordio-protobuf").refusal()
    assert "reads text/csv" in message


def test_a_hyperparameter_that_there_is_not(job: Job) -> None:
    assert "Unknown hyperparameter 'depht'" in job.channel("train", _ROWS).refusal(depht="3")


def test_a_hundred_thousand_columns(job: Job) -> None:
    width = 100_000
    trees = "iterations" if "catboost" in job.program.__module__ else "num_boost_round"
    rows = "".join(f"{row % 2},{row % 2}{',1' * (width - 1)}\n" for row in range(12))
    job.channel("train", rows).channel("validation", rows)
    job.run(**{trees: "2"})
    assert job.predictor.features == width


def test_requests_that_cannot_be_answered(job: Job) -> None:
    job.channel("train", _ROWS).run()
    for body, kind, accept, status, said in (
        (b"1,2,3", "text/csv", "", 400, "Row 1 has 3 features, but the model was trained on 2 features. Leave"),
        (b"1,2\n1,x", "text/csv", "", 400, "Row 2, column 2: 'x' is not a number"),
        (b"1,inf", "text/csv", "", 400, "is not a finite number"),
        (b"", "text/csv", "", 400, "holds no rows"),
        (b"1,2", "image/png", "", 415, "Content type 'image/png' is not supported"),
        (b"1,2", "text/csv", "image/png", 406, "Accept 'image/png' is not supported"),
        (b"{", "application/json", "", 400, "is not JSON"),
        (b'{"rows": []}', "application/json", "", 400, 'no list "instances"'),
        (b'{"instances": [3]}', "application/json", "", 400, 'Row 1 has no list "features"'),
        (b'{"instances": [[true, 1]]}', "application/json", "", 400, "column 1: true is no number"),
    ):
        with pytest.raises(ValueError) as refused:
            job.predictor.predict(body, kind, accept)
        assert said in str(refused.value)
        assert getattr(refused.value, "status", None) == status


def test_a_damaged_model_is_refused(job: Job) -> None:
    job.channel("train", _ROWS).run()
    for file in sorted((job.ml / "model").iterdir()):
        whole = file.read_bytes()
        if file.name != "evaluation.json":
            file.write_bytes(b"tree" + whole[: len(whole) // 3])
            with pytest.raises(ValueError, match="cannot be read"):
                _ = job.predictor
            file.write_bytes(whole)


def test_constant_features_are_no_reason_to_fail_or_are_named(job: Job) -> None:
    rows = "".join(f"{row % 2},1,1\n" for row in range(40))
    job.channel("train", rows)
    if "catboost" in job.program.__module__:
        assert "constant" in job.refusal()
    else:
        job.run()
        body, _ = job.predictor.predict(b"1,1\n2,2", "text/csv", "")
        assert np.allclose(json.loads(body)["probabilities"], 0.5, atol=0.1)
