"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> features that are named -> fit -> evaluate -> artifact
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images import evaluation
from potager.images.algorithm import job, tables
from potager.images.algorithm.arrays import Floats, Ints
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.layout import Layout
from potager.images.algorithm.tables import Table
from potager.images.evaluation import Scored
from potager.images.factorization_machines import artifact, columns
from potager.images.factorization_machines.artifact import Description, Model
from potager.images.factorization_machines.fit import fit, scored, sigmoid
from potager.images.factorization_machines.metrics import Report, measured
from potager.images.factorization_machines.settings import Settings, settle


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settle(job.hyperparameters)
    data = tables.channels(job, ("train", "test"), _layout(settings))
    tables.check_width(data["train"], settings.feature_dim)
    if settings.binary:
        tables.refuse_one_class(data["train"])
    named = columns.named(data["train"].features)
    data = {name: Table(columns.kept(table.features, named), table.labels) for name, table in data.items()}
    say(f"{len(named)} of {settings.feature_dim} features occur in channel 'train'")
    report = Report(job.host, settings)
    machine = fit(data["train"], settings, report.epoch)
    raw = {channel: scored(machine, table.features) for channel, table in data.items()}
    found = {channel: measured(raw[channel], table.labels, settings.binary) for channel, table in data.items()}
    for channel, scores in found.items():
        report.scores(channel, scores)
    description = Description(settings.predictor_type, settings.feature_dim, settings.num_factors)
    artifact.save(Model(description, machine, named), job.model)
    evaluation.write(
        job.model,
        problem="binary" if settings.binary else "regression",
        channels={name: _scored(table, raw[name], found[name], settings) for name, table in data.items()},
        curves={"train": report.curves},
    )
    say(f"Saved the model to {job.model}")


def _layout(settings: Settings) -> Layout:
    if not settings.binary:
        return Layout("factorization-machines", width=settings.feature_dim, sparse=True)
    return Layout(
        "factorization-machines",
        fitting=lambda labels: bool(np.all((labels == 0) | (labels == 1))),
        complaint=_complaint,
        width=settings.feature_dim,
        sparse=True,
    )


def _complaint(label: float) -> str | None:
    if label in (0, 1):
        return None
    return (
        f"label {label:g} is neither 0 nor 1, as a binary_classifier needs. Encode the classes as 0 and 1, or set "
        "predictor_type to regressor."
    )


def _scored(table: Table, raw: Floats, found: dict[str, float], settings: Settings) -> Scored:
    scores = sigmoid(raw.astype(np.float64)) if settings.binary else raw
    labels: Ints | Floats = table.labels.astype(np.int64) if settings.binary else table.labels
    own = {name.replace("binary_f_1.000", "binary_f_beta"): value for name, value in found.items()}
    whole = table.width == settings.feature_dim  # else a feature's place is not its number
    return Scored(labels, scores, features=table.features if whole else None, own=own)
