"""A finished model on disk: `model.npz` (numbers, no pickles) beside `model.json` (what they mean).

Weights take raw features: normalisation is folded into them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import saved
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel
from potager.images.linear_learner.hyperparameters import PREDICTORS

FORMAT = saved.Format("linear-learner")


@dataclass(frozen=True)
class Description:
    """What `model.json` says. `threshold` is on the raw score; `score_threshold` on the score that clients see."""

    predictor_type: str
    loss: str
    num_features: int
    num_classes: int
    score_threshold: float | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Model:
    """`weights`: `(n_outputs, n_features)`; `bias`: `(n_outputs,)`; `threshold`: raw, of a binary classifier."""

    description: Description
    weights: Float64
    bias: Float64
    threshold: float


def save(model: Model, folder: Path) -> None:
    """Writes the model's two files, `model.json` last."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"weights": model.weights, "bias": model.bias, "threshold": np.float64(model.threshold)}
    np.savez(folder / "model.npz", **arrays)  # pyright: ignore[reportArgumentType]
    FORMAT.write(folder, asdict(model.description))


@saved.reader
def read(folder: Path) -> Model:
    """The model that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    description = FORMAT.read(folder, Description)
    with saved.arrays(folder / "model.npz") as arrays:
        weights, bias = (np.ascontiguousarray(arrays[name], np.float64) for name in ("weights", "bias"))
        threshold = float(arrays["threshold"])
    _check(folder, description, weights, bias, threshold)
    return Model(description, weights, bias, threshold)


def _check(folder: Path, description: Description, weights: Float64, bias: Float64, threshold: float) -> None:
    outputs = description.num_classes if description.predictor_type == "multiclass_classifier" else 1
    if description.predictor_type not in PREDICTORS:
        raise BrokenModel(f"{folder}: unknown predictor_type '{description.predictor_type}'.")
    if weights.shape != (outputs, description.num_features) or bias.shape != (outputs,):
        raise BrokenModel(
            f"{folder}: weights have shape {weights.shape} and bias {bias.shape}, but model.json describes "
            f"{outputs} outputs of {description.num_features} features."
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all() and np.isfinite(threshold)):
        raise BrokenModel(f"{folder}: the model holds numbers that are not finite.")
