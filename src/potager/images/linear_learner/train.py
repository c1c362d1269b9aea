"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

    hyperparameters -> channels -> scaler -> candidates -> fit -> choose -> evaluate -> artifact

The user's mistakes end it with exit code 2 and `ClientError: ...` in `output/failure`, ours with 1 and
`AlgorithmError: ...`. Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import json
import math
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.linear_learner import artifact, channels, grid, scaling
from potager.images.linear_learner.artifact import Description, Model
from potager.images.linear_learner.dataset import Dataset
from potager.images.linear_learner.errors import ClientError
from potager.images.linear_learner.evaluation import evaluate
from potager.images.linear_learner.fit import fit
from potager.images.linear_learner.grid import Candidate
from potager.images.linear_learner.labels import refuse_one_class
from potager.images.linear_learner.losses import Loss, loss_of
from potager.images.linear_learner.report import Report, say
from potager.images.linear_learner.scaling import Scaler
from potager.images.linear_learner.selection import Chosen, choose
from potager.images.linear_learner.settings import Settings, settle

CHANNELS = ("train", "validation", "test")


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    try:
        _train(ml)
    except ClientError as error:
        _fail(ml, f"ClientError: {error}", 2)
    except Exception as error:
        say(traceback.format_exc(), "ERROR")
        _fail(ml, f"AlgorithmError: {type(error).__name__}: {error}", 1)


def _fail(ml: Path, message: str, code: int) -> None:
    say(message, "ERROR")
    output = ml / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text(message, encoding="utf-8")
    raise SystemExit(code)


def _train(ml: Path) -> None:
    settings = settle(_config(ml, "hyperparameters"))
    host = str(_config(ml, "resourceconfig").get("current_host", "algo-1"))
    say(f"Training a {settings.predictor_type} by {settings.loss} with {settings.optimizer}")
    data = _load(ml, settings)
    train = data["train"]
    refuse_one_class(train, settings)
    scaler = scaling.measure(train.features, train.labels, settings)
    data = {channel: _standardised(one, scaler, settings) for channel, one in data.items()}
    loss = loss_of(settings)
    models = grid.candidates(settings, train.width, train.labels.astype(np.int64) if settings.binary else None)
    report = Report(host, settings, loss, scaler.label_deviation**loss.power)
    fitted = fit(data["train"], data.get("validation"), models, loss, settings, report.epoch)
    chosen = choose(fitted, data.get("validation", data["train"]), settings)
    say(f"Best model found for hyperparameters: {json.dumps(_winner(settings, models[chosen.index]))}")
    found = {channel: evaluate(one, chosen, loss, scaler, settings) for channel, one in data.items()}
    for channel, scores in found.items():
        report.scores(channel, scores)
    _save(ml / "model", _model(chosen, scaler, models[chosen.index], loss, settings), found)


def _config(ml: Path, name: str) -> dict[str, Any]:
    """A file of `input/config`; an absent one is empty, as a job without hyperparameters has it."""
    path = ml / "input" / "config" / f"{name}.json"
    if not path.exists():
        return {}
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8") or "{}")
    except ValueError as error:
        raise ClientError(f"{path} is not JSON: {error}.") from error
    return content if isinstance(content, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _load(ml: Path, settings: Settings) -> dict[str, Dataset]:
    """The channels that there are, `train` first; the others must have its features."""
    config, folder = _config(ml, "inputdataconfig"), ml / "input" / "data"
    present = [channel for channel in CHANNELS if channel in config or (folder / channel).is_dir()]
    if "train" not in present:
        raise ClientError("Channel 'train' is missing. Add it to InputDataConfig.")
    data: dict[str, Dataset] = {}
    for channel in present:
        width = data["train"].width if data else None
        data[channel] = channels.load(folder / channel, channel, config.get(channel) or {}, settings, width)
        say(f"Channel '{channel}': {len(data[channel])} rows of {data[channel].width} features")
        if channel == "train":
            _check_width(data[channel], settings)
    return data


def _check_width(train: Dataset, settings: Settings) -> None:
    if settings.feature_dim not in (None, train.width):
        raise ClientError(
            f"Hyperparameter 'feature_dim' is {settings.feature_dim}, but channel 'train' has {train.width} features "
            "(columns without the label). Correct it, or leave it out."
        )


def _standardised(data: Dataset, scaler: Scaler, settings: Settings) -> Dataset:
    """The same rows, scaled in place: nothing is held twice."""
    scaler.apply(data.features)
    if settings.predictor_type != "regressor":
        return data
    return Dataset(data.features, scaler.label(data.labels).astype(np.float64))


def _winner(settings: Settings, model: Candidate) -> dict[str, Any]:
    return {"optimizer": settings.optimizer, "loss": settings.loss, **asdict(model)}


def _model(chosen: Chosen, scaler: Scaler, candidate: Candidate, loss: Loss, settings: Settings) -> Model:
    weights, bias = scaler.fold(chosen.weights.astype(np.float64), chosen.bias.astype(np.float64))
    threshold = chosen.threshold if settings.binary else None
    if threshold is not None and loss.name == "logistic":
        threshold = 1 / (1 + math.exp(-max(min(threshold, 700.0), -700.0)))
    description = Description(
        predictor_type=settings.predictor_type,
        loss=loss.name,
        num_features=weights.shape[1],
        num_classes=settings.num_classes,
        score_threshold=threshold,
        hyperparameters=_winner(settings, candidate),
    )
    return Model(description, weights, bias, chosen.threshold)


def _save(folder: Path, model: Model, found: dict[str, dict[str, float]]) -> None:
    artifact.save(model, folder)
    defined = {
        channel: {name: value if math.isfinite(value) else None for name, value in scores.items()}
        for channel, scores in found.items()
    }
    (folder / "evaluation.json").write_text(json.dumps(defined, indent=2) + "\n", encoding="utf-8")
    say(f"Saved the model to {folder}")
