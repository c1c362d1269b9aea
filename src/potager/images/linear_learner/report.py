"""What a training run prints: log lines from which SageMaker's metric expressions read their values.

The lines are in the words of AWS's own image; `METRICS` of the package has the expressions.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.images.algorithm.job import pace, quality, say
from potager.images.linear_learner.fit import Epoch
from potager.images.linear_learner.losses import Loss
from potager.images.linear_learner.settings import Settings

_LOSSES = ("mse", "absolute_loss")


class Report:
    """Lines of one run on one host. `scale` turns a loss in training's units into the label's own."""

    def __init__(self, host: str, settings: Settings, loss: Loss, scale: float = 1.0) -> None:
        self._host, self._settings, self._loss, self._scale = host, settings, loss, scale
        self.curves: dict[str, dict[str, list[float]]] = {}
        """The losses that were printed, by channel and metric."""

    def epoch(self, epoch: Epoch) -> None:
        """Losses of the best model so far, what early stopping looks at, progress and throughput."""
        series = {"train": epoch.train, "validation": epoch.validation}
        for channel, losses in series.items():
            if losses is not None:
                value = float(losses[epoch.best]) * self._scale
                self.curves.setdefault(channel, {"objective_loss": []})["objective_loss"].append(value)
                self._quality(f"epoch={epoch.number}, {channel} {self._loss.objective} <loss>={value!r}")
        watched = f"epoch={epoch.number}, criteria={epoch.criterion}, value={epoch.value!r}"
        say(f"#early_stopping_criteria_metric: host={self._host}, {watched}")
        if epoch.improved:
            say(f"Epoch {epoch.number}: Loss improved. Updating best model")
        pace(self._host, (epoch.number + 1) / self._settings.epochs, epoch.rows, epoch.seconds)

    def scores(self, channel: str, metrics: Mapping[str, float | None]) -> None:
        """The finished model's metrics on a channel; those that are not defined there are left out."""
        for name, value in metrics.items():
            if value is not None and value == value:
                unit = "loss" if name in (*_LOSSES, "objective_loss") else "score"
                self._quality(f"{channel} {self._spelt(name)} <{unit}>={float(value)!r}")

    def _spelt(self, name: str) -> str:
        if name == "objective_loss":
            return self._loss.objective
        if name in ("binary_f_beta", "macro_f_beta"):
            return f"{name.removesuffix('beta')}{self._settings.f_beta:.3f}"
        return f"{name}_{self._settings.accuracy_top_k}" if name == "multiclass_top_k_accuracy" else name

    def _quality(self, words: str) -> None:
        quality(self._host, words)
