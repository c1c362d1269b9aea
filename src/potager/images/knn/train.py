"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> sample -> projection -> index -> report -> artifact
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm import job, tables
from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.tables import Layout, Table
from potager.images.knn import artifact, index, reduction, report
from potager.images.knn.hyperparameters import IVFPQ
from potager.images.knn.model import Model
from potager.images.knn.reduction import Reduction
from potager.images.knn.settings import Settings, settle

_SEED = 0
_ROWS = 65_536  # projected at once


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settle(job.hyperparameters)
    data = tables.channels(job, ("train", "test"), _layout(settings))
    _check(data["train"], settings)
    random = np.random.default_rng(_SEED)
    data["train"] = _sampled(data["train"], settings, random)
    model = _model(data["train"], settings, random)
    if "test" in data and model.classifier:
        _warn_of_unseen(data["test"].labels, model)
    scored = report.scored(data, model, settings)
    if "test" in data:
        report.tell(data["test"], scored["test"], model, settings, job.host)
    artifact.save(model, settings.index_type, job.model)
    report.write(job.model, scored, model)
    say(f"Saved the model to {job.model}")


def _layout(settings: Settings) -> Layout:
    if not settings.classifier:
        return Layout("knn", width=settings.feature_dim)
    return Layout(
        "knn",
        fitting=lambda labels: bool(np.all(np.isfinite(labels) & (labels == np.floor(labels)))),
        complaint=_complaint,
        width=settings.feature_dim,
    )


def _complaint(label: float) -> str | None:
    if np.isfinite(label) and label == np.floor(label):
        return None
    return (
        f"label {label:g} is not a whole number, as a classifier needs. Number the classes (the label is the first "
        "column), or set predictor_type to regressor."
    )


def _check(train: Table, settings: Settings) -> None:
    tables.check_width(train, settings.feature_dim)
    if settings.k > len(train):
        raise ClientError(
            f"Hyperparameter 'k' is {settings.k}, but channel 'train' has {len(train)} rows. Lower k, or add rows."
        )
    if settings.classifier:
        tables.refuse_one_class(train)


def _sampled(train: Table, settings: Settings, random: np.random.Generator) -> Table:
    """`sample_size` of the rows, each as likely as any other, in their own order."""
    if settings.sample_size >= len(train):
        say(f"sample_size {settings.sample_size}: all {len(train)} rows are kept")
        return train
    rows = np.sort(random.choice(len(train), settings.sample_size, replace=False))
    say(f"Sampled {len(rows)} of {len(train)} rows")
    return Table(train.features[rows], train.labels[rows])


def _model(data: Table, settings: Settings, random: np.random.Generator) -> Model:
    projection = _projection(data.width, settings, random)
    vectors = _vectors(data.features, projection, settings)
    say(f"Building a {settings.index_type} index of {len(vectors)} rows of {vectors.shape[1]} numbers")
    return Model(
        index.build(vectors, settings),
        data.labels,
        projection,
        features=data.width,
        k=settings.k,
        metric=settings.index_metric,
        classifier=settings.classifier,
    )


def _projection(features: int, settings: Settings, random: np.random.Generator) -> Reduction | None:
    """The random projection that is asked for; for IVFPQ its target is raised to a multiple of the parts."""
    kind, target = settings.dimension_reduction_type, settings.dimension_reduction_target
    if kind is None or target is None:
        return None
    target = min(features, _searched(target, settings))
    say(f"Reducing {features} features to {target} dimensions by {kind}")
    return reduction.draw(kind, features, target, random)


def _searched(dimensions: int, settings: Settings) -> int:
    """Dimensions of a row that is searched: IVFPQ cuts it into equal parts."""
    parts = settings.faiss_index_pq_m if settings.index_type == IVFPQ else None
    return dimensions if parts is None else -(-dimensions // parts) * parts


def _vectors(features: Float32, projection: Reduction | None, settings: Settings) -> Float32:
    if projection is not None:
        reduced = np.empty((len(features), projection.target), np.float32)
        for start in range(0, len(features), _ROWS):
            reduced[start : start + _ROWS] = projection.apply(features[start : start + _ROWS])
        features = reduced
    return index.shaped(features, settings.index_metric, _searched(features.shape[1], settings))


def _warn_of_unseen(labels: Float64, model: Model) -> None:
    unseen = np.setdiff1d(labels, model.classes)
    if len(unseen):
        rows = int(np.isin(labels, unseen).sum())
        shown = ", ".join(f"{label:g}" for label in unseen[:10])
        say(
            f"Channel 'test': {rows} rows have a label that no row of the sample has ({shown}), and count as wrong. "
            "Add such rows to channel 'train', or raise sample_size.",
            "WARNING",
        )
