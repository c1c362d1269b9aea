"""Every hyperparameter of catboost.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/catboost-hyperparameters.html, and .../catboost-tuning.html for
what may be tuned. `objective` is ours: on AWS the model id says what is predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, choice, positive, unit

METRICS = {
    "regression": ("RMSE", "MAE", "MedianAbsoluteError", "R2"),
    "binary": ("AUC", "Logloss", "Precision", "Recall", "F1", "Accuracy", "BalancedAccuracy"),
    "multiclass": ("MultiClass", "Accuracy"),
}
"""What is measured of each kind of model; `auto` is the first."""

_ALL = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
_OBJECTIVES = ("auto", "classification", "binary", "multiclass", "regression")


def _some_threads(values: Mapping[str, Value]) -> str | None:
    if values["thread_count"] == 0:
        return "Hyperparameter 'thread_count' is 0. Set it to 1 or more, or to -1 for as many as the job has cores."
    return None


CATALOGUE = Catalogue(
    "catboost",
    (
        choice(
            "objective",
            "auto",
            "What is predicted. auto: what eval_metric speaks for, else what the labels look like.",
            *_OBJECTIVES,
        ),
        positive("iterations", "int", 500, "Most trees."),
        Parameter("early_stopping_rounds", "int", 5, "Trees without improvement before training ends; 0: none."),
        choice(
            "eval_metric", "auto", "What is measured on validation; auto is RMSE, AUC or MultiClass.", "auto", *_ALL
        ),
        unit("learning_rate", 0.009, "Weight of each tree.", opened="low").tuned(0.001, 0.01),
        Parameter("depth", "int", 6, "Levels of a tree.", (), 1, 16).tuned(4, 10),
        Parameter("l2_leaf_reg", "int", 3, "L2 regularisation of the leaves.", (), 0).tuned(2, 10),
        Parameter("random_strength", "float", 1.0, "Noise in the scores of splits.", (), 0).tuned(0, 10),
        Parameter("max_leaves", "int", 31, "Most leaves of a tree that grows by Lossguide.", (), 2, 64),
        unit("rsm", 1.0, "Share of the features that a split sees.", opened="low"),
        choice("sampling_frequency", "PerTreeLevel", "When rows are weighed anew.", "PerTreeLevel", "PerTree"),
        positive("min_data_in_leaf", "int", 1, "Fewest rows of a leaf that is split, by Lossguide and Depthwise."),
        Parameter("bagging_temperature", "float", 1.0, "Spread of the rows' weights (Bayesian bootstrap).", (), 0),
        choice("boosting_type", "Auto", "Ordered learns each row from rows before it.", "Auto", "Ordered", "Plain"),
        positive("scale_pos_weight", "float", 1.0, "Weight of a row of class 1, of two."),
        replace(positive("max_bin", "int", "Auto", "Splits of a number tried; Auto is 254.", "Auto"), high=65535),
        choice("grow_policy", "SymmetricTree", "How a tree grows.", "SymmetricTree", "Depthwise", "Lossguide"),
        Parameter("random_seed", "int", 1, "Seed of all that is drawn.", (), 0),
        Parameter("thread_count", "int", -1, "Threads; -1: as many as the job has cores.", (), -1),
        positive("verbose", "int", 1, "Prints every so many trees."),
    ),
    rules=(_some_threads,),
    scripted=True,
)
