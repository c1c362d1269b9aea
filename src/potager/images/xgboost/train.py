"""One training job of the built-in algorithm, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> matrices -> rounds (or folds) -> xgboost-model -> evaluation.json
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from potager.images.algorithm import job, tables
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.tables import Table
from potager.images.xgboost import evaluation, folds, matrices
from potager.images.xgboost.artifact import NAME
from potager.images.xgboost.labels import layout, refuse_one_class
from potager.images.xgboost.rounds import Run, Stop
from potager.images.xgboost.settings import Settings, settle

CHANNELS = ("train", "validation")


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    library: Any = importlib.import_module("xgboost")
    settings = settle(job.hyperparameters)
    say(f"xgboost {library.__version__}: training {settings.objective} with {settings.booster}")
    data = tables.channels(job, CHANNELS, layout(settings))
    refuse_one_class(data["train"].labels, settings)
    _check_constraints(data["train"].width, settings)
    try:
        if settings.folds:
            _cross_validate(job, matrices.joined(list(data.values())), settings)
        else:
            _boost(job, data, settings)
    except library.core.XGBoostError as error:
        raise ClientError(f"XGBoost refuses: {_said(error)}") from error


def _said(error: Exception) -> str:
    """What XGBoost says, without its stack and the place in its source."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return first.rpartition(": Check failed: ")[2].strip()[:500]


def _check_constraints(width: int, settings: Settings) -> None:
    signs = settings.params.get("monotone_constraints", ())
    groups = json.loads(settings.params.get("interaction_constraints", "[]"))
    most = max((feature + 1 for group in groups for feature in group), default=0)
    for name, needed in (("monotone_constraints", len(signs)), ("interaction_constraints", most)):
        if needed > width:
            raise ClientError(
                f"Hyperparameter '{name}' speaks of {needed} features, but channel 'train' has {width}. Correct it."
            )


def _boost(job: Job, data: Mapping[str, Table], settings: Settings) -> None:
    held = {"train": matrices.matrix(data["train"], settings, "train")}
    for name in data:
        if name != "train":
            held[name] = matrices.matrix(data[name], settings, name, held["train"])
    run = Run(settings, _checkpoints(job.ml), Stop() if settings.save_on_stop else None)
    booster = run.train(held)
    _save(booster, job.model / NAME)
    if run.stop is None or not run.stop.asked:
        scores = {name: evaluation.scored(booster, matrix, settings) for name, matrix in held.items()}
        evaluation.write(job.model, data, scores, run.curves, settings, booster)


def _cross_validate(job: Job, table: Table, settings: Settings) -> None:
    found = folds.train(table, settings)
    for number, booster in enumerate(found.boosters):
        _save(booster, job.model / f"{NAME}-{number}")
    folds.save_predictions(job.ml / "output" / "data", table.labels, found.scores, settings)
    evaluation.write(job.model, {"validation": table}, {"validation": found.scores}, found.means, settings)


def _save(booster: Any, path: Path) -> None:
    """The model in XGBoost's own format, which `Booster.load_model` reads wherever XGBoost 1.6 or later is."""
    path.write_bytes(booster.save_raw(raw_format="ubj"))
    say(f"Saved the model to {path}")


def _checkpoints(ml: Path) -> Path | None:
    """Where checkpoints are kept; None where the job keeps none."""
    config = ml / "input" / "config" / "checkpointconfig.json"
    if not config.is_file():
        return None
    local = PurePosixPath(json.loads(config.read_text(encoding="utf-8")).get("LocalPath") or "/opt/ml/checkpoints")
    return ml / local.relative_to("/opt/ml")
