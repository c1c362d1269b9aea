"""Every hyperparameter of randomcutforest.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf_hyperparameters.html, and .../random-cut-forest-tuning.html
for what may be tuned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, positive

EVAL_METRICS = ("accuracy", "precision_recall_fscore")


def eval_metrics(text: str) -> tuple[str, ...] | None:
    """The metrics that a list names, as JSON or separated by commas; None where it is no such list."""
    try:
        given: Any = json.loads(text.replace("'", '"'))
    except ValueError:
        given = text.split(",")
    names: list[Any] = [*given] if isinstance(given, list) else [given]
    kept = tuple(name.strip() if isinstance(name, str) else "" for name in names)
    return kept if all(name in EVAL_METRICS for name in kept) else None


def _known_metrics(values: Mapping[str, Value]) -> str | None:
    text = str(values["eval_metrics"])
    if eval_metrics(text) is not None:
        return None
    wanted = json.dumps(list(EVAL_METRICS))
    return f"Hyperparameter 'eval_metrics' is '{text[:80]}', but must be a list of some of {wanted}. Correct it."


CATALOGUE = Catalogue(
    "randomcutforest",
    (
        Parameter("feature_dim", "int", None, "Number of features. Required.", low=1, high=10_000, required=True),
        Parameter(
            "eval_metrics",
            "text",
            json.dumps(list(EVAL_METRICS)),
            'What is measured on the test channel: a list of "accuracy" and "precision_recall_fscore".',
        ),
        Parameter(
            "num_samples_per_tree",
            "int",
            256,
            "Rows that each tree is made of. 1/num_samples_per_tree should be near the share of anomalies.",
            low=1,
            high=2048,
        ).tuned(1, 2048),
        Parameter("num_trees", "int", 100, "Trees; more of them lessen the noise of scores.", low=50, high=1000).tuned(
            50, 1000
        ),
        positive("mini_batch_size", "int", 1000, "Sent by the SDK; nothing depends on it."),
    ),
    (_known_metrics,),
)
