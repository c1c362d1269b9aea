"""Everything about a classifier on one channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float64, Floats, Ints
from potager.images.evaluation import counts, probability, ranking
from potager.images.evaluation.scored import Codes, Scored, encoded, finite, probabilities

_PROBABLE = ("log_loss", "brier", "expected_calibration_error")
_NAN = float("nan")


@dataclass(frozen=True)
class Judged:
    """The figures of a channel, why some are missing (NaN), and whatever else is shown of it."""

    metrics: dict[str, float]
    undefined: dict[str, str]
    shown: dict[str, Any]


def judged(scored: Scored, classes: NDArray[Any], threshold: float, probable: bool) -> Judged:
    """A channel with at least one row; `probable` says whether scores may be taken for probabilities."""
    codes, weights = encoded(scored, classes, threshold), scored.weighed()
    counted = counts.counted(codes, weights)
    metrics, undefined = counts.scores(counted), dict[str, str]()
    if scored.scores.ndim == 1:
        positive = {name: column[1] for name, column in _columns(counted).items()}
        metrics = {**metrics, **positive}
    shown: dict[str, Any] = {"per_class": counts.per_class(counted), "confusion_matrix": counts.matrix(counted)}
    if shown["confusion_matrix"] is None:
        shown["most_confused"] = counts.confused(counted)
    if not codes.seen.all():
        shown["unseen"] = _unseen(codes)
    known = _Known.of(scored, codes, weights)
    for part in (_ranked(known), _believed(known, probable)):
        metrics, undefined, shown = metrics | part.metrics, undefined | part.undefined, shown | part.shown
    return Judged(metrics, undefined, shown)


def _columns(counted: counts.Counts) -> dict[str, Float64]:
    return dict(zip(("precision", "recall", "f1"), counts.by_class(counted), strict=True))


def _unseen(codes: Codes) -> dict[str, Any]:
    """Labels that the model cannot say: counted as mistakes, left out of ranking and of probabilities."""
    return {"labels": codes.names[codes.known :][:100], "rows": int(np.count_nonzero(~codes.seen))}


@dataclass(frozen=True)
class _Known:
    """The rows whose class the model knows; `fault` says why their scores cannot be used, where they cannot."""

    scores: Floats
    codes: Ints
    weights: Float64
    even: bool
    names: list[Any]
    fault: str = ""

    @staticmethod
    def of(scored: Scored, codes: Codes, weights: Float64) -> _Known:
        rows = slice(None) if codes.seen.all() else np.flatnonzero(codes.seen)
        scores = scored.scores[rows]
        fault = "no row has a class that the model knows" if not len(scores) else ""
        fault = fault or ("" if finite(scores) else "scores are not finite")
        return _Known(scores, codes.codes[rows], weights[rows], scored.weights is None, codes.names, fault)


def _ranked(known: _Known) -> Judged:
    if known.scores.ndim == 2:
        return _ranked_classes(known)
    names = ("roc_auc", "pr_auc")
    if known.fault:
        return Judged(*_missing(names, known.fault), {})
    cut = ranking.cuts(known.scores, known.codes == 1, known.weights)
    metrics = {"roc_auc": ranking.roc_auc(cut), "pr_auc": ranking.average_precision(cut)}
    missing = {name: _one_class(known) for name, value in metrics.items() if np.isnan(value)}
    curves = {
        "best_f1": ranking.best_f1(cut),
        "roc_curve": ranking.roc_curve(cut),
        "precision_recall_curve": ranking.precision_recall_curve(cut),
    }
    return Judged(metrics, missing, curves)


def _one_class(known: _Known) -> str:
    return f"every row is of class {known.names[int(known.codes[0])]}"


def _ranked_classes(known: _Known) -> Judged:
    names = ("roc_auc_ovr", "roc_auc_ovr_weighted", "roc_auc_ovo", "pr_auc", "pr_auc_weighted")
    if known.fault:
        return Judged(*_missing(names, known.fault), {})
    areas, precisions = ranking.one_against_all(known.scores, known.codes, None if known.even else known.weights)
    heavy = np.bincount(known.codes, known.weights, len(areas))
    defined = ~np.isnan(areas)
    if not defined.any():
        return Judged(*_missing(names, _one_class(known)), {})
    means = {
        "roc_auc_ovr": float(areas[defined].mean()),
        "roc_auc_ovr_weighted": float(np.average(areas[defined], weights=heavy[defined])),
        "pr_auc": float(precisions[defined].mean()),
        "pr_auc_weighted": float(np.average(precisions[defined], weights=heavy[defined])),
    }
    shown = {"ranking_per_class": {"roc_auc": _nulled(areas), "pr_auc": _nulled(precisions)}}
    if len(areas) > ranking.PAIRWISE:
        reason = f"pairs of {len(areas)} classes are too many; {ranking.PAIRWISE} are compared"
        return Judged(means | {"roc_auc_ovo": _NAN}, {"roc_auc_ovo": reason}, {} if len(areas) > 1000 else shown)
    return Judged(means | {"roc_auc_ovo": ranking.one_against_one(known.scores, known.codes, known.weights)}, {}, shown)


def _nulled(values: Float64) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _believed(known: _Known, probable: bool) -> Judged:
    reason = known.fault or ("" if probable and probabilities(known.scores) else "scores are not probabilities")
    if reason:
        metrics, undefined = _missing(_PROBABLE, reason)
        return Judged(metrics, undefined, {"calibration": None})
    bins = probability.calibration(known.scores, known.codes, known.weights)
    metrics = {
        "log_loss": probability.log_loss(known.scores, known.codes, known.weights),
        "brier": probability.brier(known.scores, known.codes, known.weights),
        "expected_calibration_error": probability.expected_calibration_error(bins),
    }
    return Judged(metrics, {}, {"calibration": bins})


def _missing(names: tuple[str, ...], reason: str) -> tuple[dict[str, float], dict[str, str]]:
    return dict.fromkeys(names, _NAN), dict.fromkeys(names, reason)
