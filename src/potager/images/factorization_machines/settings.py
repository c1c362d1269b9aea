"""A job's settings: the hyperparameters with their types; what is told of each term of the model is a `Term`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.hyperparameters import Value
from potager.images.factorization_machines.hyperparameters import CATALOGUE, NORMAL, UNIFORM


@dataclass(frozen=True)
class Term:
    """The bias, the linear terms or the factors: how they begin and how they learn."""

    init_method: str
    init_scale: float | None
    init_sigma: float
    init_value: float | None
    lr: float
    wd: float

    def begin(self, shape: tuple[int, ...], random: np.random.Generator) -> Float32:
        """First values."""
        if self.init_method == NORMAL:
            return random.standard_normal(shape, np.float32) * np.float32(self.init_sigma)
        if self.init_method == UNIFORM:
            return (random.random(shape, np.float32) * 2 - 1) * np.float32(self.init_scale or 0)
        return np.full(shape, self.init_value, np.float32)


@dataclass(frozen=True)
class Settings:
    """Everything that a run is told. `rescale_grad` is None for one over the rows of a batch."""

    feature_dim: int
    num_factors: int
    predictor_type: str
    mini_batch_size: int
    epochs: int
    clip_gradient: float | None
    eps: float
    rescale_grad: float | None
    use_bias: bool
    use_linear: bool
    bias: Term
    linear: Term
    factors: Term
    seed: int = 0

    @property
    def binary(self) -> bool:
        return self.predictor_type == "binary_classifier"


_TERMS = ("bias", "linear", "factors")


def settle(given: Mapping[str, str]) -> Settings:
    """Settings of the strings in `hyperparameters.json`; `ClientError` where they cannot be."""
    values = CATALOGUE.read(given)
    plain = {name: value for name, value in values.items() if name.partition("_")[0] not in _TERMS}
    plain["eps"] = plain["eps"] or 1e-8
    return Settings(**plain, **{name: _term(values, name) for name in _TERMS})  # type: ignore[arg-type]


def _term(values: Mapping[str, Value], name: str) -> Term:
    own = {key.removeprefix(f"{name}_"): value for key, value in values.items() if key.startswith(f"{name}_")}
    return Term(**own)  # type: ignore[arg-type]
