"""Cross-validation as AWS's container has it (`_kfold`, `_num_cv_round`): a model a fold, served as one.

`train` and `validation` are one table; each fold's model is saved as `xgboost-model-0`, `-1` ... and a last line has
the means of the folds' metrics. What the models say of the rows that they have not seen goes to
`output/data/predictions.csv`.
Source: `algorithm_mode/train.py` and `prediction_utils.py` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats, Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import say
from potager.images.algorithm.tables import Table
from potager.images.xgboost import evaluation, matrices
from potager.images.xgboost.rounds import Curves, Run, line
from potager.images.xgboost.scores import said
from potager.images.xgboost.settings import Settings


@dataclass(frozen=True)
class Folded:
    """A model for each fold of each repetition, and the mean of what they say of each row, none having seen it."""

    boosters: Sequence[Any]
    scores: Floats
    means: Curves


def train(table: Table, settings: Settings) -> Folded:
    """Trains a model a fold."""
    if settings.problem is None:
        raise ClientError(f"_kfold is for classifiers and regressors, not for {settings.objective}. Leave it out.")
    boosters: list[Any] = []
    runs: list[Run] = []
    total: Floats | None = None
    for repeat in range(settings.repeats):
        for number, (kept, left) in enumerate(_folds(table, settings, repeat), 1):
            say(f"Fold {number} of {settings.folds}, repetition {repeat + 1} of {settings.repeats}")
            run = Run(settings)
            data = {"train": matrices.matrix(matrices.part(table, kept), settings, "train")}
            data["validation"] = matrices.matrix(matrices.part(table, left), settings, "validation", data["train"])
            boosters.append(run.train(data))
            runs.append(run)
            found = evaluation.scored(boosters[-1], data["validation"], settings)
            total = np.zeros((len(table), *found.shape[1:]), np.float64) if total is None else total
            total[left] += found / settings.repeats
        print(line(settings.rounds, _means(runs[-settings.folds :])), flush=True)
    assert total is not None
    means = _means(runs)
    print(line(settings.rounds, means), flush=True)
    return Folded(boosters, total, means)


def _folds(table: Table, settings: Settings, repeat: int) -> Iterator[tuple[Ints, Ints]]:
    """The rows that a fold trains on, and those that it leaves out; each class is spread evenly."""
    classes = settings.problem != "regression"
    rows = int(np.unique(table.labels, return_counts=True)[1].min()) if classes else len(table)
    if settings.folds > rows:
        what = "rows of the rarest class" if classes else "rows"
        raise ClientError(f"_kfold is {settings.folds}, but there are {rows} {what}. Take fewer folds.")
    selection: Any = importlib.import_module("sklearn.model_selection")
    kind = selection.StratifiedKFold if classes else selection.KFold
    folds = kind(settings.folds, shuffle=True, random_state=abs(settings.seed) + repeat)
    yield from folds.split(np.zeros((len(table), 1), np.int8), table.labels if classes else None)


def _means(runs: Sequence[Run]) -> dict[str, dict[str, list[float]]]:
    """The mean over folds of the last value of each metric."""
    first = runs[0].curves
    return {
        data: {name: [float(np.mean([run.curves[data][name][-1] for run in runs]))] for name in metrics}
        for data, metrics in first.items()
    }


def save_predictions(folder: Path, labels: Float64, scores: Floats, settings: Settings) -> None:
    """A row each: the label; the mean prediction, for classes the probability of the one named, and that class."""
    columns = [labels, scores if scores.ndim == 1 else scores.max(axis=1)]
    if settings.problem != "regression":
        columns.append(np.asarray(said(scores, settings.objective), np.float64))
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "predictions.csv", np.column_stack(columns), fmt="%.9g", delimiter=",")
