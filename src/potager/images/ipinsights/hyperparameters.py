"""Every hyperparameter of ipinsights.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-hyperparameters.html, and
.../ip-insights-tuning.html for what may be tuned.
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, positive

_GIGABYTES = 8  # the largest model that AWS supports


def _negatives(values: Mapping[str, Value]) -> str | None:
    names = "random_negative_sampling_rate", "shuffled_negative_sampling_rate"
    total = sum(int(values[name] or 0) for name in names)
    if 1 <= total <= 500:
        return None
    return f"Hyperparameters '{names[0]}' and '{names[1]}' add up to {total}, but must to 1 to 500. Change one of them."


def _size(values: Mapping[str, Value]) -> str | None:
    vectors, width = int(values["num_entity_vectors"] or 0), int(values["vector_dim"] or 0)
    size = vectors * width * 4
    if size <= _GIGABYTES * 1024**3:
        return None
    return (
        f"num_entity_vectors {vectors} x vector_dim {width} are {size / 1024**3:.1f} GB, but a model has at most "
        f"{_GIGABYTES} GB. Lower one of them."
    )


CATALOGUE = Catalogue(
    "ipinsights",
    (
        Parameter(
            "num_entity_vectors",
            "int",
            None,
            "Vectors that entities are hashed to: twice as many as there are entities. Required.",
            low=1,
            high=250_000_000,
            required=True,
        ).tuned(10_000, 1_000_000),
        Parameter(
            "vector_dim",
            "int",
            None,
            "Numbers of a vector; AWS recommends 128. Required.",
            low=4,
            high=4096,
            required=True,
        ).tuned(8, 256),
        positive("batch_metrics_publish_interval", "int", 1000, "Batches between two lines of a batch's metrics."),
        positive("epochs", "int", 10, "Passes over the data; see the note on what an epoch is.").tuned(1, 100),
        positive("feature_dim", "int", None, "Sent by the SDK; nothing depends on it."),
        Parameter("learning_rate", "float", 0.001, "Step size of adam.", low=1e-6, high=10).tuned(1e-4, 0.1),
        Parameter("mini_batch_size", "int", 10_000, "Rows a batch; fewer of small data.", (), 1, 500_000).tuned(
            100, 50_000
        ),
        Parameter("num_ip_encoder_layers", "int", 1, "Connected layers of the IP encoder.", (), 0, 100).tuned(1, 10),
        Parameter(
            "random_negative_sampling_rate", "int", 1, "Random IP addresses a row to tell it from.", (), 0, 500
        ).tuned(0, 10),
        Parameter(
            "shuffled_negative_sampling_rate", "int", 1, "IP addresses of other rows of the batch likewise.", (), 0, 500
        ).tuned(0, 10),
        Parameter("weight_decay", "float", 0.00001, "L2 regularisation.", low=0, high=10).tuned(0, 1),
    ),
    (_negatives, _size),
)
