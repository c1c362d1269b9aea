"""A finished model on disk: `model.npz` (numbers, no pickles) beside `model.json` (what they mean).

Weights take raw features: normalisation is folded into them.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel
from potager.images.linear_learner.hyperparameters import PREDICTORS

FORMAT = "potager.linear-learner"
_VERSION = 1


@dataclass(frozen=True)
class Description:
    """What `model.json` says. `threshold` is on the raw score; `score_threshold` on the score that clients see."""

    predictor_type: str
    loss: str
    num_features: int
    num_classes: int
    score_threshold: float | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict[str, Any])
    format: str = FORMAT
    version: int = _VERSION


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
    text = json.dumps(asdict(model.description), indent=2, sort_keys=True)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Model:
    """The model that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    description = _description(folder / "model.json")
    try:
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            weights, bias = (np.ascontiguousarray(arrays[name], np.float64) for name in ("weights", "bias"))
            threshold = float(arrays["threshold"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BrokenModel(f"{folder / 'model.npz'} cannot be read: {error}. Train the model again.") from error
    _check(folder, description, weights, bias, threshold)
    return Model(description, weights, bias, threshold)


def _description(path: Path) -> Description:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
            raise BrokenModel(f"{path} does not describe a linear-learner model of Potager.")
        if content.get("version") != _VERSION:  # pyright: ignore[reportUnknownMemberType]
            raise BrokenModel(f"{path} has version {content.get('version')}; this image reads version {_VERSION}.")  # pyright: ignore[reportUnknownMemberType]
        return Description(**content)  # pyright: ignore[reportUnknownArgumentType]
    except (OSError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BrokenModel(f"{path} cannot be read: {error}. The model folder must hold it.") from error


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
