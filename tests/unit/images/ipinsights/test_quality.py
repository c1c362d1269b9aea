"""How good a model is: log-ins of held-out addresses in a user's own networks against the same under other names."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from potager.images.ipinsights import METRICS
from tests.unit.images.ipinsights.conftest import csv_of, scores


def test_own_networks_are_told_from_those_of_others(job, logins):
    train, held = logins(150, 20, 1), logins(150, 10, 2)
    job.channel("train", csv_of(train)).channel("validation", csv_of(held))
    job.run(num_entity_vectors="300", vector_dim="64", epochs="6", learning_rate="0.003")
    who, addresses = held
    others = (who + 1 + np.random.default_rng(0).integers(0, 149, len(who))) % 150
    real = np.repeat([1, 0], len(who))
    own, strange = scores(job.predictor, held), scores(job.predictor, (others, addresses))
    found = roc_auc_score(real, np.concatenate([own, strange]))
    assert found > 0.98
    seen = {(user, address >> 8) for user, address in zip(*train, strict=True)}
    exact = {(user, address) for user, address in zip(*train, strict=True)}
    baselines = {
        "the address was seen of the user": [(u, a) in exact for u, a in zip(who, addresses, strict=True)],
        "the address was seen at all": np.isin(addresses, train[1]),
    }
    for name, guess in baselines.items():
        same = [(u, a) in exact for u, a in zip(others, addresses, strict=True)] if "user" in name else guess
        assert found > roc_auc_score(real, np.concatenate([guess, same])) + 0.2, name
    assert np.mean([(u, a >> 8) in seen for u, a in zip(who, addresses, strict=True)]) > 0.95  # what there was to learn
    auc = job.metric(dict(METRICS)["validation:discriminator_auc"])
    assert len(auc) == 6
    assert auc[-1] > 0.98
    assert own.mean() > 0 > strange.mean()
