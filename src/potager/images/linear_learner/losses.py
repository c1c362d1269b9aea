"""Loss functions: the loss of each row under each model, and its slope along the raw scores.

A loss takes raw scores (before any sigmoid or softmax) and labels, and works on all parallel models at once.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html (`loss`); the squared loss carries
no factor 1/2, so that it is the mean squared error that AWS reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Floats
from potager.images.linear_learner.settings import Settings

Both = tuple[Floats, Floats]


@dataclass(frozen=True)
class Loss:
    """A loss by its AWS name.

    `objective` is what log lines call it. `evaluate(scores, labels)` returns the losses, `(n_rows, n_models)`, and
    their slopes, in the shape of `scores`: `(n_rows, n_models)`, or `(n_rows, n_models, n_classes)` for softmax.
    `power` is how the loss grows with the label's scale (2: squared), to report it in the label's own units.
    """

    name: str
    objective: str
    evaluate: Callable[[Floats, Floats], Both]
    power: int = 0


def loss_of(settings: Settings) -> Loss:
    """The loss that the settings ask for, its parameters bound."""
    epsilon, delta, q, margin = settings.loss_insensitivity, settings.huber_delta, settings.quantile, settings.margin
    known = (
        Loss("logistic", "binary_classification_cross_entropy_objective", logistic),
        Loss("hinge_loss", "hinge_loss_objective", lambda z, y: hinge(z, y, margin)),
        Loss("softmax_loss", "multiclass_cross_entropy_objective", softmax),
        Loss("squared_loss", "mse_objective", squared, power=2),
        Loss("absolute_loss", "absolute_loss_objective", absolute, power=1),
        Loss(
            "eps_insensitive_squared_loss",
            "eps_insensitive_squared_loss_objective",
            lambda z, y: eps_squared(z, y, epsilon),
            power=2,
        ),
        Loss(
            "eps_insensitive_absolute_loss",
            "eps_insensitive_absolute_loss_objective",
            lambda z, y: eps_absolute(z, y, epsilon),
            power=1,
        ),
        Loss("quantile_loss", "quantile_loss_objective", lambda z, y: pinball(z, y, q), power=1),
        Loss("huber_loss", "huber_loss_objective", lambda z, y: huber(z, y, delta), power=2),
    )
    return next(loss for loss in known if loss.name == settings.loss)


def sigmoid(z: Floats) -> Floats:
    """The logistic function; no overflow at either end."""
    half = np.multiply(z, 0.5)
    np.tanh(half, out=half)
    half += 1
    half *= 0.5
    return half


def logistic(z: Floats, y: Floats) -> Both:
    """Cross entropy of labels 0 and 1, `(n_rows, 1)`, in nats."""
    tail = np.exp(-np.abs(z))
    total = tail + 1
    slopes = np.where(z < 0, tail, np.ones_like(tail))
    slopes /= total
    slopes -= y
    losses = np.log(total, out=total)  # log1p is five times slower, and exact where nothing is left to tell
    losses += np.maximum(z, 0)
    losses -= z * y
    return losses, slopes


def hinge(z: Floats, y: Floats, margin: float) -> Both:
    """What a row lacks of `margin` on its own side of 0."""
    side = 2 * y - 1
    losses = np.maximum(margin - side * z, 0)
    return losses, np.where(losses > 0, -side, np.zeros_like(side))


def softmax(z: Floats, y: Floats) -> Both:
    """Cross entropy of class labels; `z` is `(n_rows, n_models, n_classes)`, `y` `(n_rows, 1)` integers."""
    shifted = z - z.max(axis=2, keepdims=True)
    slopes = np.exp(shifted)
    totals = slopes.sum(axis=2, keepdims=True)
    slopes /= totals
    rows, own = np.arange(len(z)), y[:, 0].astype(np.intp)
    losses = np.log(totals[:, :, 0]) - shifted[rows, :, own]
    slopes[rows, :, own] -= 1
    return losses, slopes


def squared(z: Floats, y: Floats) -> Both:
    """Squared error."""
    error = z - y
    return error * error, 2 * error


def absolute(z: Floats, y: Floats) -> Both:
    """Absolute error."""
    error = z - y
    return np.abs(error), np.sign(error)


def eps_squared(z: Floats, y: Floats, epsilon: float) -> Both:
    """Squared error beyond `epsilon`."""
    error = z - y
    beyond = np.sign(error) * np.maximum(np.abs(error) - epsilon, 0)
    return beyond * beyond, 2 * beyond


def eps_absolute(z: Floats, y: Floats, epsilon: float) -> Both:
    """Absolute error beyond `epsilon`."""
    error = z - y
    beyond = np.maximum(np.abs(error) - epsilon, 0)
    return beyond, np.where(beyond > 0, np.sign(error), np.zeros_like(error))


def pinball(z: Floats, y: Floats, q: float) -> Both:
    """Least where a share `q` of the labels lies below the score (Koenker and Bassett, 1978)."""
    error = z - y
    slopes = np.where(error > 0, 1 - q, -q).astype(z.dtype)
    return slopes * error, slopes


def huber(z: Floats, y: Floats, delta: float) -> Both:
    """Half the squared error up to `delta`, linear beyond (Huber, 1964)."""
    error = z - y
    clipped = np.clip(error, -delta, delta)
    return clipped * (error - 0.5 * clipped), clipped
