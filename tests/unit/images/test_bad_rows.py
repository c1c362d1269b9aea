"""What every built-in algorithm says of rows that it cannot use: file, row, column, value, remedy; never a traceback.

One table for all of them, so that a new one cannot be forgotten; what only one of them knows is tested beside it.
"""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potager.images.algorithm.recordio import encode
from potager.images.ipinsights import serve, train
from tests.unit.images.jobs import Job
from tests.unit.images.tables import IMAGES, Image

COUNTED = {
    "catboost": "depth",
    "factorization_machines": "num_factors",
    "kmeans": "k",
    "knn": "k",
    "lightgbm": "num_leaves",
    "linear_learner": "num_models",
    "pca": "num_components",
    "randomcutforest": "num_trees",
    "xgboost": "max_depth",
}
"""A hyperparameter of each that is a number and takes memory."""
GZIP = gzip.compress(b"1,2,3\n", mtime=0)
PARQUET = b"PAR1 and so on PAR1"


@pytest.fixture(params=IMAGES, ids=lambda image: image.name)
def image(request: Any) -> Image:
    return request.param


@pytest.fixture
def job(image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return image.job(tmp_path, capsys)


def place(image: Image, row: int, feature: int) -> str:
    return f"train/part.csv: row {row}, column {feature + image.labelled}: "


@pytest.mark.parametrize("cell", ["red", "0x1f", "1_000", "--1", "1 2"])
def test_a_cell_that_is_no_number(image: Image, job: Job, cell: str) -> None:
    message = job.channel("train", image.rows() + image.row("1", cell)).refusal(**image.given)
    assert f"{place(image, 61, 2)}'{cell}' is not a number. Encode it as one" in message


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e39", "1e400"])
def test_a_cell_that_32_bits_do_not_hold(image: Image, job: Job, cell: str) -> None:
    message = job.channel("train", image.rows() + image.row("1", cell)).refusal(**image.given)
    assert f"{place(image, 61, 2)}'{cell}' is not a finite number" in message
    assert "Replace it" in message


@pytest.mark.parametrize("cell", ["", "nan"])
def test_a_gap(image: Image, job: Job, cell: str) -> None:
    job.channel("train", image.rows() + image.row("1", cell))
    if image.gaps:
        assert sound(job.run(**image.given))
        return
    message = job.refusal(**image.given)
    assert place(image, 61, 2) in message
    assert "drop the row" in message


@pytest.mark.parametrize("features", [["1"], ["1", "2", "3"]])
def test_a_row_of_another_width(image: Image, job: Job, features: list[str]) -> None:
    message = job.channel("train", image.rows() + image.row(*features)).refusal(**image.given)
    has = len(features) + image.labelled
    assert f"train/part.csv: row 61 has {has} columns, but {2 + image.labelled} are expected" in message
    assert "Give every row the same columns" in message


def test_a_header_line(image: Image, job: Job) -> None:
    message = job.channel("train", image.row("age", "dose", label="fraud") + image.rows()).refusal(**image.given)
    assert "train/part.csv: row 1" in message
    assert "header line" in message
    assert "emove it" in message


@pytest.mark.parametrize("content", ["", "\n\n\n", "\n   \n\t\n", "\r\n\r\n"])
def test_a_channel_without_rows(image: Image, job: Job, content: str) -> None:
    assert "Channel 'train' holds no data" in job.channel("train", content).refusal(**image.given)


def test_no_channel_to_train_on(image: Image, job: Job) -> None:
    message = job.channel("elsewhere", image.rows()).refusal(**image.given)
    assert "'train'" in message
    assert "InputDataConfig" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GZIP, "train/part.csv is compressed with gzip. Unpack it"),
        (PARQUET, "train/part.csv"),
        ("1,2,3\n".encode("utf-16"), "train/part.csv is text in UTF-16. Save it as UTF-8"),
        (b"\x00\x01\x02\xff\xfe\n\x00,\x00,\x00\n", "train/part.csv"),
        ("1;2;3\n2;3;4\n", "train/part.csv"),
    ],
    ids=["gzip", "parquet", "utf-16", "bytes", "semicolons"],
)
def test_a_file_that_is_no_csv(image: Image, job: Job, content: str | bytes, said: str) -> None:
    if image.name == "xgboost" and isinstance(content, str):
        pytest.skip("xgboost reads any of AWS's delimiters")
    message = job.channel("train", content, ContentType="text/csv").refusal(**image.given)
    assert said in message
    assert all(one.isprintable() for one in message)


@pytest.mark.parametrize("harm", ["magic", "size", "cut", "payload"])
def test_records_that_are_damaged(image: Image, job: Job, harm: str) -> None:
    whole = encode({"values": np.ones((9, 2))}, {"values": np.arange(9)[:, None] % 2.0})
    size = len(whole) // 9
    broken = {
        "magic": whole[: 3 * size] + b"\x00" + whole[3 * size + 1 :],
        "size": whole[: 3 * size + 4] + b"\xff\xff\xff\x1f" + whole[3 * size + 8 :],
        "cut": whole[:-5],
        "payload": whole[: 3 * size + 8] + b"\xff" * (size - 8) + whole[4 * size :],
    }[harm]
    message = job.channel("train", broken, "part.pbr", ContentType="application/x-recordio-protobuf").refusal(
        **image.given
    )
    assert "train/part.pbr: record" in message or "ContentType 'application/x-recordio-protobuf'" in message


def test_a_content_type_that_nobody_trains_on(image: Image, job: Job) -> None:
    message = job.channel("train", image.rows(), ContentType="image/png").refusal(**image.given)
    assert "train: ContentType 'image/png' cannot be trained on." in message
    assert "text/csv" in message


def test_a_label_that_cannot_be(image: Image, job: Job) -> None:
    if not image.labelled:
        pytest.skip("has no labels")
    job.channel("train", image.rows() + image.row("1", "2", label="yes"))
    if image.words:
        assert sound(job.run(**image.given))
    else:
        assert "train/part.csv: row 61, column 1: 'yes' is not a number" in job.refusal(**image.given)


def test_one_class_only(image: Image, job: Job) -> None:
    if not image.labelled:
        pytest.skip("has no labels")
    rows = "".join(image.row(str(number), "2") for number in range(40))
    assert "Channel 'train': every label is 1. A " in job.channel("train", rows).refusal(**image.given)


def test_a_class_that_training_never_saw(image: Image, job: Job) -> None:
    if not image.labelled:
        pytest.skip("has no labels")
    job.channel("train", image.rows()).channel(image.other, image.rows() + image.row("1", "2", label="7"))
    if image.name == "knn":  # whose answers are labels of train: such a row is told wrong, and the log says so
        assert "7" in job.run(**image.given).log
        return
    message = job.refusal(**image.given)
    assert "label 7" in message
    assert f"{image.other}/part.csv" in message or f"Channel '{image.other}'" in message


def test_another_channel_of_one_row_and_one_class(image: Image, job: Job) -> None:
    row = "1,1,2\n" if image.name == "randomcutforest" else image.row("1", "2")
    job.channel("train", image.rows()).channel(image.other, row, ContentType=labels(image))
    assert sound(job.run(**image.given))


def test_another_channel_without_rows(image: Image, job: Job) -> None:
    job.channel("train", image.rows()).channel(image.other, "", ContentType=labels(image))
    assert f"Channel '{image.other}' holds no data" in job.refusal(**image.given)


@pytest.mark.parametrize("distinct", [1, 2])
def test_features_that_are_constant(image: Image, job: Job, distinct: int) -> None:
    """With one label a row all rows are equal."""
    rows = "".join(image.row("1", "2", label=str(number % distinct)) for number in range(40))
    job.channel("train", rows)
    refused = {"kmeans": "different ones over and over", "pca": "constant", "catboost": "constant"}
    if image.labelled and distinct == 1:
        assert "every label is 0" in job.refusal(**image.given)
    elif image.name in refused:
        assert refused[image.name] in job.refusal(**image.given)
    else:
        assert sound(job.run(**image.given))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_rows(image: Image, job: Job, count: int) -> None:
    """Sound, or a refusal that speaks of rows, labels or what there is too little of."""
    rows = "".join(image.row(str(number), "2", label=str(number % 2)) for number in range(count))
    try:
        job.channel("train", rows).run(**image.given)
    except SystemExit as end:
        message = (job.ml / "output" / "failure").read_text()
        assert (end.code, message[:13]) == (2, "ClientError: ")
        assert any(word in message for word in ("rows", "every label", "constant"))
    else:
        assert sound(job)


@pytest.mark.parametrize("size", ["1e18", "1e30", "3e38"])
def test_features_that_are_huge(image: Image, job: Job, size: str) -> None:
    """What 32 bits hold is learnt from, or refused because it cannot be; no model is left that cannot be loaded."""
    rows = image.rows() + image.row(size, "1", label="0") + image.row(f"-{size}", "1")
    try:
        job.channel("train", rows).run(**image.given)
    except SystemExit as end:
        message = (job.ml / "output" / "failure").read_text()
        assert (end.code, message[:13]) == (2, "ClientError: ")
        assert "cale" in message or "diverged" in message
    else:
        assert sound(job)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "", "many", "1e400", "1e300", "1e18", "9223372036854775808"])
def test_a_number_that_a_hyperparameter_cannot_be(image: Image, job: Job, value: str) -> None:
    name = COUNTED[image.name]
    message = job.channel("train", image.rows()).refusal(**image.given | {name: value})
    assert name in message or "out of memory" in message


def test_a_hyperparameter_that_there_is_not(image: Image, job: Job) -> None:
    message = job.channel("train", image.rows()).refusal(**image.given, depht="3")
    assert "Unknown hyperparameter 'depht'. Remove or rename it" in message


def labels(image: Image) -> str:
    """The content type of the image's rows in a channel beside train, which has labels in Random Cut Forest's."""
    return "text/csv" if image.labelled or image.name == "randomcutforest" else "text/csv;label_size=0"


def sound(job: Job) -> bool:
    """Whether a job left a model that answers with finite numbers, and an evaluation that is JSON."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    for path in (job.ml / "model").glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
    answer, _ = job.predictor.predict(b"1,2", "text/csv", "application/json")
    return all(map(math.isfinite, numbers(json.loads(answer, parse_constant=refuse))))


def numbers(answer: Any) -> list[float]:
    if isinstance(answer, dict):
        answer = list(answer.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(answer, list):
        return [one for part in answer for one in numbers(part)]  # pyright: ignore[reportUnknownVariableType]
    return [float(answer)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Channel 'train' holds no data"),
        (b"\n  \n\t\n", "Channel 'train' holds no data"),
        (GZIP, "is compressed with gzip. Unpack it"),
        (PARQUET, "train/part.csv holds application/x-parquet, which cannot be trained on. Use text/csv"),
        ("u,10.0.0.1\n".encode("utf-16"), "is text in UTF-16. Save it as UTF-8"),
        (b"u,10.0.0.1\n\n  \nv,1\n", "row 4, column 2: '1' is not an IPv4 address"),
    ],
)
def test_events_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str) -> None:
    job = Job(train.main, serve.load, tmp_path / "ml", capsys)
    assert said in job.channel("train", content).refusal(num_entity_vectors="9", vector_dim="4")
