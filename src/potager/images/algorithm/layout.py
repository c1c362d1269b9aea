"""What an algorithm takes a row for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.media import CSV, RECORDIO


@dataclass(frozen=True)
class Layout:
    """How an algorithm reads its channels.

    algorithm : its name, for messages.
    labels : how many labels stand before the features, 0 or 1; None where the channel's `label_size` says. Where it
        does not, a first column that `width` leaves over is one; without a width, `unsaid` counts.
    unsaid : 1, as AWS has it, or 0 of an algorithm that has no use for labels and should not take a feature for one.
    gaps : whether a feature may be missing: an empty cell or NaN, NaN in the table.
    fitting, complaint : whether labels `(n_rows,)` may stand, and what is wrong with one of them and what to do.
    width : features that rows must have where the job says (`feature_dim`).
    formats : what rows may come in, of CSV, RECORDIO, PARQUET and LIBSVM, which is sparse.
    sparse : whether rows that name their features stay sparse, instead of being filled up with 0.
    weights : whether the column of a CSV row after its label is the row's weight. A channel after the first may be
        without, as AWS's XGBoost has it.
    delimiters : whether a CSV file's first line says what stands between its cells.
    """

    algorithm: str
    labels: int | None = 1
    unsaid: int = 1
    gaps: bool = False
    fitting: Callable[[Float64], bool] = lambda labels: bool(np.isfinite(labels).all())
    complaint: Callable[[float], str | None] = lambda label: (
        None if np.isfinite(label) else f"label {label:g} is not a finite number. Drop the row or give it a label."
    )
    width: int | None = None
    formats: Sequence[str] = (CSV, RECORDIO)
    sparse: bool = False
    weights: bool = False
    delimiters: bool = False
