"""Components of real data beside those of scikit-learn, and the bound that randomized ones keep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from potager.images.pca import components
from potager.images.pca.components import Components, Rows

datasets = pytest.importorskip("sklearn.datasets")
decomposition = pytest.importorskip("sklearn.decomposition")
threadpoolctl = pytest.importorskip("threadpoolctl")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of scikit-learn's that wait for a busy machine's cores take many times as long as one alone."""
    with threadpoolctl.threadpool_limits(1):
        yield


NAMES = ["iris", "wine", "digits", "breast_cancer", "diabetes"]


def data_of(name: str) -> np.ndarray:
    return getattr(datasets, f"load_{name}")().data.astype(np.float32)


def centred(features: np.ndarray) -> Rows:
    return Rows(features, components.mean_of(features))


def reference(features: np.ndarray, count: int) -> Any:
    return decomposition.PCA(count, svd_solver="full").fit(features.astype(np.float64))


def alike(found: Components, wanted: Any) -> float:
    """The smallest cosine between directions of the same rank, whatever their signs."""
    return float(np.abs(np.einsum("ij,ji->i", wanted.components_, found.v[:, ::-1])).min())


@pytest.mark.parametrize("name", NAMES)
def test_regular_components_are_those_of_scikit_learn(name: str):
    features = data_of(name)
    count = min(8, features.shape[1] - 1)
    found, wanted = components.regular(centred(features), count), reference(features, count)
    assert found.s[::-1] == pytest.approx(wanted.singular_values_, rel=1e-8)
    assert alike(found, wanted) > 1 - 1e-10
    assert components.mean_of(features) == pytest.approx(wanted.mean_, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_randomized_components_come_near_and_keep_the_bound(name: str):
    """The bound is corollary 10.10 of Halko, Martinsson and Tropp, for the mean of the norm of what is left over."""
    features, count, extra = data_of(name), 3, 10
    rows = centred(features)
    found, wanted = components.randomized(rows, count, extra), reference(features, count)
    assert found.s[::-1] == pytest.approx(wanted.singular_values_, rel=1e-4)
    assert alike(found, wanted) > 0.999
    every = np.linalg.svd(features - rows.mean, compute_uv=False)
    smaller = min(features.shape)
    slack = 1 + math.sqrt(count / (extra - 1)) + math.e * math.sqrt((count + extra) * (smaller - count)) / extra
    left = features - rows.mean
    left = left - left @ found.v @ found.v.T
    assert np.linalg.norm(left, 2) <= slack ** (1 / 9) * every[count] * (1 + 1e-9)  # 2 q + 1 = 9 of four rounds


def test_rows_fewer_than_features_give_the_same_components_another_way():
    features = data_of("digits")[:40]
    found, wanted = components.regular(centred(features), 12), reference(features, 12)
    assert found.s[::-1] == pytest.approx(wanted.singular_values_, rel=1e-8)
    assert alike(found, wanted) > 1 - 1e-10


def test_without_the_mean_subtracted_they_are_singular_vectors_of_the_rows():
    features = data_of("wine")
    found = components.regular(Rows(features, np.zeros(13)), 3)
    _, s, v = np.linalg.svd(features.astype(np.float64), full_matrices=False)
    assert found.s[::-1] == pytest.approx(s[:3], rel=1e-8)
    assert np.abs(np.einsum("ij,ji->i", v[:3], found.v[:, ::-1])) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_directions_stay_orthonormal_where_the_data_has_fewer_than_were_asked_for(shape: tuple[int, int], mode: str):
    random = np.random.default_rng(3)
    features = (random.normal(size=(shape[0], 2)) @ random.normal(size=(2, shape[1]))).astype(np.float32)
    features[:, 4] = 7
    rows = centred(features)
    found = components.regular(rows, 6) if mode == "regular" else components.randomized(rows, 6, 10)
    assert found.v.T @ found.v == pytest.approx(np.eye(6), abs=1e-8)
    assert found.s[:4] == pytest.approx(0, abs=1e-3)
    assert found.s[4:].min() > 1


def test_the_largest_entry_of_each_direction_is_positive_and_the_same_job_gives_the_same_model():
    rows = centred(data_of("wine"))
    one, other = components.randomized(rows, 3, 10), components.randomized(rows, 3, 10)
    assert one.v.tolist() == other.v.tolist()
    assert (one.v[np.abs(one.v).argmax(axis=0), range(3)] > 0).all()


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_units_that_float32_cannot_square_do_no_harm(unit: float):
    features = data_of("iris")
    plain, scaled = (components.regular(centred(one), 2) for one in (features, (features * unit).astype(np.float32)))
    assert scaled.s / unit == pytest.approx(plain.s, rel=1e-5)
    assert scaled.v == pytest.approx(plain.v, abs=1e-5)


def test_a_mean_far_from_the_origin_does_not_blur_the_components():
    random = np.random.default_rng(0)
    features = (random.normal(size=(5000, 4)) * [4, 3, 2, 1] + 10_000).astype(np.float32)
    assert alike(components.regular(centred(features), 3), reference(features, 3)) > 1 - 1e-9
