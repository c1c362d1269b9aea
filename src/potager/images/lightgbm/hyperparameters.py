"""Every hyperparameter of lightgbm.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/lightgbm-hyperparameters.html, and .../lightgbm-tuning.html for
what may be tuned. `objective` is ours: on AWS the model id says what is predicted.
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, choice, flag, positive, unit

REGRESSIONS = ("regression", "regression_l1", "huber", "fair", "poisson", "tweedie")
"""The objectives that predict a number."""

METRICS = {
    "regression": ("rmse", "l1", "l2", "huber", "fair"),
    "binary": ("binary_logloss", "binary_error", "auc", "average_precision", "cross_entropy"),
    "multiclass": ("multi_logloss", "multi_error", "auc_mu"),
}
"""What is measured of each kind of model; `auto` is the first."""


def _one_weighting(values: Mapping[str, Value]) -> str | None:
    if values["is_unbalance"] and values["scale_pos_weight"] != 1:
        return "Hyperparameters 'is_unbalance' and 'scale_pos_weight' exclude each other. Leave one of them out."
    return None


def _no_dask(values: Mapping[str, Value]) -> str | None:
    if values["use_dask"]:
        return "Hyperparameter 'use_dask' is true, but one process trains here. Leave it out."
    return None


def _forest(values: Mapping[str, Value]) -> str | None:
    bagged = values["bagging_freq"] != 0 and float(values["bagging_fraction"] or 0) < 1
    if values["boosting"] == "rf" and not bagged:
        return "boosting 'rf' needs bagging: set bagging_freq above 0 and bagging_fraction below 1."
    return None


CATALOGUE = Catalogue(
    "lightgbm",
    (
        choice(
            "objective",
            "auto",
            "What is predicted. auto: what metric speaks for, else what the labels look like.",
            *("auto", "classification", "binary", "multiclass", *REGRESSIONS),
        ),
        positive("num_boost_round", "int", 100, "Most rounds; a round is one tree, or one a class of several."),
        Parameter("early_stopping_rounds", "int", 10, "Rounds without improvement before training ends; 0: none."),
        choice(
            "metric",
            "auto",
            "What is measured on validation; auto is rmse, binary_logloss or multi_logloss.",
            *("auto", *(name for names in METRICS.values() for name in names)),
        ),
        unit("learning_rate", 0.1, "Weight of each tree.", opened="low").tuned(0.001, 0.01),
        Parameter("num_leaves", "int", 64, "Most leaves of a tree.", (), 2, 131072).tuned(10, 100),
        unit("feature_fraction", 0.9, "Share of the features that a tree sees.", opened="low").tuned(0.1, 1),
        unit("bagging_fraction", 0.9, "Share of the rows that a tree sees.", opened="low").tuned(0.1, 1),
        Parameter("bagging_freq", "int", 1, "Rows are drawn anew every so many rounds; 0: never.", (), 0).tuned(0, 10),
        Parameter("max_depth", "int", 6, "Most levels of a tree; 0 or less: no limit.").tuned(15, 100),
        Parameter("min_data_in_leaf", "int", 3, "Fewest rows of a leaf.", (), 0).tuned(10, 200),
        Parameter("max_delta_step", "float", 0.0, "Largest output of a leaf; 0 or less: no limit."),
        Parameter("lambda_l1", "float", 0.0, "L1 regularisation.", (), 0),
        Parameter("lambda_l2", "float", 0.0, "L2 regularisation.", (), 0),
        choice("boosting", "gbdt", "Kind of boosting; goss draws rows its own way.", "gbdt", "rf", "dart", "goss"),
        Parameter("min_gain_to_split", "float", 0.0, "Smallest gain that is worth a split.", (), 0),
        positive("scale_pos_weight", "float", 1.0, "Weight of a row of class 1, of two."),
        choice("tree_learner", "serial", "All are serial on one machine.", "serial", "feature", "data", "voting"),
        unit("feature_fraction_bynode", 1.0, "Share of the features that a split sees.", opened="low"),
        flag("is_unbalance", False, "Weighs two classes of different size alike."),
        Parameter("max_bin", "int", 255, "Most bins that a feature's values are put in.", (), 2),
        Parameter("tweedie_variance_power", "float", 1.5, "Variance of objective tweedie.", (), 1, 2, "high"),
        Parameter("num_threads", "int", 0, "Threads; 0: as many as the job has cores.", (), 0),
        Parameter("verbosity", "int", 1, "How much LightGBM itself prints; below 0: fatal errors alone."),
        flag("use_dask", False, "Refused where it is true."),
    ),
    rules=(_one_weighting, _no_dask, _forest),
    scripted=True,
)
