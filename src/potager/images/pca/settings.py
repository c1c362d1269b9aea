"""The hyperparameters of one job as its code uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.images.pca.hyperparameters import CATALOGUE

_EXTRA = 10  # AWS's -1 is at least this


@dataclass(frozen=True)
class Settings:
    """AWS's names; `feature_dim` is None for auto, -1 of `extra_components` is settled."""

    num_components: int
    feature_dim: int | None
    algorithm_mode: str
    extra_components: int
    subtract_mean: bool


def settle(given: Mapping[str, str]) -> Settings:
    """Settings of the strings in `hyperparameters.json`; `ClientError` says which is wrong."""
    values: dict[str, Any] = {name: None if v == "auto" else v for name, v in CATALOGUE.read(given).items()}
    del values["mini_batch_size"]
    if values["extra_components"] == -1:
        values["extra_components"] = max(_EXTRA, values["num_components"])
    return Settings(**values)
