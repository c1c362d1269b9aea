"""The evaluation of a finished model: what it says of each channel, beside the labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from potager.images import evaluation
from potager.images.algorithm.arrays import Floats
from potager.images.algorithm.job import say
from potager.images.algorithm.tables import Table
from potager.images.evaluation import Scored
from potager.images.xgboost.rounds import Curves
from potager.images.xgboost.scores import said
from potager.images.xgboost.settings import Settings

_CERTAIN = ("binary:hinge", "binary:logitraw")
"""Objectives of classifiers that give no probabilities."""


def write(
    model: Path,
    tables: Mapping[str, Table],
    scores: Mapping[str, Floats],
    curves: Curves,
    settings: Settings,
    booster: Any = None,
) -> None:
    """Writes `evaluation.json`, of scores `(n_rows,)` or `(n_rows, n_classes)` by channel."""
    if settings.problem is None:
        say(f"Models of {settings.objective} are not evaluated beyond their metrics")
        return
    channels = {
        name: Scored(
            table.labels,
            scores[name],
            features=table.features,
            weights=table.weights,
            predicted=said(scores[name], settings.objective) if settings.problem != "regression" else None,
            own={metric: series[-1] for metric, series in curves.get(name, {}).items() if series},
        )
        for name, table in tables.items()
    }
    evaluation.write(
        model,
        problem=settings.problem,
        channels=channels,
        classes=list(range(settings.classes or 2)) if settings.problem != "regression" else None,
        threshold=0.0 if settings.objective == "binary:logitraw" else 0.5,
        curves=curves,
        probabilities=settings.objective not in _CERTAIN,
        importance=None if booster is None else gained(booster),
    )


def gained(booster: Any) -> dict[str, Any] | None:
    """What the trees gained by each feature; None of a linear booster, which has none."""
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear":
        return None
    found = booster.get_score(importance_type="total_gain")
    names = booster.feature_names or [f"f{place}" for place in range(booster.num_features())]
    return evaluation.importance(np.array([found.get(name, 0.0) for name in names], np.float64), "gain")


def scored(booster: Any, matrix: Any, settings: Settings) -> Floats:
    """What a model says of a matrix, for the evaluation: probabilities also of `multi:softmax`, which names classes."""
    if settings.objective != "multi:softmax":
        return booster.predict(matrix)
    margins: Floats = booster.predict(matrix, output_margin=True)
    shares = np.exp(margins - margins.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
