"""The `ipinsights` image: what the platform may know of it without loading any of its code.

`train.main` runs a training job, `serve.load` a model. AWS documents `validation:discriminator_auc`
(https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-tuning.html); the other expressions are those that
SageMaker shows in `AlgorithmSpecification.MetricDefinitions` of an IP Insights job.
"""

from __future__ import annotations

from potager.images.algorithm.job import PACE

_QUALITY = r"#quality_metric: host=\S+, epoch=\S+, "
_ACCURACY, _LOSS = (
    r"train binary_classification_accuracy <score>=(\S+)",
    (r"train binary_classification_cross_entropy <loss>=(\S+)"),
)

METRICS: list[tuple[str, str]] = [
    *PACE,
    ("train:binary_classification_accuracy", rf"{_QUALITY}batch=\S+ {_ACCURACY}"),
    ("train:binary_classification_cross_entropy", rf"{_QUALITY}batch=\S+ {_LOSS}"),
    ("train:binary_classification_accuracy:epoch", _QUALITY + _ACCURACY),
    ("train:binary_classification_cross_entropy:epoch", _QUALITY + _LOSS),
    ("validation:discriminator_auc", rf"{_QUALITY}validation discriminator_auc <score>=(\S+)"),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {"validation:discriminator_auc": "Maximize"}
"""What a tuning job may aim at, and in which direction."""
