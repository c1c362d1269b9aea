"""Clusters of real data beside those of scikit-learn, and beside the least losses that a paper prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from potager.images.kmeans import frame
from potager.images.kmeans.fit import fit
from potager.images.kmeans.settings import settle

datasets = pytest.importorskip("sklearn.datasets")
cluster = pytest.importorskip("sklearn.cluster")
threadpoolctl = pytest.importorskip("threadpoolctl")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of scikit-learn's that wait for a busy machine's cores take many times as long as one alone."""
    with threadpoolctl.threadpool_limits(1):
        yield


def ssd(data: np.ndarray, **hyperparameters: Any) -> float:
    """What our centres come to on the data that they were made of."""
    features = data.astype(np.float32)
    units = frame.measure(features)
    units.enter(features)
    settings = settle({name: str(value) for name, value in hyperparameters.items()})
    return units.loss(fit(features, settings, lambda _: None).loss) * len(data)


@pytest.mark.parametrize("name", ["iris", "wine", "digits", "breast_cancer", "diabetes"])
@pytest.mark.parametrize("k", [3, 10])
def test_the_loss_is_that_of_the_best_of_ten_runs_of_scikit_learn(name: str, k: int):
    data = getattr(datasets, f"load_{name}")().data
    best = cluster.KMeans(k, n_init=10, random_state=0).fit(data).inertia_
    assert ssd(data, k=k) < 1.05 * best


def test_the_loss_is_below_that_of_mini_batch_k_means_and_not_above_that_of_one_run_of_k_means():
    random = np.random.default_rng(0)
    data = random.standard_t(3, (10_000, 8)) @ random.normal(size=(8, 8))
    once = np.mean([cluster.KMeans(20, n_init=1, random_state=seed).fit(data).inertia_ for seed in range(3)])
    batches = cluster.MiniBatchKMeans(20, batch_size=5000, random_state=0).fit(data).inertia_
    found = ssd(data, k=20)
    assert found < batches
    assert found < 1.01 * once


@pytest.mark.parametrize(
    ("k", "least"), [(2, 152.348), (3, 78.8514), (4, 57.2285), (5, 46.4462), (6, 39.0400), (7, 34.2982), (8, 29.9889)]
)
def test_iris_is_clustered_as_well_as_can_be(k: int, least: float):
    """The least sums of squares there are: du Merle, Hansen, Jaumard, Mladenović, SIAM J. Sci. Comput. 21 (1999)."""
    assert ssd(datasets.load_iris().data, k=k) == pytest.approx(least, rel=0.005)


@pytest.mark.parametrize(
    "changes",
    [
        {"init_method": "kmeans++"},
        {"mini_batch_size": 100, "epochs": 3},
        {"extra_center_factor": 1},
        {"local_lloyd_init_method": "random"},
        {"local_lloyd_num_trials": 1},
    ],
)
def test_every_way_there_ends_near_the_same_loss(changes: dict[str, Any]):
    data = datasets.load_digits().data
    assert ssd(data, k=10, **changes) < 1.03 * cluster.KMeans(10, n_init=10, random_state=0).fit(data).inertia_
