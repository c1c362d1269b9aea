"""The whole evaluation of a job: computed, written to `evaluation.json`, and told in the log."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.job import say
from potager.images.evaluation import baselines, classification, regression
from potager.images.evaluation.baselines import Baseline
from potager.images.evaluation.classification import Judged
from potager.images.evaluation.scored import Scored, finite, numbered, plain
from potager.images.evaluation.verdict import Curves, Reached, auc_error, verdict

FILE, SCHEMA, VERSION = "evaluation.json", "potager.evaluation", 1
PROBLEMS = ("binary", "multiclass", "regression")

_POINTS = 1000  # of a learning curve
_TOLD = {
    "binary": ("accuracy", "f1", "roc_auc", "pr_auc", "log_loss"),
    "multiclass": ("accuracy", "macro_f1", "roc_auc_ovr", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}


def write(model: Path, **given: Any) -> dict[str, Any]:
    """Evaluates a job's model, keeps that in its folder and tells it in the log; takes what `evaluate` takes."""
    found = evaluate(**given)
    save(model, found)
    return found


def save(model: Path, document: dict[str, Any]) -> None:
    """Writes an evaluation into a model folder as `evaluation.json` and tells it in the log."""
    text = json.dumps(_defined(document), separators=(",", ":"), allow_nan=False)
    (model / FILE).write_text(text + "\n", encoding="utf-8")
    for line in told(document):
        say(line)


def evaluate(
    problem: str,
    channels: Mapping[str, Scored],
    classes: Sequence[Any] | NDArray[Any] | None = None,
    threshold: float = 0.5,
    curves: Curves | None = None,
    probabilities: bool = True,
    importance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The evaluation of a model on its channels, as docs/reference/evaluation.md describes it; NaN is None.

    Parameters
    ----------
    problem : `binary`, `multiclass` or `regression`.
    channels : by name; baselines are fitted on `train`, the verdict compares it with `validation` (else `test`).
    classes : labels in the order of the scores' columns; 0 and 1, or 0 to n - 1, where none are given.
    threshold : the score above which a binary model says the second class.
    curves : learning curves, a value a round, by channel and metric.
    probabilities : whether a classifier's scores are probabilities; those that cannot be are never taken for any.
    importance : of the features, as `importance` gives it.
    """
    if problem not in PROBLEMS:
        raise ValueError(f"problem is '{problem}', but must be {', '.join(PROBLEMS[:-1])} or {PROBLEMS[-1]}.")
    known = None if problem == "regression" else _classes(problem, channels, classes)
    standing = {name: scored.standing() for name, scored in channels.items()}
    judges = {name: _Judge(problem, scored, known, threshold, probabilities) for name, scored in standing.items()}
    fitted = judges["train"].baselines() if "train" in judges and len(standing["train"]) else {}
    shown, reached = dict[str, Any](), dict[str, Reached]()
    for name, judge in judges.items():
        found = judge.judged()
        beside = judge.beside(fitted)
        shown[name] = _shown(channels[name], found, beside)
        if (skill := judge.reached(found, beside)) is not None:
            reached[name] = skill
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "problem": problem,
        "classes": None if known is None else plain(known.tolist()),
        "threshold": threshold if problem == "binary" else None,
        "channels": shown,
        "learning_curves": _thinned(curves or {}),
        "importance": dict(importance) if importance else None,
        "verdict": verdict(reached, curves or {}),
    }
    return _defined(document)


def told(document: Mapping[str, Any]) -> list[str]:
    """A line a channel, and the verdict."""
    lines: list[str] = []
    for name, channel in document["channels"].items():
        metrics = channel["metrics"]
        parts = [
            f"{metric} {metrics[metric]:.4g}"
            for metric in _TOLD[document["problem"]]
            if metrics.get(metric) is not None
        ]
        lines.append(f"Evaluation of {name} ({channel['rows']} rows): {', '.join(parts) or 'nothing is defined'}")
    judged = document["verdict"]
    return [*lines, f"Verdict on fit: {judged['fit'] or 'unknown'}. {judged['reason']}"]


def _classes(problem: str, channels: Mapping[str, Scored], given: Sequence[Any] | NDArray[Any] | None) -> NDArray[Any]:
    if given is not None and len(given):
        return np.asarray(given)
    widths = [int(scored.scores.shape[1]) for scored in channels.values() if scored.scores.ndim == 2]
    return np.arange(2 if problem == "binary" else max(widths, default=0))


@dataclass(frozen=True)
class _Judge:
    """One channel under one problem."""

    problem: str
    scored: Scored
    classes: NDArray[Any] | None
    threshold: float
    probable: bool

    def judged(self) -> Judged:
        if not len(self.scored):
            return Judged({}, {"*": "the channel has no rows that weigh anything"}, {})
        if self.classes is not None:
            return classification.judged(self.scored, self.classes, self.threshold, self.probable)
        if not finite(self.scored.scores):
            return Judged({}, {"*": "scores are not finite"}, {})
        labels, values = self._values()
        metrics, undefined = regression.scores(labels, values, self.scored.weighed())
        quantiles = regression.residual_quantiles(labels, values, self.scored.weighed())
        rows = regression.predictions(labels, values)
        return Judged(metrics, undefined, {"residual_quantiles": quantiles, "predictions": rows})

    def _values(self) -> tuple[Float64, Float64]:
        return np.asarray(self.scored.labels, np.float64), np.asarray(self.scored.scores, np.float64)

    def _targets(self) -> NDArray[Any]:
        return self._values()[0] if self.classes is None else numbered(np.asarray(self.scored.labels), self.classes)[0]

    def baselines(self) -> dict[str, Baseline]:
        """What is to be beaten, fitted on this channel."""
        targets, weights, features = self._targets(), self.scored.weighed(), self.scored.features
        found: dict[str, Baseline | None] = {}
        if self.classes is None:
            found["mean"] = baselines.Mean(float(weights @ targets) / float(weights.sum()))
            found["best_feature"] = None if features is None else baselines.line(features, targets, weights)
        else:
            found["prior"] = baselines.Prior.fit(targets, weights, len(self.classes))
            wanted = features is not None and found["prior"] is not None
            found["best_feature"] = baselines.stump(features, targets, weights, len(self.classes)) if wanted else None  # type: ignore[arg-type]
        return {name: baseline for name, baseline in found.items() if baseline is not None}

    def beside(self, fitted: Mapping[str, Baseline]) -> dict[str, dict[str, Any]]:
        """What the baselines reach on this channel."""
        found: dict[str, dict[str, Any]] = {}
        for name, baseline in fitted.items() if len(self.scored) else ():
            single = isinstance(baseline, baselines.Stump | baselines.Line)
            if single and self.scored.features is None:
                continue
            scores = baseline.scores(self.scored.features, self._targets(), self.scored.weighed())
            found[name] = ({"feature": baseline.feature} if single else {}) | scores
        return found

    def reached(self, found: Judged, beside: Mapping[str, Mapping[str, Any]]) -> Reached | None:
        """The figure that the verdict looks at, where there is one."""
        single = beside.get("best_feature", {})
        rows = _effective(self.scored.weighed())
        if self.problem == "binary":
            area = found.metrics.get("roc_auc", math.nan)
            share = float(np.count_nonzero(self._targets() == 1)) / max(1, len(self.scored))
            error = 2 * auc_error(area, rows * share, rows * (1 - share)) if area == area else math.nan
            return _reached("roc_auc", area, 2 * area - 1, error, 2 * single.get("roc_auc", math.nan) - 1)
        if self.problem == "regression":
            error = self._r2_error() if "mse" in found.metrics else math.nan
            r2 = found.metrics.get("r2", math.nan)
            return _reached("r2", r2, r2, error, single.get("r2", math.nan))
        accuracy, least = found.metrics.get("accuracy", math.nan), beside.get("prior", {}).get("accuracy", 1.0)
        left = 1 - least if least < 1 else math.nan
        error = math.sqrt(accuracy * (1 - accuracy) / max(rows, 1.0)) / left if accuracy == accuracy else math.nan
        feature = (single.get("accuracy", math.nan) - least) / left
        return _reached("accuracy", accuracy, (accuracy - least) / left, error, feature)

    def _r2_error(self) -> float:
        labels, values = self._values()
        spread = float(np.var(labels))
        deviation = float(np.std((labels - values) ** 2))
        return deviation / spread / math.sqrt(_effective(self.scored.weighed())) if spread else math.nan


def _reached(metric: str, value: float, skill: float, error: float, feature: float) -> Reached | None:
    if not (math.isfinite(skill) and math.isfinite(error)):
        return None
    return Reached(metric, value, skill, error, feature if math.isfinite(feature) else None)


def _effective(weights: Float64) -> float:
    """How many equal rows these weights are worth (Kish, 1965)."""
    total = float(weights.sum())
    return total * total / float(weights @ weights) if total else 0.0


def _shown(scored: Scored, found: Judged, beside: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "rows": len(scored),
        "weight": float(scored.weighed().sum()),
        "metrics": found.metrics,
        "undefined": found.undefined,
        "baselines": beside,
        "own": dict(scored.own),
        **found.shown,
    }


def _thinned(curves: Curves) -> dict[str, Any]:
    """Each series as rounds, counted from 0, and values; at most 1,000, evenly spread, the last among them."""
    return {
        channel: {name: _series(np.asarray(values, np.float64)) for name, values in series.items()}
        for channel, series in curves.items()
    }


def _series(values: Float64) -> dict[str, list[Any]]:
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), _POINTS)).astype(np.int64))
    return {"round": kept.tolist(), "value": values[kept].tolist()}


def _defined(value: Any) -> Any:
    """The same with None for what is no finite number, and Python's own numbers: what JSON can say."""
    if isinstance(value, dict):
        return {str(key): _defined(one) for key, one in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list):
        return [_defined(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, np.generic):
        return _defined(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
