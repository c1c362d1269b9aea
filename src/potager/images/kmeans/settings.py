"""The hyperparameters of one job as its code uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.images.kmeans import hyperparameters
from potager.images.kmeans.hyperparameters import CATALOGUE

_FACTOR, _TRIALS = 10, 10  # what AWS's auto comes to
_CENTERS = 1000  # K that auto does not go above, but for twice k
_MANY = 100  # clusters from which on fewer trials are made


@dataclass(frozen=True)
class Settings:
    """AWS's names; `feature_dim` is None for auto, the other `auto` are settled."""

    k: int
    feature_dim: int | None
    epochs: int
    eval_metrics: tuple[str, ...]
    extra_center_factor: int
    half_life_time_size: int
    init_method: str
    local_lloyd_init_method: str
    local_lloyd_max_iter: int
    local_lloyd_num_trials: int
    local_lloyd_tol: float
    mini_batch_size: int
    seed: int = 0

    @property
    def centers(self) -> int:
        """K, the centres that are kept while the data streams by."""
        return self.k * self.extra_center_factor


def settle(given: Mapping[str, str]) -> Settings:
    """Settings of the strings in `hyperparameters.json`; `ClientError` says which is wrong."""
    values: dict[str, Any] = {name: None if v == "auto" else v for name, v in CATALOGUE.read(given).items()}
    k: int = values["k"]
    del values["force_dense"]
    values["eval_metrics"] = hyperparameters.eval_metrics(values["eval_metrics"])
    values["extra_center_factor"] = values["extra_center_factor"] or min(_FACTOR, max(2, _CENTERS // k))
    values["local_lloyd_num_trials"] = values["local_lloyd_num_trials"] or (_TRIALS if k <= _MANY else 3)
    return Settings(**values)
