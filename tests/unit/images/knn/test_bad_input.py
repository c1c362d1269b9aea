"""What a user may get wrong, and what they are told: channel, file, row, column, value, remedy."""

from __future__ import annotations

import numpy as np
import pytest

GIVEN = {"feature_dim": "2", "k": "2", "predictor_type": "classifier", "sample_size": "10"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0,1,2\n1,red,4\n", "train/part.csv: row 2, column 2: 'red' is not a number"),
        ("0,1,2\n1,,4\n", "train/part.csv: row 2, column 2: the cell is empty"),
        ("0,1,2\n1,inf,4\n", "train/part.csv: row 2, column 2: 'inf' is not a finite number"),
        ("0,1,2\n1.5,3,4\n", "train/part.csv: row 2, column 1: label 1.5 is not a whole number, as a classifier needs"),
        ("0,1,2\n1,3\n", "train/part.csv: row 2 has 2 columns, but 3 are expected"),
        ("label,a,b\n1,3,4\n", "row 1 is a header line"),
        ("", "Channel 'train' holds no data"),
        ("3,1,2\n3,3,4\n", "Channel 'train': every label is 3. A classifier needs rows of at least two classes"),
        ("0,1\n1,3\n", "'feature_dim' is 2, but channel 'train' has 1 features"),
        ("0,1,2\n", "'k' is 2, but channel 'train' has 1 rows. Lower k, or add rows."),
    ],
)
def test_a_wrong_channel_is_refused(job, content: str, words: str):
    assert words in job.channel("train", content).refusal(**GIVEN)


def test_a_job_without_data_is_refused(job):
    assert "Channel 'train' is missing" in job.refusal(**GIVEN)


def test_a_test_channel_of_another_width_is_refused(job):
    job.channel("train", "0,1,2\n1,3,4\n").channel("test", "0,1\n")
    assert "test/part.csv: row 1 has 2 columns, but 3 are expected" in job.refusal(**GIVEN)


def test_a_hundred_thousand_columns_are_searched(job):
    features = np.zeros((3, 100_000))
    features[1, 99_999], features[2, 0] = 5, 5
    job.rows("train", features, np.array([0, 1, 2])).run(**GIVEN | {"feature_dim": "100000", "k": "1"})
    near = np.zeros((1, 100_000), np.float32)
    near[0, 99_999] = 4
    assert job.predictor._model.predict(near).predicted == [1]
