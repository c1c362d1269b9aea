"""The `randomcutforest` image: what the platform may know of it without loading any of its code.

`train.main` runs a training job, `serve.load` a model. AWS documents `test:f1`
(https://docs.aws.amazon.com/sagemaker/latest/dg/random-cut-forest-tuning.html); the others are what `eval_metrics` asks
for, in the same words.
"""

from __future__ import annotations

_SCORES = (
    "f1",
    "accuracy",
    "precision",
    "recall",
    "negative_precision",
    "negative_recall",
    "negative_f1",
)

METRICS: list[tuple[str, str]] = [
    (f"test:{name}", rf"#quality_metric: host=\S+, test {name} <score>=(\S+)") for name in _SCORES
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {"test:f1": "Maximize"}
"""What a tuning job may aim at, and in which direction."""
