"""The parts of training: batches, candidates, schedule, optimizers, scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from potager.images.linear_learner import scaling
from potager.images.linear_learner.fit import plan
from potager.images.linear_learner.grid import Candidate, candidates, row_weights
from potager.images.linear_learner.optimizers import Optimizer, schedule_of
from potager.images.linear_learner.settings import Settings, settle


def settings(**more: str) -> Settings:
    return settle({"predictor_type": "regressor", **more})


def binary(**more: str) -> Settings:
    return settle({"predictor_type": "binary_classifier", **more})


@runs(deadline=None)  # the machine may be busy
@given(st.integers(1, 10**7), st.integers(1, 10**5))
def test_an_epoch_makes_thirty_two_updates_or_more(rows: int, asked: int):
    size, passes = plan(rows, asked)
    assert 1 <= size <= min(rows, asked)
    assert passes * -(-rows // size) >= 32


@pytest.mark.parametrize("rows", [32_000, 1_000_000])
def test_large_data_is_passed_over_once_in_the_batches_asked_for(rows: int):
    assert plan(rows, 1000) == (1000, 1)


def test_model_zero_is_the_one_asked_for():
    asked = candidates(settings(wd="0.2", l1="0.3", learning_rate="0.4"), 5, None)[0]
    assert asked == Candidate(learning_rate=0.4, wd=0.2, l1=0.3)


def test_auto_trains_thirty_two_distinct_models():
    models = candidates(settings(), 5, None)
    assert len(models) == len(set(models)) == 32


def test_zero_regularisation_stays_zero_in_every_model():
    assert {(one.wd, one.l1) for one in candidates(settings(wd="0", l1="0"), 5, None)} == {(0.0, 0.0)}


@pytest.mark.parametrize("count", [1, 2, 7, 32, 40])
def test_num_models_is_obeyed(count: int):
    assert len(candidates(settings(num_models=str(count)), 5, None)) == count


def test_wide_data_and_many_classes_train_fewer_models():
    assert len(candidates(settings(), 1_000_000, None)) == 7
    many = settle({"predictor_type": "multiclass_classifier", "num_classes": "100000"})
    assert len(candidates(many, 5, None)) == 1


def test_balanced_weights_make_both_classes_count_the_same():
    labels = np.array([1] * 10 + [0] * 90)
    models = candidates(binary(positive_example_weight_mult="balanced"), 2, labels)
    weights = row_weights(binary(), models, labels.astype(float))
    assert models[0].positive_weight == 9
    assert weights is not None
    assert weights[1, 0] * 10 == pytest.approx(weights[0, 0] * 90)
    assert weights[1, 0] * 10 + weights[0, 0] * 90 == pytest.approx(100)


def test_plain_weights_cost_nothing():
    labels = np.array([1.0, 0.0])
    assert row_weights(binary(), candidates(binary(), 2, labels.astype(int)), labels) is None


def test_the_rate_falls_to_a_hundredth_on_the_way():
    schedule = schedule_of(settings(), 480)
    assert schedule.at(0) == 1
    assert schedule.at(480) == pytest.approx(0.01, rel=0.1)


def test_without_a_scheduler_the_rate_stays():
    assert schedule_of(settings(use_lr_scheduler="false"), 480).at(479) == 1


def test_the_scheduler_is_the_users_where_he_sets_it():
    schedule = schedule_of(settings(lr_scheduler_step="10", lr_scheduler_factor="0.5"), 480)
    assert [schedule.at(update) for update in (9, 10, 20)] == [1, 0.5, 0.25]


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_every_optimizer_finds_the_bottom_of_a_bowl(optimizer: str):
    weights = np.array([[3.0, -2.0]], np.float32)
    descent = Optimizer(settings(optimizer=optimizer), (1, 2), np.full((1, 2), 0.05, np.float32))
    for update in range(600):
        descent.update(weights, weights - np.float32(1), 0.995**update, 0.0, None)
    np.testing.assert_allclose(weights, 1, atol=0.02)


def test_the_rate_never_falls_below_its_minimum():
    weights = np.ones((1, 1), np.float32)
    descent = Optimizer(settings(optimizer="sgd", momentum="0"), (1, 1), np.full((1, 1), 0.5, np.float32))
    descent.update(weights, np.ones((1, 1), np.float32), 1e-9, 0.25, None)
    assert weights[0, 0] == pytest.approx(0.75)


def test_folded_weights_say_of_raw_features_what_plain_ones_say_of_scaled_ones():
    random = np.random.default_rng(0)
    features, labels = (random.normal(size=(50, 3)) * 9 + 4).astype(np.float32), random.normal(size=50) * 7 + 2
    raw = features.astype(np.float64)
    scaler = scaling.measure(features, labels, settings())
    scaler.apply(features)
    weights, bias = random.normal(size=(1, 3)), random.normal(size=1)
    folded, shifted = scaler.fold(weights, bias)
    expected = (features @ weights.T + bias) * scaler.label_deviation + scaler.label_mean
    np.testing.assert_allclose(raw @ folded.T + shifted, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-5)


def test_a_feature_that_varies_beyond_the_sample_is_scaled_by_all_rows():
    features = np.zeros((1000, 1), np.float32)
    features[1::2] = 100
    features[::111] = 0
    scaler = scaling.measure(features, np.arange(1000.0), settings(num_point_for_scaler="2"))
    assert scaler.deviation[0] > 1
