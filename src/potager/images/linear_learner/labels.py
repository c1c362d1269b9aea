"""Which labels a predictor type can learn from."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.tables import Layout
from potager.images.linear_learner.settings import Settings


def layout(settings: Settings) -> Layout:
    """What a row is: a label that the predictor type can learn from, then the features."""
    return Layout(
        "linear-learner",
        fitting=lambda labels: fitting(labels, settings),
        complaint=lambda label: complaint(label, settings),
        width=settings.feature_dim,
        sparse=find_spec("scipy") is not None,
    )


def fitting(labels: Float64, settings: Settings) -> bool:
    """Whether every label, `(n_rows,)`, may stand."""
    if settings.binary:
        return bool(np.all((labels == 0) | (labels == 1)))
    if settings.multiclass:
        return bool(np.all((labels >= 0) & (labels < settings.num_classes) & (labels == np.floor(labels))))
    return bool(np.all(np.isfinite(labels)))


def complaint(label: float, settings: Settings) -> str | None:
    """What is wrong with a label and what to do about it; None where nothing is."""
    if fitting(np.array([label]), settings):
        return None
    if settings.binary:
        return (
            f"label {label:g} is neither 0 nor 1, as a binary_classifier needs. Encode the classes as 0 and 1 "
            "(the label is the first column), or set predictor_type to multiclass_classifier or regressor."
        )
    if settings.multiclass:
        return (
            f"label {label:g} is not an integer in [0, {settings.num_classes - 1}], as num_classes "
            f"{settings.num_classes} asks. Number the classes from 0, or raise num_classes."
        )
    return f"label {label:g} is not a finite number. Drop the row or give it a label."
