"""How well a model tells events from made-up pairs: the area under the ROC curve on a validation channel.

The made-up pairs are the same whatever a job's sampling rates are, so that jobs compare: for each event its entity once
with a random address and once with the address of another event of the channel.
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Floats, Ints
from potager.images.evaluation import ranking
from potager.images.ipinsights import network
from potager.images.ipinsights.events import Addresses, Events
from potager.images.ipinsights.fit import Model, anywhere

_SEED = 1
_BLOCK = 20_000  # events scored at once


def discriminator_auc(model: Model, events: Events) -> float:
    """The area under the ROC curve, 0.5 where the model knows nothing and 1 where it knows all."""
    random = np.random.default_rng(_SEED)
    made_up = [anywhere(len(events), random), random.permutation(events.addresses)]
    scores = [scores_of(model, events.entities, addresses) for addresses in (events.addresses, *made_up)]
    real = np.repeat([True, False, False], len(events))
    return ranking.roc_auc(ranking.cuts(np.concatenate(scores), real, np.ones(len(real))))


def scores_of(model: Model, entities: Ints, addresses: Addresses) -> Floats:
    """The score of each pair, `(n_pairs,)`."""
    found = np.empty(len(entities), np.float32)
    for start in range(0, len(entities), _BLOCK):
        part = slice(start, start + _BLOCK)
        vectors = network.encoded(model.parameters, addresses[part], model.prefixes.rows(addresses[part]))
        found[part] = np.einsum("ij,ij->i", model.parameters.entities[entities[part]], vectors)
    return found
