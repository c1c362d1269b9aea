"""Trees are cut as the paper defines, and scores are what putting a point into them yields on average."""

from __future__ import annotations

import math
import random as plain

import numpy as np
import pytest

from potager.images.randomcutforest import scoring
from potager.images.randomcutforest.forest import Forest
from potager.images.randomcutforest.growth import grow
from potager.images.randomcutforest.scoring import Scorer
from tests.unit.images.randomcutforest import slow


def rows_of(count: int, features: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32)


def forest_of(rows: np.ndarray, trees: int, samples: int, seed: int = 0) -> Forest:
    return grow(rows, trees, samples, np.random.default_rng(seed))


def slow_scores(forest: Forest, rows: np.ndarray) -> list[float]:
    trees = [slow.tree_of(one) for one in forest]
    factor = math.log2(forest.samples + 1)
    points = [tuple(map(float, row)) for row in rows]
    return [factor * np.mean([slow.score(tree, point, forest.samples) for tree in trees]) for point in points]


def test_every_node_is_cut_between_its_points_and_every_leaf_is_one_point():
    rows = np.vstack([rows_of(300, 4), rows_of(20, 4, 1).repeat(5, axis=0)])
    for tree in forest_of(rows, 7, 120):
        for node, left in enumerate(tree.left):
            own = tree.points[0, tree.start[node] : tree.end[node]]
            if left < 0:
                assert (own == own[0]).all()
                continue
            parts = [
                own[own[:, tree.dimension[node]] <= tree.cut[node]],
                own[own[:, tree.dimension[node]] > tree.cut[node]],
            ]
            for child, part in zip((left, left + 1), parts, strict=True):
                assert len(part) > 0
                np.testing.assert_array_equal(part, tree.points[0, tree.start[child] : tree.end[child]])
                assert tree.depth[child] == tree.depth[node] + 1


def test_boxes_hold_exactly_their_points():
    forest = forest_of(rows_of(200, 3), 5, 30)
    low, high, sides = forest.boxes()
    for index, tree in enumerate(forest):
        for node in range(len(tree.start)):
            own = tree.points[0, tree.start[node] : tree.end[node]]
            at = forest.offsets[index] + node
            np.testing.assert_array_equal(low[at], own.min(axis=0))
            np.testing.assert_array_equal(high[at], own.max(axis=0))
            assert sides[at] == pytest.approx((own.max(axis=0) - own.min(axis=0)).sum(), rel=1e-5)


def test_a_feature_is_cut_as_often_as_its_range_is_long_and_anywhere_in_it():
    corners = np.array([[0, 0, 5], [1, 3, 5]], np.float32)
    forest = forest_of(corners, 1000, 2)
    roots = forest.offsets[:-1]
    dimension, cut = forest.dimension[roots], forest.cut[roots]
    assert np.mean(dimension == 0) == pytest.approx(0.25, abs=0.04)
    assert not (dimension == 2).any()
    within = np.sort(cut[dimension == 1] / 3)
    assert np.abs(within - np.linspace(0, 1, len(within))).max() < 0.06  # Kolmogorov and Smirnov at 750 draws


def test_one_sample_is_split_over_the_trees_where_rows_suffice():
    rows = np.arange(600, dtype=np.float32)[:, None]
    points = forest_of(rows, 50, 12).points
    assert len(np.unique(points)) == 600
    fewer = forest_of(rows[:100], 50, 12).points
    assert all(len(np.unique(tree)) == 12 for tree in fewer)


def test_every_row_is_drawn_as_often_as_any_other():
    rows = np.arange(40, dtype=np.float32)[:, None]
    drawn = np.concatenate([forest_of(rows, 100, 10, seed).points.ravel() for seed in range(20)])
    counts = np.bincount(drawn.astype(int), minlength=40)
    assert np.abs(counts / counts.mean() - 1).max() < 0.2


@pytest.mark.parametrize("features", [1, 2, 6])
def test_scores_are_those_of_plain_python(features: int):
    rows = rows_of(400, features).round(1)
    forest = forest_of(rows, 12, 40)
    asked = np.vstack([rows[:20], rows_of(20, features, 5) * 3, np.zeros((1, features), np.float32)])
    np.testing.assert_allclose(Scorer(forest).scores(asked), slow_scores(forest, asked), rtol=1e-5)


def test_many_rows_score_as_one_by_one(monkeypatch):
    rows = rows_of(3000, 5)
    scorer = Scorer(forest_of(rows, 50, 64))
    walked = scorer.scores(rows[:900])
    monkeypatch.setattr(scoring, "_FEW", 0)
    np.testing.assert_allclose(scorer.scores(rows[:900]), walked, rtol=1e-5)
    monkeypatch.setattr(scoring, "_CELLS", 1)
    np.testing.assert_allclose(scorer.scores(rows)[:900], walked, rtol=1e-5)


def test_a_score_is_the_mean_inverse_depth_of_the_point_put_in_at_random():
    forest = forest_of(rows_of(30, 2), 1, 30)
    tree, source = slow.tree_of(forest), plain.Random(1)
    for point in [(0.1, 0.2), (2.5, -1.0), (8.0, 8.0)]:
        drawn = [1 / slow.inserted_depth(tree, point, source) for _ in range(6000)]
        exact = Scorer(forest).scores(np.array([point]))[0] / math.log2(31)
        assert np.mean(drawn) == pytest.approx(exact, abs=4 * np.std(drawn) / math.sqrt(6000) + 1e-6)


def test_the_farther_a_point_the_higher_its_score_up_to_the_limit():
    rows = rows_of(2000, 3)
    scores = Scorer(forest_of(rows, 100, 256)).scores(np.outer([0, 3, 6, 20, 1e6], np.ones(3)))
    assert (np.diff(scores) > 0).all()
    assert scores[-1] == pytest.approx(math.log2(257), rel=1e-4)  # cut off at the root of every tree


def test_a_point_seen_often_scores_lower_than_one_seen_once():
    rows = np.vstack([np.full((200, 2), 4), rows_of(200, 2)]).astype(np.float32)
    scores = Scorer(forest_of(rows, 50, 128)).scores(np.array([[4.0, 4.0], [4.0, -4.0]]))
    assert scores[0] < 0.7 < scores[1]


def test_equal_rows_and_one_row_make_trees_of_a_leaf():
    for rows in (np.ones((50, 3), np.float32), np.ones((1, 3), np.float32)):
        forest = forest_of(rows, 50, 256)
        assert (forest.left == -1).all()
        own, other = Scorer(forest).scores(np.array([[1, 1, 1], [1, 1, 2]]))
        assert np.isfinite([own, other]).all()
        assert own < other


def test_numbers_at_the_edge_of_32_bits_neither_stop_the_cuts_nor_the_scores():
    rows = np.array([[-3.4e38, 0], [3.4e38, 1e-45], [3.4e38, 0], [0, 2e-45]], np.float32).repeat(3, axis=0)
    forest = forest_of(rows, 50, 12)
    asked = np.array([[1e300, -1e300], [0, 0], [3.4e38, 1e-45]])
    assert np.isfinite(Scorer(forest).scores(asked)).all()
    assert np.isfinite(Scorer(forest)._swept(asked.clip(-3e38, 3e38).astype(np.float32))).all()


def test_a_feature_that_decides_everything_makes_deep_trees_not_endless_ones():
    rows = np.float32(2.0) ** -np.arange(120)[:, None]
    forest = forest_of(rows, 50, 120)
    assert np.isfinite(Scorer(forest).scores(rows)).all()
