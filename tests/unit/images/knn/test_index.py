"""The search: neighbours, distances and their order, against every distance computed the plain way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm.errors import BrokenModel, ClientError
from potager.images.knn import index
from potager.images.knn.hyperparameters import COSINE, FLAT, INNER_PRODUCT, IVF, IVFPQ, L2
from potager.images.knn.settings import Settings, settle


def settings(rows: int = 500, width: int = 6, **given: str) -> Settings:
    required = {"feature_dim": str(width), "k": "5", "predictor_type": "classifier", "sample_size": str(rows)}
    return settle(required | given)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)


@pytest.fixture
def queries() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)


def plain(rows: np.ndarray, queries: np.ndarray, metric: str) -> np.ndarray:
    """Every distance `(n_queries, n_rows)` in float64."""
    a, b = queries.astype(np.float64), rows.astype(np.float64)
    if metric == L2:
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    if metric == INNER_PRODUCT:
        return -(a @ b.T)
    return 1 - (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T


@pytest.mark.parametrize("metric", [L2, INNER_PRODUCT, COSINE])
def test_a_flat_index_finds_the_nearest_rows(rows, queries, metric: str):
    built = index.build(index.shaped(rows, metric, 6), settings(index_metric=metric))
    distances, places = built.nearest(index.shaped(queries, metric, 6), 9)
    wanted = plain(rows, queries, metric)
    np.testing.assert_array_equal(places, np.argsort(wanted, axis=1)[:, :9])
    np.testing.assert_allclose(index.told(distances, metric), np.sort(wanted, axis=1)[:, :9], rtol=1e-4, atol=1e-6)


def test_of_rows_at_one_distance_the_first_goes_first():
    random = np.random.default_rng(0)
    rows, queries = (random.integers(0, 3, (count, 4)).astype(np.float32) for count in (900, 60))
    wanted = np.argsort(plain(rows, queries, L2), axis=1, kind="stable")
    for k in (1, 7, 150):
        np.testing.assert_array_equal(index.build(rows, settings(900, 4)).nearest(queries, k)[1], wanted[:, :k])


def test_distances_far_from_the_origin_keep_their_digits():
    rows = (np.arange(200, dtype=np.float32)[:, None] / 8) + np.float32(100_000)
    distances, places = index.build(rows, settings(200, 1)).nearest(np.repeat(rows, 700, axis=0), 2)
    np.testing.assert_array_equal(places[:, 0], np.repeat(np.arange(200), 700))
    np.testing.assert_array_equal(index.told(distances, L2), np.tile([0, 0.125], (140_000, 1)))


def test_a_row_of_zeros_has_no_direction_and_is_as_far_from_all():
    rows = index.shaped(np.array([[0, 0], [1, 0], [0, 2]], np.float32), COSINE, 2)
    distances, _ = index.Flat(rows, COSINE).nearest(index.shaped(np.zeros((1, 2), np.float32), COSINE, 2), 3)
    np.testing.assert_array_equal(index.told(distances, COSINE), [[1, 1, 1]])


@pytest.mark.parametrize("metric", [L2, INNER_PRODUCT, COSINE])
def test_inverted_lists_find_most_of_the_nearest_rows(metric: str):
    random = np.random.default_rng(0)
    rows = index.shaped(random.normal(size=(3000, 8)).astype(np.float32), metric, 8)
    queries = rows[::50]
    built = index.build(rows, settings(3000, 8, index_type=IVF, index_metric=metric))
    found, wanted = built.nearest(queries, 10)[1], index.Flat(rows, metric).nearest(queries, 10)[1]
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), wanted.tolist(), strict=True)])
    assert shared > 0.6


def test_lists_that_hold_too_few_rows_are_not_the_only_ones_looked_at(rows, queries):
    built = index.build(rows, settings(index_type=IVF, faiss_index_ivf_nlists="100"))
    exact = index.Flat(rows, L2).nearest(queries, 480)
    places = built.nearest(queries, 480)[1]
    assert (places >= 0).all()
    np.testing.assert_array_equal(np.sort(places), np.sort(exact[1]))


def test_quantised_rows_are_about_as_near_as_the_rows_themselves():
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 12)) * 10
    rows = (centres[random.integers(0, 20, 2000)] + random.normal(size=(2000, 12)) / 10).astype(np.float32)
    built = index.build(rows, settings(2000, 12, index_type=IVFPQ, faiss_index_pq_m="4"))
    distances, places = built.nearest(rows[:50], 5)
    nearest = np.linalg.norm(rows[places] - rows[:50, None], axis=2)
    assert nearest.max() < 1  # of the same centre
    assert index.told(distances, L2).max() < 2


@pytest.mark.parametrize(
    "given", [{}, {"index_type": IVF}, {"index_type": IVFPQ, "faiss_index_pq_m": "3"}], ids=[FLAT, IVF, IVFPQ]
)
def test_an_index_read_back_answers_as_before(rows, queries, tmp_path: Path, given: dict[str, str]):
    built = index.build(rows, settings(**given))
    built.save(tmp_path)
    again = index.load(tmp_path, given.get("index_type", FLAT), L2)
    for a, b in zip(built.nearest(queries, 4), again.nearest(queries, 4), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [FLAT, IVF])
@pytest.mark.parametrize("content", [None, b"", b"not an index"])
def test_an_index_that_cannot_be_read_is_a_broken_model(tmp_path: Path, kind: str, content: bytes | None):
    if content is not None:
        (tmp_path / "vectors.npy").write_bytes(content)
        (tmp_path / "index.faiss").write_bytes(content)
    with pytest.raises(BrokenModel, match="cannot be read"):
        index.load(tmp_path, kind, L2)


def test_too_few_rows_for_an_index_are_said(rows):
    with pytest.raises(ClientError, match=r"'faiss_index_ivf_nlists' is 501, but 500 rows were drawn"):
        index.build(rows, settings(index_type=IVF, faiss_index_ivf_nlists="501"))
    with pytest.raises(ClientError, match=r"255 rows were drawn, but index_type faiss.IVFPQ needs 256"):
        index.build(rows[:255], settings(index_type=IVFPQ, faiss_index_pq_m="2"))
