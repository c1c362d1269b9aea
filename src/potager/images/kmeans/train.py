"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> frame -> fit -> scores -> artifact
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm import job, saved, tables
from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, pace, quality, say
from potager.images.algorithm.tables import Layout, Table
from potager.images.kmeans import artifact, frame, lloyd
from potager.images.kmeans.fit import fit
from potager.images.kmeans.hyperparameters import SCORES
from potager.images.kmeans.settings import Settings, settle
from potager.images.kmeans.stream import Epoch

CHANNELS = ("train", "test")
_ROWS, _CELLS = 1 << 12, 1 << 22


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settle(job.hyperparameters)
    data = tables.channels(job, CHANNELS, Layout("kmeans", labels=None, unsaid=0, width=settings.feature_dim))
    train = data["train"]
    tables.check_width(train, settings.feature_dim)
    if job.tuned and "test" not in data:
        raise ClientError("Channel 'test' is missing, on which a tuning job's objective is measured. Add it.")
    _refuse_few(train.features, settings.k)
    say(f"'extra_center_factor' is {settings.extra_center_factor}: {settings.centers} centers while rows stream by")
    units = frame.measure(train.features)
    for one in data.values():
        units.enter(one.features)
    found = fit(train.features, settings, lambda epoch: _tell(job.host, settings, epoch))
    scores = {channel: _scores(one, found.centers, units) for channel, one in data.items()}
    for channel, values in scores.items():
        for metric in _asked(job, settings):
            quality(job.host, f"{channel} {metric} <loss>={values[metric]!r}")
    if "test" not in data:
        say("Test data is not provided.")
    artifact.save(units.leave(found.centers), job.model)
    saved.write(job.model / "evaluation.json", scores)
    say(f"Saved the model to {job.model}")


def _asked(job: Job, settings: Settings) -> list[str]:
    """The metrics to print: those of `eval_metrics`, and the one that a tuning job aims at."""
    aim = job.hyperparameters.get("_tuning_objective_metric", "")
    return [metric for metric in SCORES if metric in settings.eval_metrics or aim.endswith(metric)]


def _tell(host: str, settings: Settings, epoch: Epoch) -> None:
    say(f"processed a total of {epoch.rows} examples")
    pace(host, (epoch.number + 1) / settings.epochs, epoch.rows, epoch.seconds)


def _scores(data: Table, centers: lloyd.Floats, units: frame.Frame) -> dict[str, float]:
    """The mean and the sum of the squared distances to the nearest centre, in the data's own units."""
    loss = units.loss(lloyd.look(data.features, None, centers).loss)
    return {"msd": loss / len(data), "ssd": loss}


def _refuse_few(features: Float32, k: int) -> None:
    """`ClientError` where there are fewer rows that differ than clusters."""
    if len(features) < k:
        raise ClientError(
            f"Hyperparameter 'k' is {k}, but channel 'train' has {len(features)} rows. Ask for at most as many "
            "clusters as there are rows, or give more rows."
        )
    distinct = np.empty((0, features.shape[1]), np.float32)
    step = max(2 * k, min(_ROWS, _CELLS // features.shape[1]))
    for start in range(0, len(features), step):
        distinct = np.unique(np.concatenate([distinct, features[start : start + step]]), axis=0)
        if len(distinct) >= k:
            return
    raise ClientError(
        f"Hyperparameter 'k' is {k}, but the {len(features)} rows of channel 'train' are {len(distinct)} different "
        f"ones over and over. Ask for {len(distinct)} clusters at most, or give rows that differ."
    )
