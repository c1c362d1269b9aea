"""Random projections: lengths and distances are kept on average, and within what theory says."""

from __future__ import annotations

import numpy as np
import pytest

from potager.images.knn.reduction import draw


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_distances_stay_about_what_they_were(kind: str):
    random = np.random.default_rng(0)
    rows = np.zeros((60, 1000), np.float32)
    rows[:, :30] = random.normal(size=(60, 30))  # few features carry all of it
    reduced = draw(kind, 1000, 300, random).apply(rows)
    assert reduced.shape == (60, 300)
    assert reduced.dtype == np.float32
    one, two = np.triu_indices(60, 1)
    ratio = np.linalg.norm(reduced[one] - reduced[two], axis=1) / np.linalg.norm(rows[one] - rows[two], axis=1)
    assert ratio.mean() == pytest.approx(1, abs=0.03)
    assert 0.75 < ratio.min() < ratio.max() < 1.25


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_a_squared_length_is_kept_on_average(kind: str):
    row = np.random.default_rng(0).normal(size=(1, 50)).astype(np.float32)
    drawn = [draw(kind, 50, 10, np.random.default_rng(seed)).apply(row) for seed in range(800)]
    assert np.mean(np.square(drawn)) * 10 / np.square(row).sum() == pytest.approx(1, abs=0.05)


def test_all_coordinates_of_the_transform_are_a_rotation():
    random = np.random.default_rng(0)
    rows = random.normal(size=(5, 16)).astype(np.float32)
    turned = draw("fjlt", 16, 16, random).apply(rows)
    np.testing.assert_allclose(turned @ turned.T, rows @ rows.T, rtol=1e-4, atol=1e-4)
