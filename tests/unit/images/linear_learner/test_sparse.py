"""Records that name their features are trained on as they are, and give the model of the same rows written out."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.recordio import MAGIC
from potager.images.linear_learner import scaling, train
from potager.images.linear_learner.settings import settle
from potager.images.linear_learner.shifted import Shifted

RECORDIO = "application/x-recordio-protobuf"
BINARY = {"predictor_type": "binary_classifier"}


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _entry(tensor: bytes) -> bytes:
    return _field(1, b"values") + _field(2, _field(2, tensor))


def records(rows: Any, labels: np.ndarray) -> bytes:
    """Sparse `Record` messages of a CSR matrix: float32 values (field 1), uint64 keys (2), as the SDK writes them."""
    out = bytearray()
    for row, label in zip(rows, labels, strict=True):
        keys = _field(2, b"".join(map(_varint, row.indices.tolist())))
        tensor = _field(1, row.data.astype("<f4").tobytes()) + keys
        content = _field(1, _entry(tensor)) + _field(2, _entry(_field(1, struct.pack("<f", label))))
        out += struct.pack("<II", MAGIC, len(content)) + content + bytes(-len(content) % 4)
    return bytes(out)


@pytest.fixture
def words() -> tuple[Any, np.ndarray]:
    """Counts of a few of 3,000 words in 400 texts, the first words telling the class."""
    random = np.random.default_rng(0)
    held = np.sort(random.choice(3000, (400, 12)), axis=1)
    rows = sparse.csr_array((random.integers(1, 4, 4800), held.ravel(), np.arange(0, 4801, 12)), (400, 3000))
    rows = sparse.csr_array(rows.toarray(), dtype=np.float32)
    labels = random.integers(0, 2, 400)
    spoken = sparse.csr_array((np.ones(400), (np.arange(400), labels * 7)), (400, 3000))
    return (rows + spoken).tocsr().astype(np.float32), labels


def test_products_are_those_of_the_rows_written_out():
    random = np.random.default_rng(1)
    rows = sparse.random(30, 8, 0.3, "csr", dtype=np.float32, random_state=1)
    shift = random.random(8).astype(np.float32)
    written, shifted = rows.toarray() - shift, Shifted(rows, shift)
    left, right = random.random((3, 5)), random.random((8, 4))
    np.testing.assert_allclose(shifted @ right, written @ right, atol=1e-6)
    np.testing.assert_allclose(shifted @ right[:, 0], written @ right[:, 0], atol=1e-6)
    np.testing.assert_allclose(left @ shifted[[4, 1, 4, 0, 9]], left @ written[[4, 1, 4, 0, 9]], atol=1e-6)


@pytest.mark.parametrize("more", [{}, {"use_bias": "false"}, {"normalize_data": "false"}])
def test_the_scaler_of_sparse_rows_is_that_of_the_rows_written_out(more: dict[str, str]):
    rows = sparse.random(300, 20, 0.2, "csr", dtype=np.float32, random_state=2)
    rows.data[rows.indices == 3] = 0  # never there
    settings, labels = settle({**BINARY, **more}), np.zeros(300)
    mine, expected = (scaling.measure(one, labels, settings) for one in (rows, rows.toarray()))
    np.testing.assert_allclose(mine.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(mine.deviation, expected.deviation, rtol=1e-6)
    assert mine.deviation[3] == np.inf
    applied: Any = mine.apply(rows.copy())
    dense: Float32 = expected.apply(rows.toarray())  # type: ignore[assignment]
    np.testing.assert_allclose(applied @ np.eye(20, dtype=np.float32), dense, atol=1e-5)


def test_sparse_records_give_the_model_of_dense_rows(job, words, monkeypatch):
    rows, labels = words
    more = {**BINARY, "feature_dim": "3000", "num_models": "2", "epochs": "5"}
    job.channel("train", records(rows, labels), "part.pbr", ContentType=RECORDIO).run(**more)
    filled = job.predictor.score(rows.toarray())[0]
    monkeypatch.setattr(train, "_SMALL", 0)
    given: list[Any] = []
    fit = train.fit
    monkeypatch.setattr(train, "fit", lambda rows, *rest: given.append(rows.features) or fit(rows, *rest))
    job.run(**more)
    assert isinstance(given[0], Shifted)
    np.testing.assert_allclose(job.predictor.score(rows.toarray())[0], filled, atol=2e-3)
    assert job.evaluation["channels"]["train"]["metrics"]["roc_auc"] > 0.95


@pytest.mark.parametrize(
    "more",
    [
        {"predictor_type": "multiclass_classifier", "num_classes": "3"},
        {"predictor_type": "regressor"},
        {**BINARY, "binary_classifier_model_selection_criteria": "f1", "normalize_data": "false"},
    ],
)
def test_every_kind_of_model_learns_from_sparse_records(job, words, monkeypatch, more: dict[str, str]):
    monkeypatch.setattr(train, "_SMALL", 0)
    rows, labels = words
    for channel, part in (("train", slice(0, 300)), ("validation", slice(300, 400))):
        job.channel(channel, records(rows[part], labels[part]), "part.pbr", ContentType=RECORDIO)
    job.run(**more, num_models="3", epochs="8")
    metrics = job.evaluation["channels"]["train"]["metrics"]
    assert metrics.get("accuracy", metrics.get("r2")) > 0.8


def test_a_hundred_thousand_columns_are_learnt_from_without_being_written_out(job):
    random = np.random.default_rng(3)
    held = np.column_stack([np.sort(random.choice(99_000, (600, 8)), axis=1), np.full(600, 99_999)])
    labels = random.integers(0, 2, 600)
    values = np.column_stack([np.ones((600, 8)), labels * 2 - 1]).astype(np.float32)
    rows = sparse.csr_array((values.ravel(), held.ravel(), np.arange(0, 5401, 9)), (600, 100_000))
    job.channel("train", records(rows, labels), "part.pbr", ContentType=RECORDIO)
    job.run(**BINARY, epochs="1", num_models="2")
    assert "600 rows of 100000 features" in job.log
    metrics = job.evaluation["channels"]["train"]
    assert metrics["metrics"]["accuracy"] > 0.95
    assert metrics["baselines"]["best_feature"]["feature"] == 99_999
    answer, _ = job.predictor.predict(
        b'{"instances": [{"data": {"features": {"keys": [99999], "shape": [100000], "values": [1.0]}}}]}',
        "application/json",
        "text/csv",
    )
    assert answer.startswith(b"1,")


def test_a_feature_that_was_constant_in_training_has_no_say(job):
    random = np.random.default_rng(4)
    features = np.column_stack([random.normal(size=200), np.zeros(200), np.full(200, 5.0)])
    labels = (features[:, 0] > 0).astype(int)
    for more in ({}, {"normalize_data": "false"}):
        job.rows("train", features, labels).run(**BINARY, **more)
        scores = job.predictor.score(np.array([[1.0, 0.0, 5.0], [1.0, 1e6, -1e6]]))[0]
        assert scores[0] == scores[1]
