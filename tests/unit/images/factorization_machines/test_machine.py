"""The model against its definition, its slopes against finite differences, its optimizer against the plain formula."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse

from potager.images.factorization_machines.adam import Adam
from potager.images.factorization_machines.fit import _residual, sigmoid
from potager.images.factorization_machines.machine import Machine, scores, slopes
from potager.images.factorization_machines.settings import Settings, settle


def drawn(features: int = 7, factors: int = 3) -> Machine:
    random = np.random.default_rng(1)
    return Machine(random.normal(size=1), random.normal(size=features), random.normal(size=(features, factors)))


def rows(kind: str = "sparse", count: int = 9, features: int = 7):
    matrix = scipy.sparse.random(count, features, 0.5, "csr", random_state=np.random.default_rng(2))
    return matrix if kind == "sparse" else matrix.toarray()


def settings(**given: str) -> Settings:
    return settle({"feature_dim": "7", "num_factors": "3", "predictor_type": "regressor"} | given)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_score_is_the_sum_over_all_pairs(kind: str):
    machine, table = drawn(), rows("dense")
    plain = [
        machine.bias[0]
        + row @ machine.linear
        + sum(machine.factors[i] @ machine.factors[j] * row[i] * row[j] for i, j in combinations(range(7), 2))
        for row in table
    ]
    np.testing.assert_allclose(scores(machine, rows(kind)), plain, rtol=1e-12)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("binary", [False, True])
def test_slopes_are_those_of_finite_differences(kind: str, binary: bool):
    machine, table = drawn(), rows(kind)
    labels = (np.arange(9) % 2).astype(float)

    def loss() -> float:
        raw = scores(machine, table)
        return float(np.sum(np.logaddexp(0, raw) - labels * raw if binary else (raw - labels) ** 2 / 2))

    _, found = slopes(machine, table, lambda raw: _residual(raw, labels, binary))
    for values, slope in ((machine.bias, found.bias), (machine.linear, found.linear), (machine.factors, found.factors)):
        for place in np.ndindex(values.shape):
            kept, step = values[place], 1e-6
            values[place] = kept + step
            above = loss()
            values[place] = kept - step
            assert slope[place] == pytest.approx((above - loss()) / (2 * step), rel=1e-5, abs=1e-7)
            values[place] = kept


def test_a_probability_does_not_overflow():
    np.testing.assert_allclose(sigmoid(np.array([-1000.0, 0.0, 2.0, 1000.0])), [0, 0.5, 1 / (1 + np.exp(-2)), 1])


def test_adam_moves_as_its_formula_says():
    term = settings(linear_lr="0.1", linear_wd="0.5").linear
    values = np.array([1.0, -2.0])
    adam, value, mean, square = Adam(values, term, settings()), values.copy(), np.zeros(2), np.zeros(2)
    for step in range(1, 6):
        slope = np.array([0.3, -0.1]) * step
        adam.step(slope, 0.25)
        whole = slope * 0.25 + 0.5 * value
        mean, square = 0.9 * mean + 0.1 * whole, 0.999 * square + 0.001 * whole**2
        value = value - 0.1 * (mean / (1 - 0.9**step)) / (
            np.sqrt(square / (1 - 0.999**step)) + 1e-8 / np.sqrt(1 - 0.999**step)
        )
        np.testing.assert_allclose(values, value, rtol=1e-9)


def test_a_gradient_is_clipped_to_its_box():
    values = np.zeros(3)
    adam = Adam(values, settings(linear_wd="0").linear, settings(clip_gradient="0.5"))
    adam.step(np.array([9.0, -0.1, -9.0]), 1)
    np.testing.assert_allclose(adam._mean, [0.05, -0.01, -0.05])


def test_features_that_no_row_names_stay_as_they_are():
    values = np.ones((4, 2))
    adam = Adam(values, settings(factors_wd="0.5").factors, settings())
    adam.step(np.ones((2, 2)), 1, np.array([1, 3]))
    np.testing.assert_array_equal(values[[0, 2]], 1)
    assert (values[[1, 3]] < 1).all()
