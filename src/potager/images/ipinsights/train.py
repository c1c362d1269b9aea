"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> channels -> epochs, each measured on validation -> artifact
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm import job
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, pace, quality, say
from potager.images.ipinsights import artifact, events
from potager.images.ipinsights.events import Events, Reader
from potager.images.ipinsights.fit import Model, Progress, Settings, fit, settings_of
from potager.images.ipinsights.hyperparameters import CATALOGUE
from potager.images.ipinsights.validation import discriminator_auc

_SEED = 0


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    settings = settings_of(CATALOGUE.read(job.hyperparameters))
    if not job.has("train"):
        raise ClientError("Channel 'train' is missing. Add it to InputDataConfig.")
    reader = Reader(settings.num_entity_vectors)
    train = events.load(job, "train", reader)
    validation = events.load(job, "validation", reader) if job.has("validation") else None
    report = Report(job.host, settings, validation)
    model = fit(train, settings, np.random.default_rng(_SEED), report)
    artifact.save(model, job.model)
    say(f"Saved the model to {job.model}")


class Report:
    """What a run prints, in the words of AWS's own image: `METRICS` of the package has the expressions."""

    def __init__(self, host: str, settings: Settings, validation: Events | None) -> None:
        self._host, self._settings, self._validation = host, settings, validation

    def __call__(self, progress: Progress, model: Model) -> None:
        """The lines of a batch or of an epoch."""
        place = f"epoch={progress.epoch}, " + ("" if progress.batch is None else f"batch={progress.batch} ")
        quality(self._host, f"{place}train binary_classification_accuracy <score>={progress.accuracy!r}")
        quality(self._host, f"{place}train binary_classification_cross_entropy <loss>={progress.loss!r}")
        if progress.batch is not None:
            return
        if self._validation is not None:
            area = discriminator_auc(model, self._validation)
            quality(self._host, f"{place}validation discriminator_auc <score>={area!r}")
        pace(self._host, (progress.epoch + 1) / self._settings.epochs, progress.events, progress.seconds)
