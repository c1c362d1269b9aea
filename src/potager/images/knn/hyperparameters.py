"""Every hyperparameter of knn.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_hyperparameters.html, and .../kNN-tuning.html for what may
be tuned.
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, choice, positive

PREDICTORS = ("classifier", "regressor")
FLAT, IVF, IVFPQ = "faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"
L2, INNER_PRODUCT, COSINE = "L2", "INNER_PRODUCT", "COSINE"
SIGN, FJLT = "sign", "fjlt"
PARTS = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)
"""What faiss_index_pq_m may be."""


def _k(values: Mapping[str, Value]) -> str | None:
    k, size = values["k"], values["sample_size"]
    if isinstance(k, int) and isinstance(size, int) and k > size:
        return f"Hyperparameter 'k' is {k}, but sample_size keeps {size} rows only. Lower k, or raise sample_size."
    return None


def _reduction(values: Mapping[str, Value]) -> str | None:
    target, width = values["dimension_reduction_target"], values["feature_dim"]
    if values["dimension_reduction_type"] is None:
        return None
    if target is None:
        return (
            "Hyperparameter 'dimension_reduction_target' is missing: dimension_reduction_type needs it. Set it to an "
            "integer above 0 and below feature_dim."
        )
    if isinstance(target, int) and isinstance(width, int) and target >= width:
        return (
            f"Hyperparameter 'dimension_reduction_target' is {target}, but must be below feature_dim ({width}). "
            "Lower it, or leave dimension_reduction_type out."
        )
    return None


def _quantizer(values: Mapping[str, Value]) -> str | None:
    if values["index_type"] != IVFPQ:
        return None
    parts = values["faiss_index_pq_m"]
    known = ", ".join(map(str, PARTS))
    if parts is None:
        return f"Hyperparameter 'faiss_index_pq_m' is missing: index_type {IVFPQ} needs it. Set it to one of {known}."
    if parts not in PARTS:
        return f"Hyperparameter 'faiss_index_pq_m' is {parts}, but must be one of {known}."
    if values["index_metric"] != L2:
        return (
            f"Hyperparameter 'index_metric' is {values['index_metric']}, which index_type {IVFPQ} does not support. "
            f"Use {L2}, or another index_type."
        )
    return None


CATALOGUE = Catalogue(
    "knn",
    (
        Parameter("feature_dim", "int", None, "Number of features. Required.", low=1, required=True),
        Parameter("k", "int", None, "Number of nearest neighbours. Required.", low=1, required=True).tuned(1, 1024),
        Parameter("predictor_type", "choice", None, "What a label is. Required.", PREDICTORS, required=True),
        Parameter(
            "sample_size",
            "int",
            None,
            "Rows drawn from the train channel, without replacement; all of them where it has fewer. Required.",
            low=1,
            required=True,
        ).tuned(256, 20_000_000),
        positive(
            "dimension_reduction_target",
            "int",
            None,
            "Dimensions to reduce to, below feature_dim. Required with dimension_reduction_type, else ignored.",
        ),
        choice(
            "dimension_reduction_type",
            None,
            "sign: a projection by random signs; fjlt: the fast Johnson-Lindenstrauss transform.",
            SIGN,
            FJLT,
        ),
        positive(
            "faiss_index_ivf_nlists",
            "int",
            "auto",
            "Lists that an IVF index sorts the rows into; auto is the square root of the rows drawn.",
            "auto",
        ),
        positive(
            "faiss_index_pq_m",
            "int",
            None,
            f"Parts that a vector is quantised in, one of {', '.join(map(str, PARTS))}. Required with {IVFPQ}.",
        ),
        choice("index_metric", L2, "What is near.", L2, INNER_PRODUCT, COSINE),
        choice("index_type", FLAT, "How neighbours are found: among all rows or some.", FLAT, IVF, IVFPQ),
        positive("mini_batch_size", "int", 5000, "Rows of the test channel that are looked up at once."),
    ),
    (_k, _reduction, _quantizer),
)
