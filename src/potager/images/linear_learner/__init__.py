"""The `linear-learner` image: what the platform may know of it without loading any of its code.

`train.main` runs a training job, `serve.load` a model. This module imports nothing heavy, for the server reads it.

The expressions are those that SageMaker shows in `AlgorithmSpecification.MetricDefinitions` of a linear-learner job;
`*:roc_auc_score` is named in its documentation only
(https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html).
"""

from __future__ import annotations

from potager.images.algorithm.job import PACE

_HOST = r"#quality_metric: host=\S+, "

# The metric, and the words that follow the channel in a log line.
_FINAL = (
    ("objective_loss", r"\S+_objective <loss>"),
    ("binary_classification_accuracy", "binary_classification_accuracy <score>"),
    ("binary_f_beta", r"binary_f_\S+ <score>"),
    ("precision", "precision <score>"),
    ("recall", "recall <score>"),
    ("roc_auc_score", "roc_auc_score <score>"),
    ("multiclass_accuracy", "multiclass_accuracy <score>"),
    ("multiclass_top_k_accuracy", r"multiclass_top_k_accuracy_\S+ <score>"),
    ("dcg", "dcg <score>"),
    ("macro_precision", "macro_precision <score>"),
    ("macro_recall", "macro_recall <score>"),
    ("macro_f_beta", r"macro_f_\S+ <score>"),
    ("mse", "mse <loss>"),
    ("absolute_loss", "absolute_loss <loss>"),
)


def _final(channel: str, metric: str, words: str) -> tuple[str, str]:
    # `train:objective_loss` and `validation:objective_loss` are the per-epoch series; their last word is `:final`.
    suffix = ":final" if metric == "objective_loss" and channel != "test" else ""
    return f"{channel}:{metric}{suffix}", f"{_HOST}{channel} {words}=(\\S+)"


METRICS: list[tuple[str, str]] = [
    *PACE,
    ("train:objective_loss", _HOST + r"epoch=\S+, train \S+_objective <loss>=(\S+)"),
    ("validation:objective_loss", _HOST + r"epoch=\S+, validation \S+_objective <loss>=(\S+)"),
    *(_final(channel, *metric) for channel in ("train", "validation", "test") for metric in _FINAL),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

_LOSSES = ("objective_loss", "mse", "absolute_loss")

OBJECTIVES: dict[str, str] = {
    f"{channel}:{metric}": "Minimize" if metric in _LOSSES else "Maximize"
    for channel in ("validation", "test")
    for metric, _ in _FINAL
}
"""What a tuning job may aim at, and in which direction."""
