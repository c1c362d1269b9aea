"""What raw scores come to against labels, by SageMaker's names, and the lines that say so.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-tuning.html; accuracy and F1 are at the threshold 0.5.
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Floats
from potager.images.algorithm.job import pace, quality
from potager.images.factorization_machines.fit import Epoch
from potager.images.factorization_machines.settings import Settings


def measured(raw: Floats, labels: Floats, binary: bool) -> dict[str, float]:
    """Metrics of raw scores `(n_rows,)`."""
    raw = raw.astype(np.float64)
    if not binary:
        error = raw - labels
        mse = float(np.square(error).mean())
        return {"rmse": mse**0.5, "mse": mse, "absolute_loss": float(np.abs(error).mean())}
    said, true = raw > 0, labels > 0.5
    both, either = np.count_nonzero(said & true), np.count_nonzero(said) + np.count_nonzero(true)
    return {
        "binary_classification_accuracy": float(np.count_nonzero(said == true) / len(true)),
        # log(1 + e^raw) - label raw, which is the cross-entropy of sigmoid(raw)
        "binary_classification_cross_entropy": float(np.mean(np.logaddexp(0, raw) - true * raw)),
        "binary_f_1.000": float(2 * both / either) if either else 0.0,
    }


class Report:
    """Lines of one run on one host."""

    def __init__(self, host: str, settings: Settings) -> None:
        self._host, self._settings = host, settings
        self.curves: dict[str, list[float]] = {}
        """The loss of each epoch, by the name that evaluations have for it."""

    def epoch(self, epoch: Epoch) -> None:
        """The metrics of an epoch, each row as the model said when it came by; progress and throughput."""
        found = measured(epoch.scores, epoch.labels, self._settings.binary)
        self._lines(f"epoch={epoch.number}, train", found)
        loss, name = ("binary_classification_cross_entropy", "log_loss") if self._settings.binary else ("rmse", "rmse")
        self.curves.setdefault(name, []).append(found[loss])
        pace(self._host, (epoch.number + 1) / self._settings.epochs, len(epoch.labels), epoch.seconds)

    def scores(self, channel: str, found: dict[str, float]) -> None:
        """The finished model's metrics on a channel."""
        self._lines(channel, found)

    def _lines(self, where: str, found: dict[str, float]) -> None:
        for name, value in found.items():
            unit = "score" if name.startswith(("binary_f", "binary_classification_accuracy")) else "loss"
            quality(self._host, f"{where} {name} <{unit}>={value!r}")
