"""The `pca` image: what the platform may know of it without loading any of its code.

    train.main:  channels ─► mean ─► regular: covariance ─► its eigenvectors ──┐
                                  └► randomized: sketch ─► subspace iteration ─┴► mean, s, v
    serve.load:  rows ─► (rows - mean) v

AWS names no metric of this algorithm, and a tuning job can aim at none. The shares of variance are ours.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/how-pca-works.html
"""

from __future__ import annotations

from potager.images.algorithm.job import PACE

METRICS: list[tuple[str, str]] = [
    *PACE,
    *(
        (
            f"{channel}:explained_variance_ratio",
            rf"#quality_metric: host=\S+, {channel} explained_variance_ratio <score>=(\S+)",
        )
        for channel in ("train", "test")
    ),
]
"""Name and regular expression of each metric that a run may print; the first group is the value."""
