"""Beside scikit-learn's isolation forest, on planted outliers and on data that it ships; and AWS's own example."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from potager.images.randomcutforest.growth import grow
from potager.images.randomcutforest.scoring import Scorer


def auc(rows: np.ndarray, odd: np.ndarray) -> tuple[float, float]:
    """Areas of a random cut forest and of an isolation forest of the same size."""
    rows = rows.astype(np.float32)
    forest = grow(rows, 100, 256, np.random.default_rng(0))
    other = IsolationForest(n_estimators=100, max_samples=min(256, len(rows)), random_state=0).fit(rows)
    return roc_auc_score(odd, Scorer(forest).scores(rows)), roc_auc_score(odd, -other.score_samples(rows))


def test_planted_outliers_are_found():
    random = np.random.default_rng(0)
    rows = np.vstack(
        [random.normal(size=(1500, 5)), random.normal(size=(1500, 5)) + 12, random.uniform(-5, 17, (30, 5))]
    )
    ours, theirs = auc(rows, np.arange(3030) >= 3000)
    assert ours > 0.99
    assert ours > theirs - 0.01


def test_malignant_tumours_among_benign_ones_are_found_as_by_an_isolation_forest():
    rows, benign = load_breast_cancer(return_X_y=True)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    kept = np.concatenate([np.flatnonzero(benign == 1), np.flatnonzero(benign == 0)[:20]])
    ours, theirs = auc(rows[kept], benign[kept] == 0)
    assert ours > 0.9
    assert ours > theirs - 0.03


def test_noise_among_handwritten_digits_is_found_as_by_an_isolation_forest():
    rows, _ = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permuted(rows[:40], axis=1)
    ours, theirs = auc(np.vstack([rows, shuffled]), np.arange(len(rows) + 40) >= len(rows))
    assert ours > 0.95
    assert ours > theirs - 0.02


def test_three_sigma_finds_the_odd_days_of_a_series():
    """AWS's introduction on taxi rides, on a made series: half hours of days and weeks, shingled by 48."""
    random = np.random.default_rng(0)
    hours = np.arange(48 * 120)
    rides = 15000 - 8000 * np.cos(2 * np.pi * hours / 48) + 1500 * np.sin(2 * np.pi * hours / (48 * 7))
    rides += random.normal(scale=600, size=len(hours))
    for day in (40, 77, 101):
        rides[day * 48 + 16 : day * 48 + 40] *= 0.25
    shingles = np.lib.stride_tricks.sliding_window_view(rides, 48).astype(np.float32)
    scores = Scorer(grow(shingles, 50, 512, np.random.default_rng(0))).scores(shingles)
    found = np.flatnonzero(scores > scores.mean() + 3 * scores.std())
    days = {int(day) for one in found for day in (one // 48, (one + 47) // 48)}
    assert {40, 77, 101} <= days
    assert days <= {39, 40, 41, 76, 77, 78, 100, 101, 102}
