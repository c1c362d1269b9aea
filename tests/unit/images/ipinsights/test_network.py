"""The gradient is that of finite differences; prefixes and slots are what they are said to be."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from potager.images.ipinsights import network
from potager.images.ipinsights.adam import Adam
from potager.images.ipinsights.events import Reader, slot_of
from potager.images.ipinsights.network import Batch, Parameters, Rows
from potager.images.ipinsights.prefixes import LENGTHS, bits, learn


def small(layers: int, random_rate: int, shuffled_rate: int) -> tuple[Parameters, Batch]:
    """A network of float64 in the middle of its training, and a batch with repeated entities and addresses."""
    random = np.random.default_rng(layers + 10 * random_rate)
    events = random.choice(np.array([0x0A000001, 0x0A000002, 0x0A000103, 0xC0A80101], np.uint32), 9)
    prefixes = learn(events)
    addresses = np.concatenate([events, random.integers(0, 1 << 32, 9 * random_rate, dtype=np.uint32)])
    shuffles = np.array([random.permutation(9) for _ in range(shuffled_rate)], np.int64).reshape(-1, 9)
    batch = Batch(random.integers(0, 4, 9), addresses, prefixes.rows(addresses), shuffles)
    shapes = (6, 5), (len(prefixes), 5), (32, 5), (layers, 5, 5), (layers, 5)
    return Parameters(*(random.normal(size=shape) * 0.5 for shape in shapes)), batch


@pytest.mark.parametrize(("layers", "random_rate", "shuffled_rate"), [(0, 1, 0), (1, 1, 1), (3, 0, 2), (2, 3, 2)])
def test_the_gradient_is_that_of_finite_differences(layers: int, random_rate: int, shuffled_rate: int):
    parameters, batch = small(layers, random_rate, shuffled_rate)
    slopes = network.slopes(parameters, batch)
    for field in fields(Parameters):
        array, slope = getattr(parameters, field.name), getattr(slopes, field.name)
        dense = np.zeros_like(array)
        if isinstance(slope, Rows):
            assert len(np.unique(slope.index)) == len(slope.index)
            dense[slope.index] = slope.values
        else:
            dense = slope
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + 1e-6
            up = network.slopes(parameters, batch).loss
            array[place] = kept - 1e-6
            down = network.slopes(parameters, batch).loss
            array[place] = kept
            assert dense[place] == pytest.approx((up - down) / 2e-6, abs=2e-8), (field.name, place)


def test_the_loss_is_the_mean_cross_entropy_of_events_and_made_up_pairs():
    parameters, batch = small(1, 2, 1)
    vectors = network.encoded(parameters, batch.addresses, batch.rows)
    entities = parameters.entities[batch.slots]
    kinds = [vectors[:9], vectors[9:18], vectors[18:], vectors[batch.shuffles[0]]]
    odds = np.array([(entities * kind).sum(axis=1) for kind in kinds])
    chance = 1 / (1 + np.exp(-odds))
    losses = np.concatenate([-np.log(chance[0]), -np.log(1 - chance[1:]).ravel()])
    found = network.slopes(parameters, batch)
    assert found.loss == pytest.approx(losses.mean())
    assert found.correct == pytest.approx(np.mean(np.concatenate([odds[0] > 0, (odds[1:] <= 0).ravel()])))


def test_adam_moves_the_touched_rows_as_the_paper_says_and_no_others():
    parameters, batch = small(1, 1, 1)
    before = {field.name: getattr(parameters, field.name).copy() for field in fields(Parameters)}
    slopes = network.slopes(parameters, batch)
    Adam(parameters, 0.01, 0.1).step(slopes)
    for name, old in before.items():
        slope, new = getattr(slopes, name), getattr(parameters, name)
        index, values = (slope.index, slope.values) if isinstance(slope, Rows) else (slice(None), slope)
        full = values + 0.1 * old[index]
        expected = old.copy()
        expected[index] -= 0.01 * full / (np.abs(full) + 1e-8 / np.sqrt(0.001))  # the moments are the slope itself
        np.testing.assert_allclose(new, expected, atol=1e-9)
        untouched = np.ones(len(old), bool)
        untouched[index] = False
        np.testing.assert_array_equal(new[untouched], old[untouched])


def test_an_address_is_known_by_the_longest_networks_that_training_saw_twice():
    seen = np.array([0x0A000001, 0x0A000002, 0x0A00FF01, 0xC0A80101], np.uint32)
    prefixes = learn(seen)
    rows = prefixes.rows(np.array([0x0A000009, 0x0AFF0000, 0xC0A80101], np.uint32))
    known = rows >= len(LENGTHS)
    assert known[0].tolist() == [True] * 6 + [False]  # the /28 of the first two, but no address seen twice
    assert known[1].tolist() == [True] + [False] * 6
    assert not known[2].any()
    assert rows[2].tolist() == list(range(len(LENGTHS)))


def test_too_many_networks_leave_the_most_frequent(monkeypatch):
    monkeypatch.setattr("potager.images.ipinsights.prefixes._MOST", 7)
    seen = np.array([0x0A000001] * 5 + [0xC0A80101] * 2, np.uint32)
    rows = learn(seen).rows(seen[[0, -1]])
    assert (rows[0] >= len(LENGTHS)).all()
    assert (rows[1] < len(LENGTHS)).all()


def test_bits_are_those_of_the_address_highest_first():
    assert bits(np.array([0x80000001], np.uint32))[0].tolist() == [1] + [-1] * 30 + [1]


def test_slots_are_the_same_everywhere_and_evenly_filled():
    assert slot_of("user_1", 1000) == 935
    counts = np.bincount([slot_of(f"user_{number}", 20) for number in range(10_000)], minlength=20)
    assert np.abs(counts / 500 - 1).max() < 0.15


def test_events_are_read_with_blanks_and_at_the_edges_of_the_space():
    events = Reader(10**6).events([[" a b ", " 0.0.0.0"], ["a b", "255.255.255.255 "]])
    assert events.addresses.tolist() == [0, 0xFFFFFFFF]
    assert events.entities[0] == events.entities[1] == slot_of("a b", 10**6)
