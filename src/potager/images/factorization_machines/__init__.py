"""The `factorization-machines` image: what the platform may know of it without loading any of its code.

`train.main` runs a training job, `serve.load` a model. This module imports nothing heavy, for the server reads it.

`test:*` are the metrics of AWS's page (https://docs.aws.amazon.com/sagemaker/latest/dg/fm-tuning.html); those of train
are named as other algorithms of AWS's name theirs, the series by epoch with `:epoch`.
"""

from __future__ import annotations

from potager.images.algorithm.job import PACE

REQUIRES = ("scipy",)
EXTRA = "algorithms"
SERVES = ("scipy.sparse",)

_HOST = r"#quality_metric: host=\S+, "

# The metric, and the words that follow the channel in a log line.
_MEASURED = (
    ("rmse", "rmse <loss>"),
    ("mse", "mse <loss>"),
    ("absolute_loss", "absolute_loss <loss>"),
    ("binary_classification_accuracy", "binary_classification_accuracy <score>"),
    ("binary_classification_cross_entropy", "binary_classification_cross_entropy <loss>"),
    ("binary_f_beta", r"binary_f_\S+ <score>"),
)

METRICS: list[tuple[str, str]] = [
    *PACE,
    *((f"train:{name}:epoch", _HOST + rf"epoch=\S+, train {words}=(\S+)") for name, words in _MEASURED),
    *((f"{at}:{name}", _HOST + rf"{at} {words}=(\S+)") for at in ("train", "test") for name, words in _MEASURED),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {
    "test:rmse": "Minimize",
    "test:binary_classification_accuracy": "Maximize",
    "test:binary_classification_cross_entropy": "Minimize",
    "test:binary_f_beta": "Maximize",
}
"""What a tuning job may aim at, and in which direction."""
