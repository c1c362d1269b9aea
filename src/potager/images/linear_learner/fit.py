"""Training: all candidate models at once, epoch by epoch, until the epochs or the patience run out.

    batches of rows -> raw scores of every model -> slopes of the loss -> one update of every model
    after each epoch: losses -> which models improved -> their weights kept -> go on?

An epoch is a pass over the data, or as many passes as make `_UPDATES` updates; and where rows are few a batch holds
fewer than `mini_batch_size`. A thousand rows in batches of a thousand would otherwise mean fifteen updates in all,
and no linear model has arrived anywhere by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.tables import Table
from potager.images.linear_learner.calibration import BY_LOSS, criterion_values
from potager.images.linear_learner.grid import Candidate, row_weights
from potager.images.linear_learner.losses import Loss
from potager.images.linear_learner.optimizers import Optimizer, Schedule, schedule_of
from potager.images.linear_learner.settings import Settings
from potager.images.linear_learner.shifted import Shifted

_UPDATES = 32  # an epoch makes at least this many
_SMALLEST_BATCH = 64  # that scarcity of rows may lead to
_CELLS = 4_000_000  # scores held at once when evaluating


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: losses of each model, `(n_models,)`, on train and on validation.

    `criterion` is what early stopping looks at, `value` the best that any model has reached, model `best`.
    """

    number: int
    train: Float64
    validation: Float64 | None
    best: int
    criterion: str
    value: float
    improved: bool
    seconds: float
    rows: int


@dataclass(frozen=True)
class Fitted:
    """Every model at its own best epoch: `weights` `(n_models, n_outputs, n_features)`, `bias` `(n_models, n_outputs)`.

    `loss`: `(n_models,)`, on validation, or on train where there is none.
    """

    weights: Float32
    bias: Float32
    loss: Float64


def fit(
    train: Table,
    validation: Table | None,
    models: list[Candidate],
    loss: Loss,
    settings: Settings,
    report: Callable[[Epoch], None],
) -> Fitted:
    """Trains `models` on standardised data; labels are those that the loss takes. `report` hears of each epoch."""
    run = _Run(train, validation, models, loss, settings)
    stale = 0
    with np.errstate(all="ignore"):  # a model that diverges is left behind, not warned of row by row
        for number in range(settings.epochs):
            epoch = run.epoch(number)
            report(epoch)
            stale = 0 if epoch.improved else stale + 1
            if stale >= settings.early_stopping_patience:
                break
    return run.fitted()


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        train: Table,
        validation: Table | None,
        models: list[Candidate],
        loss: Loss,
        settings: Settings,
    ) -> None:
        self._train, self._validation, self._loss, self._settings = train, validation, loss, settings
        self._random = np.random.default_rng(settings.seed)
        self._shape = (len(models), settings.outputs)
        self._weights = _initial(settings, len(models), train.width, self._random)
        counts = np.repeat(np.arange(len(models)), settings.outputs)
        self._decay = _per_weight([m.wd for m in models], counts, train.width, settings.bias_wd_mult)
        penalties = _per_weight([m.l1 for m in models], counts, train.width, 0.0)
        self._l1 = penalties if penalties.any() else None
        bias_rate = settings.bias_lr_mult if settings.use_bias else 0.0
        rates = _per_weight([m.learning_rate for m in models], counts, train.width, bias_rate)
        self._optimizer = Optimizer(settings, self._weights.shape, rates)
        self._row_weights = row_weights(settings, models, train.labels)
        self._size, self._passes = plan(len(train), settings.mini_batch_size)
        updates = settings.epochs * self._passes * -(-len(train) // self._size)
        self._schedule: Schedule = schedule_of(settings, updates)
        self._update = 0
        self._best = np.full(len(models), np.inf)
        self._best_loss = np.full(len(models), np.inf)
        self._kept = self._weights.copy()
        self._last = np.inf

    def epoch(self, number: int) -> Epoch:
        """Trains for an epoch, keeps the models that got better."""
        began = time.perf_counter()
        losses = self._pass()
        seconds = time.perf_counter() - began
        validation = None if self._validation is None else self._mean_loss(self._validation)
        values = self._values(losses if validation is None else validation)
        self._keep(values, losses if validation is None else validation)
        improved, best = self._improved(), int(np.argmin(self._best))
        name, sign = self._criterion
        value = sign * float(self._best[best])
        return Epoch(number, losses, validation, best, name, value, improved, seconds, self._passes * len(self._train))

    def fitted(self) -> Fitted:
        if not np.isfinite(self._best).any():
            raise ClientError(
                "Training diverged: no model has a finite loss. Lower 'learning_rate', or leave 'normalize_data' true."
            )
        kept = self._kept.reshape(*self._shape, -1)
        return Fitted(kept[..., :-1], kept[..., -1], self._best_loss)

    def _pass(self) -> Float64:
        totals, rows = np.zeros(self._shape[0]), 0
        gradient = np.empty_like(self._weights)
        minimum = self._schedule.minimum
        for batch in _batches(len(self._train), self._size, self._passes, self._random):
            features = self._train.features[batch]
            losses, slopes = self._evaluate(features, self._train.labels[batch], self._weights)
            totals += losses.sum(axis=0, dtype=np.float64)
            rows += len(batch)
            flat = slopes.reshape(len(batch), -1)
            flat *= np.float32(1 / len(batch))
            if isinstance(features, Shifted):
                gradient[:, :-1] = flat.T @ features
            else:
                np.matmul(flat.T, features, out=gradient[:, :-1])
            flat.sum(axis=0, out=gradient[:, -1])
            gradient += self._decay * self._weights
            self._optimizer.update(self._weights, gradient, self._schedule.at(self._update), minimum, self._l1)
            self._update += 1
        return totals / rows

    def _evaluate(self, features: Float32 | Shifted, labels: Floats, weights: Float32) -> tuple[Floats, Floats]:
        """Losses and slopes of each row under each model, the rows weighted."""
        scores = scores_of(features, weights[:, :-1], weights[:, -1])
        if self._settings.multiclass:
            scores = scores.reshape(len(features), *self._shape)
        losses, slopes = self._loss.evaluate(scores, labels[:, None].astype(np.float32))
        if self._row_weights is not None:
            factor = self._row_weights[labels.astype(np.intp)]
            losses *= factor
            slopes *= factor[:, :, None] if slopes.ndim == 3 else factor
        return losses, slopes

    def _mean_loss(self, data: Table) -> Float64:
        totals = np.zeros(self._shape[0])
        for rows in blocks(len(data), len(self._weights)):
            losses, _ = self._evaluate(data.features[rows], data.labels[rows], self._weights)
            totals += losses.sum(axis=0, dtype=np.float64)
        return totals / len(data)

    @property
    def _criterion(self) -> tuple[str, int]:
        """What early stopping looks at, and its sign: the loss, or a binary criterion asked for by name.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html (`early_stopping_patience`).
        """
        name = self._settings.binary_classifier_model_selection_criteria
        asked = self._settings.binary and self._settings.criterion_given and name not in BY_LOSS
        return (name, -1) if asked and self._validation is not None else (self._loss.objective, 1)

    def _values(self, losses: Float64) -> Float64:
        """What is minimised for each model: the loss, or minus the criterion."""
        losses = np.where(np.isfinite(losses), losses, np.inf)
        if self._validation is None or self._criterion[1] > 0:
            return losses
        values = criterion_values(self._validation, self._weights[:, :-1], self._weights[:, -1], self._settings)
        return np.where(np.isfinite(losses), -values, np.inf)

    def _keep(self, values: Float64, losses: Float64) -> None:
        better = (values < self._best) | ((values == self._best) & (losses < self._best_loss))
        self._best[better], self._best_loss[better] = values[better], losses[better]
        chosen = np.repeat(better, self._shape[1])
        self._kept[chosen] = self._weights[chosen]

    def _improved(self) -> bool:
        value, last = float(self._best.min()), self._last
        improved = value < last and (not np.isfinite(last) or last - value >= self._limit(last))
        if improved:
            self._last = value
        return improved

    def _limit(self, last: float) -> float:
        return self._settings.early_stopping_tolerance * abs(last)


def plan(rows: int, mini_batch_size: int) -> tuple[int, int]:
    """Rows a batch, and passes over the data an epoch."""
    size = min(rows, mini_batch_size, max(_SMALLEST_BATCH, -(-rows // _UPDATES)))
    return size, -(-_UPDATES // -(-rows // size))


def scores_of(features: Float32 | Shifted, weights: Float32, bias: Float32) -> Float32:
    """Raw scores `(n_rows, n_models * n_outputs)`."""
    scores: Float32 = features @ weights.T
    scores += bias
    return scores


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows, so that `columns` numbers a row stay within a fixed memory."""
    step = max(1, _CELLS // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


def _batches(rows: int, size: int, passes: int, random: np.random.Generator) -> Iterator[Ints]:
    for _ in range(passes):
        yield from np.array_split(random.permutation(rows), -(-rows // size))


def _initial(settings: Settings, models: int, features: int, random: np.random.Generator) -> Float32:
    shape = (models * settings.outputs, features + 1)
    if settings.init_method == "uniform":
        weights = random.uniform(-settings.init_scale, settings.init_scale, shape)
    else:
        weights = random.normal(0, settings.init_sigma, shape)
    weights[:, -1] = settings.init_bias if settings.use_bias else 0.0
    return weights.astype(np.float32)


def _per_weight(values: list[float], rows: Ints, features: int, bias_factor: float) -> Float32:
    """A value of each model, laid out as the weights are: `(n_models * n_outputs, n_features + 1)`."""
    laid: Float32 = np.repeat(np.array(values, np.float32)[rows][:, None], features + 1, axis=1)
    laid[:, -1] *= np.float32(bias_factor)
    return laid
