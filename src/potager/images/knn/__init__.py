"""The `knn` image: what the platform may know of it without loading any of its code.

`train.main` runs a training job, `serve.load` a model. This module imports nothing heavy, for the server reads it.
Source of the metrics: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-tuning.html
"""

from __future__ import annotations

REQUIRES = ("faiss-cpu",)
EXTRA = "algorithms"
SERVES = ("faiss",)

METRICS: list[tuple[str, str]] = [
    ("test:accuracy", r"#quality_metric: host=\S+, test accuracy <score>=(\S+)"),
    ("test:mse", r"#quality_metric: host=\S+, test mse <loss>=(\S+)"),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {"test:accuracy": "Maximize", "test:mse": "Minimize"}
"""What a tuning job may aim at, and in which direction."""
