"""Every hyperparameter of k-means.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/k-means-api-config.html, and .../k-means-tuning.html for what
may be tuned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, choice, flag, positive, unit

SCORES = ("msd", "ssd")


def eval_metrics(text: str) -> tuple[str, ...] | None:
    """The metrics of a JSON list, in its order; None where it is none of `msd` and `ssd`."""
    try:
        named = json.loads(text)
    except ValueError:
        return None
    if not isinstance(named, list) or not named or not all(one in SCORES for one in named):  # pyright: ignore[reportUnknownVariableType]
        return None
    return tuple(dict.fromkeys(named))  # pyright: ignore[reportUnknownArgumentType]


def _metrics(values: Mapping[str, Value]) -> str | None:
    given = str(values["eval_metrics"])
    if eval_metrics(given) is None:
        return f"""Hyperparameter 'eval_metrics' is '{given}', but must be ["msd"], ["ssd"] or ["msd","ssd"]."""
    return None


_STARTS = ("random", "kmeans++")

CATALOGUE = Catalogue(
    "kmeans",
    (
        Parameter("k", "int", None, "Number of clusters. Required.", low=1, required=True),
        positive("feature_dim", "int", "auto", "Number of features; checked against the data when given.", "auto"),
        positive("epochs", "int", 1, "Passes of mini-batches over the data.").tuned(1, 10),
        Parameter("eval_metrics", "text", '["msd"]', "JSON list of the metrics to report: msd, ssd or both."),
        positive(
            "extra_center_factor",
            "int",
            "auto",
            "K = k times this many centres are kept while the data streams by; auto: see below.",
            "auto",
        ).tuned(4, 10),
        flag("force_dense", True, "Taken and without effect: rows are always dense."),
        Parameter(
            "half_life_time_size",
            "int",
            0,
            "After as many rows a row weighs half as much in its cluster's mean; 0: every row weighs the same.",
            low=0,
        ),
        choice("init_method", "random", "How the first K centres are picked from the first rows.", *_STARTS).varied(),
        choice("local_lloyd_init_method", "kmeans++", "How k of the K centres are picked to begin with.", *_STARTS),
        positive("local_lloyd_max_iter", "int", 300, "Most steps of Lloyd's algorithm, each time it runs."),
        positive(
            "local_lloyd_num_trials", "int", "auto", "Times that K centres are shrunk to k; the best is kept.", "auto"
        ),
        unit(
            "local_lloyd_tol",
            0.0001,
            "Lloyd's algorithm stops at steps that lower the loss by a smaller share than this.",
            opened="",
        ),
        positive("mini_batch_size", "int", 5000, "Rows a mini-batch.").tuned(3000, 15_000),
    ),
    (_metrics,),
)
