"""The `kmeans` image: what the platform may know of it without loading any of its code.

    train.main:  channels ─► stream: K centres, a mini-batch at a time ─► shrink: K to k ─► refine ─► artifact
    serve.load:  rows ─► the nearest centre and the distance to it

The names of metrics and their directions are AWS's
(https://docs.aws.amazon.com/sagemaker/latest/dg/k-means-tuning.html), and so are the lines that they are read from.
"""

from __future__ import annotations

from potager.images.algorithm.job import PACE

_HOST = r"#quality_metric: host=\S+, "

METRICS: list[tuple[str, str]] = [
    *PACE,
    *(
        (f"{channel}:{metric}", f"{_HOST}{channel} {metric} <loss>=(\\S+)")
        for channel in ("train", "test")
        for metric in ("msd", "ssd")
    ),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {"test:msd": "Minimize", "test:ssd": "Minimize"}
"""What a tuning job may aim at, and in which direction."""
