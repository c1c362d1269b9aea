"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> scaler -> candidates -> fit -> choose -> evaluate -> artifact
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from potager.images import evaluation
from potager.images.algorithm import job, tables
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.tables import Table
from potager.images.linear_learner import artifact, grid, scaling
from potager.images.linear_learner.artifact import Description, Model
from potager.images.linear_learner.evaluation import evaluate
from potager.images.linear_learner.fit import fit
from potager.images.linear_learner.grid import Candidate
from potager.images.linear_learner.labels import layout
from potager.images.linear_learner.losses import Loss, loss_of
from potager.images.linear_learner.report import Report
from potager.images.linear_learner.scaling import Scaler
from potager.images.linear_learner.selection import Chosen, choose
from potager.images.linear_learner.settings import Settings, settle

CHANNELS = ("train", "validation", "test")

_SMALL, _FULL = 4_000_000, 3  # cells that are filled up; cells to an entry up to which they are


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settle(job.hyperparameters)
    say(f"Training a {settings.predictor_type} by {settings.loss} with {settings.optimizer}")
    data = _load(job, settings)
    train = data["train"]
    if settings.predictor_type != "regressor":
        tables.refuse_one_class(train)
    scaler = scaling.measure(train.features, train.labels, settings)
    data = {channel: _standardised(one, scaler, settings) for channel, one in data.items()}
    loss = loss_of(settings)
    models = grid.candidates(settings, train.width, train.labels.astype(np.int64) if settings.binary else None)
    report = Report(job.host, settings, loss, scaler.label_deviation**loss.power)
    fitted = fit(data["train"], data.get("validation"), models, loss, settings, report.epoch)
    chosen = choose(fitted, data.get("validation", data["train"]), settings)
    say(f"Best model found for hyperparameters: {json.dumps(_winner(settings, models[chosen.index]))}")
    found = evaluate(data, chosen, loss, scaler, settings, report.curves)
    for channel, one in found["channels"].items():
        report.scores(channel, one["own"])
    artifact.save(_model(chosen, scaler, models[chosen.index], loss, settings), job.model)
    evaluation.save(job.model, found)
    say(f"Saved the model to {job.model}")


def _load(job: Job, settings: Settings) -> dict[str, Table]:
    """The channels that there are, `train` first; the others must have its features."""
    data = tables.channels(job, CHANNELS, layout(settings))
    tables.check_width(data["train"], settings.feature_dim)
    return {channel: _packed(one) for channel, one in data.items()}


def _packed(data: Table) -> Table:
    """Sparse rows as an array where that is small, or hardly larger: products of arrays are quicker."""
    cells = len(data) * data.width
    if not data.sparse or cells > max(_SMALL, _FULL * data.features.nnz):
        return data
    return Table(data.features.toarray(), data.labels)


def _standardised(data: Table, scaler: Scaler, settings: Settings) -> Table:
    """The same rows, scaled in place: nothing is held twice."""
    features = scaler.apply(data.features)
    regressor = settings.predictor_type == "regressor"
    return Table(features, scaler.label(data.labels).astype(np.float64) if regressor else data.labels)


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
