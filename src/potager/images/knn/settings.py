"""A job's settings: the hyperparameters with their types, by their AWS names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from potager.images.knn.hyperparameters import CATALOGUE


@dataclass(frozen=True)
class Settings:
    """Everything that a run is told; `faiss_index_ivf_nlists` is None for `auto`."""

    feature_dim: int
    k: int
    predictor_type: str
    sample_size: int
    dimension_reduction_target: int | None
    dimension_reduction_type: str | None
    faiss_index_ivf_nlists: int | None
    faiss_index_pq_m: int | None
    index_metric: str
    index_type: str
    mini_batch_size: int

    @property
    def classifier(self) -> bool:
        return self.predictor_type == "classifier"


def settle(given: Mapping[str, str]) -> Settings:
    """Settings of the strings in `hyperparameters.json`; `ClientError` where they cannot be."""
    values = CATALOGUE.read(given)
    if values["faiss_index_ivf_nlists"] == "auto":
        values["faiss_index_ivf_nlists"] = None
    return Settings(**values)  # type: ignore[arg-type]
