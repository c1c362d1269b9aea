"""Training: batches of events and made-up pairs, epoch by epoch.

An epoch is a pass over the events, or as many passes as make `_UPDATES` updates; and where events are few a batch holds
fewer than `mini_batch_size`. Ten thousand events in batches of ten thousand would otherwise mean ten updates in
all, by which steps of 0.001 lead nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Value
from potager.images.ipinsights import network
from potager.images.ipinsights.adam import Adam
from potager.images.ipinsights.events import Addresses, Events
from potager.images.ipinsights.network import Batch, Parameters
from potager.images.ipinsights.prefixes import Prefixes, learn

_UPDATES = 100  # an epoch makes at least this many
_SMALLEST_BATCH = 128  # that scarcity of events may lead to


@dataclass(frozen=True)
class Settings:
    """The hyperparameters that training depends on, by their AWS names."""

    num_entity_vectors: int
    vector_dim: int
    batch_metrics_publish_interval: int
    epochs: int
    learning_rate: float
    mini_batch_size: int
    num_ip_encoder_layers: int
    random_negative_sampling_rate: int
    shuffled_negative_sampling_rate: int
    weight_decay: float


def settings_of(values: Mapping[str, Value]) -> Settings:
    """The settings among a catalogue's values."""
    return Settings(**{name: values[name] for name in Settings.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Progress:
    """What a batch, or an epoch where `batch` is None, came to, on average over its pairs."""

    epoch: int
    batch: int | None
    loss: float
    accuracy: float
    events: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Model:
    """A trained network; `trained` are the slots, ascending, whose entities were seen."""

    parameters: Parameters
    prefixes: Prefixes
    trained: Ints


def fit(
    events: Events,
    settings: Settings,
    random: np.random.Generator,
    report: Callable[[Progress, Model], None] = lambda progress, model: None,
) -> Model:
    """A network of the events; `report` hears of batches and of epochs."""
    prefixes = learn(events.addresses)
    sizes = settings.num_entity_vectors, len(prefixes), settings.vector_dim, settings.num_ip_encoder_layers
    model = Model(network.initial(*sizes, random), prefixes, np.unique(events.entities))
    adam = Adam(model.parameters, settings.learning_rate, settings.weight_decay)
    for epoch in range(settings.epochs):
        began, losses, right, seen = time.perf_counter(), 0.0, 0.0, 0
        for number, batch in enumerate(_batches(events, prefixes, settings, random)):
            slopes = network.slopes(model.parameters, batch)
            if not np.isfinite(slopes.loss):
                raise ClientError(
                    f"Training diverged in epoch {epoch}, batch {number}: the loss is {slopes.loss}. Lower "
                    f"learning_rate, which is {settings.learning_rate:g}."
                )
            adam.step(slopes)
            count = len(batch.slots)
            losses, right, seen = losses + slopes.loss * count, right + slopes.correct * count, seen + count
            if number % settings.batch_metrics_publish_interval == 0:
                report(Progress(epoch, number, slopes.loss, slopes.correct), model)
        seconds = time.perf_counter() - began
        report(Progress(epoch, None, losses / seen, right / seen, seen, seconds), model)
    return model


def _batches(events: Events, prefixes: Prefixes, settings: Settings, random: np.random.Generator) -> Iterator[Batch]:
    """The batches of an epoch."""
    size = max(min(settings.mini_batch_size, _SMALLEST_BATCH), min(settings.mini_batch_size, len(events) // _UPDATES))
    updates = 0
    while updates < _UPDATES:
        order = random.permutation(len(events))
        for start in range(0, len(order), size):
            yield _batch(events, order[start : start + size], prefixes, settings, random)
            updates += 1


def _batch(events: Events, chosen: Ints, prefixes: Prefixes, settings: Settings, random: np.random.Generator) -> Batch:
    drawn = anywhere(len(chosen) * settings.random_negative_sampling_rate, random)
    addresses = np.concatenate([events.addresses[chosen], drawn])
    shuffles = [random.permutation(len(chosen)) for _ in range(settings.shuffled_negative_sampling_rate)]
    return Batch(
        events.entities[chosen],
        addresses,
        prefixes.rows(addresses),
        np.array(shuffles, np.int64).reshape(-1, len(chosen)),
    )


def anywhere(count: int, random: np.random.Generator) -> Addresses:
    """Addresses of the whole IPv4 space, uniformly."""
    return random.integers(0, 1 << 32, count, dtype=np.uint32)
