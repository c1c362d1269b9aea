"""The steps of the algorithm: seeds, Lloyd's, the stream, and the frame that they work in."""

from __future__ import annotations

import numpy as np
import pytest

from potager.images.kmeans import frame, lloyd
from potager.images.kmeans.fit import fit
from potager.images.kmeans.settings import Settings, settle
from potager.images.kmeans.stream import stream


def settings(**changes: object) -> Settings:
    return settle({"k": "3"} | {name: str(value) for name, value in changes.items()})


def blobs(rows: int = 600, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = np.array([[0, 0], [20, 0], [0, 20]])
    return (middles[np.arange(rows) % 3] + random.normal(size=(rows, 2))).astype(np.float32)


def in_order(centers: np.ndarray) -> np.ndarray:
    """By x + 2y, which tells the three middles of `blobs` apart."""
    return centers[np.argsort(centers @ [1, 2])]


def test_nearest_centres_and_sums_are_those_of_the_definition():
    random = np.random.default_rng(1)
    points, centers = random.normal(size=(40_000, 3)), random.normal(size=(70, 3))
    squares = ((points[:2000, None] - centers) ** 2).sum(axis=2)
    step = lloyd.look(points[:2000], None, centers)
    assert step.loss == pytest.approx(squares.min(axis=1).sum())
    labels = squares.argmin(axis=1)
    assert step.sizes.tolist() == np.bincount(labels, minlength=70).tolist()
    assert np.allclose(step.sums[5], points[:2000][labels == 5].sum(axis=0))
    told = np.concatenate([labels for _, labels in lloyd.nearest(points, centers)])
    assert told[:2000].tolist() == labels.tolist()
    assert len(told) == len(points)


def test_a_point_of_weight_three_counts_as_three_points():
    points = np.array([[0.0], [1.0], [10.0], [12.0]])
    found = lloyd.lloyd(points, np.array([3.0, 1.0, 1.0, 1.0]), np.array([[0.0], [10.0]]), 50, 0.0)
    assert found.centers.tolist() == [[0.25], [11.0]]
    assert found.loss == pytest.approx((3 * 0.0625 + 0.5625 + 2) / 6)


def test_a_centre_without_points_moves_to_where_the_loss_is():
    points = np.array([[0.0], [1.0], [50.0]])
    found = lloyd.lloyd(points, None, np.array([[0.0], [900.0]]), 50, 0.0)
    assert sorted(found.centers[:, 0].tolist()) == [0.5, 50.0]


def test_lloyd_stops_after_as_many_steps_as_it_may_make():
    points = np.arange(100.0)[:, None]
    first = np.array([[0.0], [1.0]])
    assert lloyd.lloyd(points, None, first, 1, 0.0).loss > lloyd.lloyd(points, None, first, 50, 0.0).loss


def test_kmeans_plus_plus_takes_one_seed_of_each_heap():
    data = blobs().astype(np.float64)
    for seed in range(10):
        found = lloyd.seeds(data, None, 3, "kmeans++", np.random.default_rng(seed))
        assert len({(round(x / 20), round(y / 20)) for x, y in found.tolist()}) == 3


def test_seeds_of_weight_nothing_are_never_taken():
    points, weights = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 0.0, 1.0])
    for method in ("random", "kmeans++"):
        found = lloyd.seeds(points, weights, 2, method, np.random.default_rng(0))
        assert sorted(found[:, 0].tolist()) == [0.0, 2.0]


def test_centres_of_the_stream_are_means_of_the_rows_that_they_were_given():
    features = blobs()
    kept = stream(features, settings(mini_batch_size=50), lambda _: None)
    assert kept.weights.sum() == len(features)
    assert np.average(kept.centers, axis=0, weights=kept.weights) == pytest.approx(features.mean(axis=0), rel=1e-4)


def test_older_rows_weigh_less_where_a_half_life_says_so():
    kept = stream(blobs(), settings(mini_batch_size=50, half_life_time_size=50), lambda _: None)
    assert kept.weights.sum() == pytest.approx(sum(50 * 0.5**batch for batch in range(12)), rel=0.2)


def test_clusters_follow_rows_that_drift_where_older_ones_are_forgotten():
    drifting = (np.arange(4000)[:, None] / 40 + np.random.default_rng(0).normal(size=(4000, 2))).astype(np.float32)
    last = fit(drifting, settings(k=1, mini_batch_size=100, half_life_time_size=100), lambda _: None)
    whole = fit(drifting, settings(k=1, mini_batch_size=100), lambda _: None)
    assert whole.centers[0] == pytest.approx(drifting.mean(axis=0), rel=0.01)
    assert last.centers[0] == pytest.approx([95, 95], abs=5)
    assert last.loss == pytest.approx(((drifting - last.centers) ** 2).sum(axis=1).mean(), rel=1e-4)


def test_heaps_are_found_and_epochs_are_told():
    features, epochs = blobs(), []
    found = fit(features, settings(epochs=2, mini_batch_size=100), epochs.append)
    assert in_order(found.centers) == pytest.approx(np.array([[0, 0], [20, 0], [0, 20]]), abs=0.3)
    assert [(epoch.number, epoch.rows) for epoch in epochs] == [(0, 600), (1, 600)]


def test_sorted_rows_are_clustered_as_shuffled_ones_are():
    features = blobs(3000)
    features = features[np.lexsort(features.T)]
    found = fit(features, settings(mini_batch_size=100), lambda _: None)
    assert in_order(found.centers) == pytest.approx(np.array([[0, 0], [20, 0], [0, 20]]), abs=0.3)


def test_the_same_job_gives_the_same_centres():
    one, other = (fit(blobs(), settings(), lambda _: None) for _ in range(2))
    assert one.centers.tolist() == other.centers.tolist()


def test_as_many_clusters_as_rows_are_the_rows():
    features = blobs(30)
    assert fit(features, settings(k=30), lambda _: None).loss == 0


def test_rows_that_differ_as_often_as_there_are_clusters_are_found_among_many_that_do_not():
    features = np.repeat(np.array([[0, 0], [0, 1], [5, 5]], np.float32), [5000, 2, 1], axis=0)
    assert fit(features, settings(), lambda _: None).loss == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("unit", [1e-25, 1.0, 1e30])
def test_the_frame_keeps_small_and_large_units_and_far_origins_from_losing_digits(unit: float):
    features = ((blobs() + 5000) * unit).astype(np.float32)
    first = features.astype(np.float64)
    units = frame.measure(features)
    units.enter(features)
    found = fit(features, settings(), lambda _: None)
    centers = in_order(units.leave(found.centers))
    assert centers == pytest.approx((np.array([[0, 0], [20, 0], [0, 20]]) + 5000) * unit, rel=1e-4)
    least = ((first[:, None] - centers) ** 2).sum(axis=2).min(axis=1).mean()
    assert units.loss(found.loss) == pytest.approx(least, rel=1e-3)
