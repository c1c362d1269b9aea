"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> mean -> components -> shares of variance -> artifact
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from potager.images.algorithm import job, saved, tables
from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, pace, quality, say
from potager.images.algorithm.tables import Layout, Table
from potager.images.pca import artifact, components
from potager.images.pca.artifact import Model
from potager.images.pca.components import Components, Rows
from potager.images.pca.settings import Settings, settle

CHANNELS = ("train", "test")


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settle(job.hyperparameters)
    data = tables.channels(job, CHANNELS, Layout("pca", labels=None, unsaid=0, width=settings.feature_dim))
    train = data["train"]
    tables.check_width(train, settings.feature_dim)
    _refuse(train, settings)
    began = time.perf_counter()
    mean = components.mean_of(train.features) if settings.subtract_mean else np.zeros(train.width)
    rows = Rows(train.features, mean)
    squares = rows.squares()
    if squares == 0:
        raise ClientError(
            "Every feature of channel 'train' is constant, so there is no variance to explain. Give rows that differ."
        )
    found = _components(rows, settings)
    pace(job.host, 1.0, len(train), time.perf_counter() - began)
    shares = {channel: _share(one.features, mean, found) for channel, one in data.items()}
    for channel, share in shares.items():
        quality(job.host, f"{channel} explained_variance_ratio <score>={share!r}")
    if "test" not in data:
        say("Test data is not provided.")
    _refuse_huge(found, mean)
    artifact.save(Model(found.s, found.v, mean if settings.subtract_mean else None), job.model)
    scores = {channel: {"explained_variance_ratio": share} for channel, share in shares.items()}
    scores["train"]["sum_of_squares"] = squares
    saved.write(job.model / "evaluation.json", scores)
    say(f"Saved the model to {job.model}")


def _components(rows: Rows, settings: Settings) -> Components:
    if settings.algorithm_mode == "randomized":
        return components.randomized(rows, settings.num_components, settings.extra_components)
    return components.regular(rows, settings.num_components)


def _share(features: Float32, mean: Float64, found: Components) -> float:
    """The share of the sum of squares that the components hold."""
    held = total = 0.0
    for block in Rows(features, mean).blocks():
        held += float(np.square(block @ found.v).sum())
        total += float(np.square(block).sum())
    return held / total if total else 1.0


def _refuse(train: Table, settings: Settings) -> None:
    """`ClientError` where there are not so many components, or the matrix of them does not fit."""
    for number, noun in ((train.width, "features"), (len(train), "rows")):
        if settings.num_components > number:
            raise ClientError(
                f"Hyperparameter 'num_components' is {settings.num_components}, but channel 'train' has {number} "
                f"{noun}. Ask for {number} components at most."
            )
    needed, there = components.matrix_bytes(len(train), train.width), memory()
    if settings.algorithm_mode == "regular" and needed > there:
        raise ClientError(
            f"Hyperparameter 'algorithm_mode' is 'regular', which needs {needed >> 20:,} MB for the covariance of "
            f"{train.width} features of {len(train)} rows; this machine has {there >> 20:,} MB. Use randomized."
        )


def _refuse_huge(found: Components, mean: Float64) -> None:
    """`ClientError` where the artifact's numbers, which have 32 bits, cannot hold the model."""
    largest = max(float(np.abs(numbers).max()) for numbers in (found.s, mean))
    if largest > float(np.finfo(np.float32).max):
        raise ClientError(
            f"The features of channel 'train' are so large that the model holds {largest:g}, beyond 32 bits. "
            "Scale them to about 1."
        )


def memory() -> int:
    """The bytes of memory that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
