"""The model: what a row scores, and how the score changes with every number of the model.

    score = bias + sum_i linear_i x_i + 1/2 sum_f [(sum_i factors_if x_i)^2 - sum_i factors_if^2 x_i^2]

The last term is the sum over pairs i < j of <factors_i, factors_j> x_i x_j, in time proportional to the numbers of a
row that are not 0, times the factors.

Sources: Rendle, Factorization Machines, 2010 (lemma 3.1 and equation 4);
https://docs.aws.amazon.com/sagemaker/latest/dg/fact-machines-howitworks.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Floats


@dataclass
class Machine:
    """`bias`: `(1,)`; `linear`: `(n_features,)`; `factors`: `(n_features, num_factors)`."""

    bias: Floats
    linear: Floats
    factors: Floats


@dataclass(frozen=True)
class Slopes:
    """What the loss changes by with the bias, the linear terms and the factors: shaped as in `Machine`."""

    bias: Floats
    linear: Floats
    factors: Floats


def scores(machine: Machine, rows: Any) -> Floats:
    """Raw scores `(n_rows,)` of `rows` `(n_rows, n_features)`, an array or a CSR matrix."""
    sums = np.asarray(rows @ machine.factors)
    return _scores(machine, rows, _squared(rows), sums)


def slopes(machine: Machine, rows: Any, residual: Callable[[Floats], Floats]) -> tuple[Floats, Slopes]:
    """Raw scores, and the slopes of the loss summed over the rows.

    residual : the loss's slope along the raw score `(n_rows,)`, as a function of the scores.
    """
    squared, sums = _squared(rows), np.asarray(rows @ machine.factors)
    found = _scores(machine, rows, squared, sums)
    error: Floats = residual(found)
    factors = rows.T @ (sums * error[:, None]) - machine.factors * (squared.T @ error)[:, None]
    return found, Slopes(error.sum(keepdims=True), np.asarray(rows.T @ error), np.asarray(factors))


def _scores(machine: Machine, rows: Any, squared: Any, sums: Floats) -> Floats:
    own: Floats = squared @ np.einsum("ij,ij->i", machine.factors, machine.factors)
    pairs = (np.einsum("ij,ij->i", sums, sums) - own) / 2
    return np.asarray(machine.bias + rows @ machine.linear + pairs)


def _squared(rows: Any) -> Any:
    return rows.multiply(rows).tocsr() if sparse(rows) else rows * rows


def sparse(rows: Any) -> bool:
    """Whether rows are a CSR matrix rather than an array."""
    return not isinstance(rows, np.ndarray)
