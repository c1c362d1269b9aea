"""The network: a vector of the entity, a vector of its address, and how well they agree.

    entity  -> its slot's vector e
    address -> the vectors of its networks, added up, + its 32 bits x a matrix -> h
               h + relu(h W + b), once for each of `num_ip_encoder_layers`    -> v
    score = e . v, the log odds that the pair is an event rather than a made-up pair

Entities begin as 0, so an entity that training has not seen scores 0: nothing is known. A batch tells each event
from `R` pairs with random addresses and `S` with addresses of other events (shuffles of the batch), by the mean cross
entropy over all of them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-howitworks.html; AWS does not say what its encoder
is beyond that it exploits the prefix structure of addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Floats, Ints
from potager.images.ipinsights.events import Addresses
from potager.images.ipinsights.prefixes import LENGTHS, bits

_SHORT = 16  # rows of a run


@dataclass(frozen=True)
class Parameters:
    """What is learned, `dim` wide.

    entities : `(n_slots, dim)`. prefixes : `(n_prefixes, dim)`. bits : `(32, dim)`.
    weights, biases : `(n_layers, dim, dim)` and `(n_layers, dim)`.
    """

    entities: Floats
    prefixes: Floats
    bits: Floats
    weights: Floats
    biases: Floats


def initial(slots: int, prefixes: int, dim: int, layers: int, random: np.random.Generator) -> Parameters:
    """Vectors of addresses near length 1, entities at 0 (memory that nobody has touched is not taken)."""
    spread = 1 / np.sqrt(dim * (len(LENGTHS) + 1))
    return Parameters(
        np.zeros((slots, dim), np.float32),
        random.normal(scale=spread, size=(prefixes, dim)).astype(np.float32),
        random.normal(scale=spread / np.sqrt(32), size=(32, dim)).astype(np.float32),
        random.normal(scale=1 / np.sqrt(dim * max(layers, 1)), size=(layers, dim, dim)).astype(np.float32),
        np.zeros((layers, dim), np.float32),
    )


@dataclass(frozen=True)
class Batch:
    """Events and what they are told from.

    slots : `(n_events,)`. addresses : `((1 + R) n_events,)`, those of the events first. rows : their prefixes.
    shuffles : `(S, n_events)`, permutations of the events.
    """

    slots: Ints
    addresses: Addresses
    rows: Ints
    shuffles: Ints


@dataclass(frozen=True)
class Rows:
    """The slope of some rows of an array: `(n_rows,)` distinct indices and `(n_rows, dim)` values."""

    index: Ints
    values: Floats


@dataclass(frozen=True)
class Slopes:
    """The gradient of a batch's loss; `correct` is the share of pairs that were told right."""

    loss: float
    correct: float
    entities: Rows
    prefixes: Rows
    bits: Floats
    weights: Floats
    biases: Floats


def encoded(parameters: Parameters, addresses: Addresses, rows: Ints) -> Floats:
    """The vectors of addresses, `(n_addresses, dim)`."""
    return _encoded(parameters, addresses, rows)[-1]


def _encoded(parameters: Parameters, addresses: Addresses, rows: Ints) -> list[Floats]:
    """The input of each layer, and the last one's output."""
    state: Floats = bits(addresses).astype(parameters.bits.dtype) @ parameters.bits
    for place in range(len(LENGTHS)):
        state += parameters.prefixes[rows[:, place]]
    states: list[Floats] = [state]
    for weights, bias in zip(parameters.weights, parameters.biases, strict=True):
        state = state + np.maximum(state @ weights + bias, 0)
        states.append(state)
    return states


def slopes(parameters: Parameters, batch: Batch) -> Slopes:
    """The loss of a batch and its gradient."""
    events, entities = len(batch.slots), parameters.entities[batch.slots]
    states = _encoded(parameters, batch.addresses, batch.rows)
    vectors = states[-1]
    drawn = vectors.reshape(-1, events, vectors.shape[1])  # the events' own, and R random ones
    shuffled = [vectors[shuffle] for shuffle in batch.shuffles]
    scores: Floats = np.stack([np.einsum("ij,ij->i", entities, other) for other in [*drawn, *shuffled]])
    loss, wrong = _cross_entropy(scores)
    slope = np.empty_like(drawn)
    for place in range(len(drawn)):
        slope[place] = wrong[place][:, None] * entities
    entity_slope: Floats = np.einsum("pi,pij->ij", wrong[: len(drawn)], drawn)
    for place, (shuffle, other) in enumerate(zip(batch.shuffles, shuffled, strict=True), len(drawn)):
        slope[0][shuffle] += wrong[place][:, None] * entities
        entity_slope += wrong[place][:, None] * other
    correct = int(np.count_nonzero(scores[0] > 0) + np.count_nonzero(scores[1:] <= 0)) / scores.size
    return Slopes(
        loss,
        correct,
        _summed(batch.slots, entity_slope),
        *_backwards(parameters, batch, states, slope.reshape(vectors.shape)),
    )


def _cross_entropy(scores: Floats) -> tuple[float, Floats]:
    """The mean loss of scores `(n_kinds, n_events)`, of which the first kind is real; and its slope."""
    signed = -scores
    signed[0] *= -1  # the log odds of what each pair really is
    loss = float(np.mean(np.logaddexp(0, -signed)))
    slope: Floats = (1 / (1 + np.exp(np.minimum(signed, 80)))) / scores.size
    slope[0] *= -1
    return loss, slope.astype(scores.dtype)


def _backwards(
    parameters: Parameters, batch: Batch, states: list[Floats], slope: Floats
) -> tuple[Rows, Floats, Floats, Floats]:
    weights, biases = np.empty_like(parameters.weights), np.empty_like(parameters.biases)
    for layer in range(len(weights) - 1, -1, -1):
        through: Floats = np.where(states[layer + 1] > states[layer], slope, 0)
        weights[layer], biases[layer] = states[layer].T @ through, through.sum(axis=0)
        slope = slope + through @ parameters.weights[layer].T
    by_bit = bits(batch.addresses).astype(slope.dtype).T @ slope
    return _by_prefix(batch, slope), by_bit, weights, biases


def _summed(index: Ints, values: Floats) -> Rows:
    """Values of the same index added up."""
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return Rows(ordered[first], _runs(values[order], first))


def _by_prefix(batch: Batch, slope: Floats) -> Rows:
    """The slope of each prefix: in the order of addresses a prefix is a run, of runs of the longer prefixes."""
    order = np.argsort(batch.addresses, kind="stable")
    addresses, rows, sums = batch.addresses[order], batch.rows[order], slope[order]
    index: list[Ints] = []
    values: list[Floats] = []
    for place in range(len(LENGTHS) - 1, -1, -1):
        prefixes = addresses >> np.uint32(32 - LENGTHS[place])
        first = np.flatnonzero(np.concatenate([[True], prefixes[1:] != prefixes[:-1]]))
        addresses, rows, sums = addresses[first], rows[first], _runs(sums, first)
        unknown = rows[:, place] == place
        index += [rows[~unknown, place], np.array([place])]
        values += [sums[~unknown], sums[unknown].sum(axis=0, keepdims=True)]
    return Rows(np.concatenate(index), np.concatenate(values))


def _runs(values: Floats, first: Ints) -> Floats:
    """The sums of runs of rows, which begin at `first`. NumPy's own way is many times slower where runs are short."""
    sizes = np.diff(np.append(first, len(values)))
    if sizes.max() > _SHORT:
        return np.add.reduceat(values, first, axis=0)
    sums = values[first]
    for place in range(1, int(sizes.max())):
        longer = np.flatnonzero(sizes > place)
        sums[longer] += values[first[longer] + place]
    return sums
