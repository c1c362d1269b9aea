"""The Gaussian process: its posterior, its slope, what it makes of trials that still run."""

from __future__ import annotations

import numpy as np
import pytest

from potager.train.tuning.search import process
from potager.train.tuning.search.encoding import Encoding
from potager.train.tuning.search.process import fitted
from tests.unit.train.tuning.search.wire import categorical, continuous, integer, space

GROUPS = np.array([0, 1], np.intp)


def sample(count: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(0).random((count, 2))
    values = np.sin(6 * points[:, 0])
    return points, (values - values.mean()) / values.std()


def test_it_goes_through_what_was_seen_and_doubts_what_was_not() -> None:
    points, values = sample(25)
    found = fitted(points, values, np.zeros(25), GROUPS, np.random.default_rng(1))
    mean, deviation = found.predict(points)
    assert np.abs(mean - values).max() < 0.15
    assert deviation.max() < found.predict(np.array([[3.0, 3.0]]))[1][0]


def test_the_number_that_matters_has_the_shorter_length() -> None:
    points, values = sample(25)
    found = fitted(points, values, np.zeros(25), GROUPS, np.random.default_rng(1))
    assert found.lengths[0] * 3 < found.lengths[1]


def test_doubted_values_weigh_less() -> None:
    points = np.array([[0.5, 0.5], [0.5, 0.5]])
    values = np.array([1.0, -1.0])
    found = fitted(points, values, np.array([0.0, 5.0]), GROUPS, np.random.default_rng(1))
    assert found.predict(points[:1])[0][0] > 0.2


def test_believing_narrows_without_moving() -> None:
    points, values = sample(10)
    found = fitted(points, values, np.zeros(10), GROUPS, np.random.default_rng(1))
    at = np.array([[0.9, 0.05]])
    (mean, deviation), (after, narrower) = found.predict(at), found.believing(at).predict(at)
    assert after[0] == pytest.approx(mean[0], abs=0.02)
    assert narrower[0] < deviation[0]


def test_the_slope_is_that_of_the_height() -> None:
    points, values = sample(12)
    squares = process._squares(points, GROUPS, 2)
    prior, spread = process._prior(2), np.array([0.9, 0.9, 0.7, 2.0])
    at = prior[None, :] + 0.3

    def height(shift: np.ndarray) -> float:
        return float(process._posterior(at + shift, squares, values, np.zeros(12), prior, spread)[0][0])

    slope = process._posterior(at, squares, values, np.zeros(12), prior, spread)[1][0]
    for column in range(4):
        step = np.zeros(4)
        step[column] = 1e-5
        assert slope[column] == pytest.approx((height(step) - height(-step)) / 2e-5, rel=1e-3, abs=1e-4)


def test_columns_hold_whole_numbers_where_they_stand_and_choices_apart() -> None:
    encoding = Encoding(space(integer("n", 1, 4), continuous("x", 0, 1), categorical("c", "a", "b", "d")))
    columns = encoding.columns(np.array([[0.3, 0.2, 0.1], [0.45, 0.2, 0.9]]))
    assert columns[:, 0] == pytest.approx([0.375, 0.375])
    assert np.linalg.norm(columns[0, 2:] - columns[1, 2:]) == pytest.approx(1.0)
    assert list(encoding.groups) == [0, 1, 2, 2, 2]


def test_wide_whole_numbers_stand_where_they_are_written_again() -> None:
    here = space(integer("n", 1, 4000))
    encoding = Encoding(here)
    for place in np.linspace(0, 1, 41):
        again = here.places(here.values([float(place)]))
        assert encoding.columns(np.array([[place]]))[0, 0] == pytest.approx(again[0])  # type: ignore[index]
