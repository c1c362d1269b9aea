"""Every hyperparameter of the built-in XGBoost algorithm.

A default is shown for the reader: what is not given is not passed on, and is XGBoost's own default, which is the same.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html (XGBoost 0.90 to 3.0),
.../xgboost-tuning.html for what may be tuned, https://xgboost.readthedocs.io/en/stable/parameter.html, and
`hyperparameter_validation.py` of https://github.com/aws/sagemaker-xgboost-container for ranges and dependencies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Value, choice, flag, positive, unit

OBJECTIVES = (
    "binary:hinge",
    "binary:logistic",
    "binary:logitraw",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:absoluteerror",
    "reg:gamma",
    "reg:linear",
    "reg:logistic",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)

NATIVE = {
    "aft-nloglik": "Minimize",
    "auc": "Maximize",
    "aucpr": "Maximize",
    "cox-nloglik": "Minimize",
    "error": "Minimize",
    "gamma-deviance": "Minimize",
    "gamma-nloglik": "Minimize",
    "interval-regression-accuracy": "Maximize",
    "logloss": "Minimize",
    "mae": "Minimize",
    "map": "Maximize",
    "mape": "Minimize",
    "merror": "Minimize",
    "mlogloss": "Minimize",
    "mphe": "Minimize",
    "ndcg": "Maximize",
    "poisson-nloglik": "Minimize",
    "pre": "Maximize",
    "quantile": "Minimize",
    "rmse": "Minimize",
    "rmsle": "Minimize",
    "tweedie-nloglik": "Minimize",
}
"""XGBoost's own metrics, and the direction in which each is better."""

CONTAINER = {
    "accuracy": "Maximize",
    "balanced_accuracy": "Maximize",
    "f1": "Maximize",
    "f1_binary": "Maximize",
    "f1_macro": "Maximize",
    "mse": "Minimize",
    "precision": "Maximize",
    "precision_macro": "Maximize",
    "precision_micro": "Maximize",
    "r2": "Maximize",
    "recall": "Maximize",
    "recall_macro": "Maximize",
    "recall_micro": "Maximize",
}
"""Metrics that AWS's container adds to XGBoost's own."""

_AT = ("error", "map", "ndcg", "pre", "tweedie-nloglik")
"""Metrics that may be followed by `@` and a number."""

_GROWING = ("grow_colmaker", "grow_histmaker", "grow_quantile_histmaker")
_TREE_UPDATERS = (*_GROWING, "prune", "refresh", "sync")
_LINEAR_UPDATERS = ("coord_descent", "shotgun")
_GONE_UPDATERS = ("distcol", "grow_local_histmaker", "grow_skmaker")

PASSED_OVER = {
    "deterministic_histogram": "it is about GPUs, which this image does not train on",
    "lambda_bias": "XGBoost 3 does not regularise the bias",
    "dsplit": "one instance trains, which has all of the data",
    "predictor": "XGBoost 3 chooses its predictor by itself",
    "silent": "set verbosity",
    "single_precision_histogram": "XGBoost 3 has no such choice",
    "sketch_eps": "XGBoost 3 has none; set max_bin, about 1 / sketch_eps",
}
"""What AWS's versions know and this one has no use for, and why: accepted, and told in the log."""

KFOLD = Parameter("_kfold", "int", None, "Folds of a cross-validation.", low=2)
CV_ROUNDS = Parameter("_num_cv_round", "int", 1, "How often the cross-validation is repeated.", low=1)


def listed(value: Value) -> list[str]:
    """The items of a list of words: `a,b`, or `["a", "b"]` as the SDK spells a list."""
    text = str(value or "").strip()
    return [item for part in text.strip("[]()").split(",") if (item := part.strip().strip("\"'"))]


def nested(value: Value) -> Any:
    """A list, or a list of lists, of numbers; round brackets are lists, too. None where it is none."""
    text = str(value or "").strip().replace("(", "[").replace(")", "]")
    try:
        return json.loads(re.sub(r",\s*]", "]", text))
    except ValueError:
        return None


def metric_fault(metric: str) -> str | None:
    """What is wrong with the name of a metric."""
    name, at, number = metric.partition("@")
    if name.removesuffix("-") not in NATIVE and name not in CONTAINER:
        known = ", ".join(sorted((*NATIVE, *CONTAINER)))
        return f"Hyperparameter 'eval_metric' names '{metric}', which is no metric. It knows {known}."
    if at and name not in _AT:
        return f"Hyperparameter 'eval_metric' names '{metric}', but only {', '.join(_AT)} take an '@'."
    if at and not re.fullmatch(r"[0-9]*\.?[0-9]+-?", number):
        return f"Hyperparameter 'eval_metric' names '{metric}': after '@' a number is expected, as in '{name}@0.7'."
    return None


def _metrics(values: Mapping[str, Value]) -> str | None:
    objective = str(values["objective"])
    for metric in listed(values["eval_metric"]):
        if fault := metric_fault(metric):
            return fault
        name = metric.partition("@")[0]
        if name in ("auc", "aucpr") and not objective.startswith(("binary:", "rank:", "multi:", "reg:logistic")):
            return f"Metric '{name}' can only be applied for classification and ranking problems, not for {objective}."
        if name in ("aft-nloglik", "interval-regression-accuracy") and objective != "survival:aft":
            return f"Metric '{name}' can only be applied for the 'survival:aft' objective, not for {objective}."
        if name in CONTAINER and objective.startswith(("rank:", "survival:")):
            return f"Metric '{name}' is one of classifiers and regressors, not of {objective}. Take another."
        if name in ("merror", "mlogloss") and not objective.startswith("multi:"):
            return f"Metric '{name}' is one of several classes, and {objective} has none. Take error or logloss."
    return None


def _classes(values: Mapping[str, Value]) -> str | None:
    objective = str(values["objective"])
    if objective.startswith("multi:") and values["num_class"] is None:
        return f"Hyperparameter 'num_class' is missing: the objective {objective} needs the number of classes."
    if not objective.startswith("multi:") and values["num_class"] is not None:
        return (
            f"Hyperparameter 'num_class' is {values['num_class']}, but the objective {objective} has no classes to "
            "count. Leave it out, or set objective to multi:softmax or multi:softprob."
        )
    return None


def _updaters(values: Mapping[str, Value]) -> str | None:
    updaters = listed(values["updater"])
    if gone := [name for name in updaters if name in _GONE_UPDATERS]:
        return f"Hyperparameter 'updater' names '{gone[0]}', which XGBoost 3 does not have. Set tree_method instead."
    known = _LINEAR_UPDATERS if values["booster"] == "gblinear" else _TREE_UPDATERS
    if wrong := [name for name in updaters if name not in known]:
        return (
            f"Hyperparameter 'updater' names '{wrong[0]}', but the booster {values['booster']} has {', '.join(known)}."
        )
    if values["booster"] == "gblinear" and len(updaters) > 1:
        return "Hyperparameter 'updater' names several, but the booster gblinear has one at a time."
    if len([name for name in updaters if name in _GROWING]) > 1:
        return f"Hyperparameter 'updater' names several of {', '.join(_GROWING)}. Only one can grow the trees."
    if updaters and values["booster"] != "gblinear" and not set(updaters) & set(_GROWING):
        return f"Hyperparameter 'updater' names nothing that grows trees. Add one of {', '.join(_GROWING)}."
    return None


def _methods(values: Mapping[str, Value]) -> str | None:
    method = str(values["tree_method"])
    if method == "gpu_hist" or values["use_dask_gpu_training"]:
        name = "tree_method" if method == "gpu_hist" else "use_dask_gpu_training"
        return (
            f"Hyperparameter '{name}' asks for training on a GPU, which this image does not do. Set tree_method to "
            "hist, and leave use_dask_gpu_training out."
        )
    if values["process_type"] == "update":
        return (
            "Hyperparameter 'process_type' is update, which changes the trees of an earlier model, and a training job "
            "has none. Leave it out."
        )
    if values["max_depth"] == 0 and method == "exact":
        return "Hyperparameter 'max_depth' is 0, but the tree_method exact needs a limit. Give it one, or take hist."
    if values["grow_policy"] == "lossguide" and method == "exact":
        return "Hyperparameter 'grow_policy' is lossguide, which needs the tree_method hist or approx."
    if values["monotone_constraints"] is not None and method == "approx":
        return "monotone_constraints can be used only when tree_method is exact, hist or auto."
    return None


def _constraints(values: Mapping[str, Value]) -> str | None:
    given = values["monotone_constraints"]
    signs = nested(given)
    if given is not None and not (isinstance(signs, list) and all(one in (-1, 0, 1) for one in signs)):  # pyright: ignore[reportUnknownVariableType]
        return f"Hyperparameter 'monotone_constraints' is '{given}', but must be a -1, 0 or 1 a feature, as (1,0,-1)."
    given = values["interaction_constraints"]
    groups = nested(given)
    if given is not None and not (isinstance(groups, list) and all(_indices(group) for group in groups)):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"Hyperparameter 'interaction_constraints' is '{given}', but must be groups of features, as [[0,1],[2]]."
    return None


def _indices(group: Any) -> bool:
    return isinstance(group, list) and all(isinstance(one, int) and one >= 0 for one in group)  # pyright: ignore[reportUnknownVariableType]


def alphas(value: Value) -> Sequence[float]:
    """The quantiles of `quantile_alpha`; none where it is not given or wrong."""
    try:
        return [float(item) for item in listed(value)]
    except ValueError:
        return []


def _quantiles(values: Mapping[str, Value]) -> str | None:
    given, wanted = values["quantile_alpha"], values["objective"] == "reg:quantileerror"
    found = alphas(given)
    if wanted and (not found or not all(0 < one < 1 for one in found)):
        return f"Hyperparameter 'quantile_alpha' is '{given}', but reg:quantileerror needs numbers between 0 and 1."
    return None


def _score(values: Mapping[str, Value]) -> str | None:
    objective, score = str(values["objective"]), values["base_score"]
    if score is None or not isinstance(score, float):
        return None
    if objective in ("binary:logistic", "reg:logistic", "binary:logitraw") and not 0 < score < 1:
        return f"Hyperparameter 'base_score' is {score:g}, but must lie between 0 and 1 for {objective}."
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie") and score <= 0:
        return f"Hyperparameter 'base_score' is {score:g}, but must be above 0 for {objective}."
    return None


_UNIT_WITH_ONE = "low"

CATALOGUE = Catalogue(
    "xgboost",
    (
        Parameter(
            "num_round", "int", None, "Rounds of boosting. Required.", low=1, high=1_000_000, required=True
        ).tuned(1, 4000),
        choice("objective", "reg:squarederror", "What is learnt; reg:linear is reg:squarederror.", *OBJECTIVES),
        Parameter("num_class", "int", None, "Number of classes, labelled from 0. Required for multi:*.", low=2),
        choice("booster", "gbtree", "Trees, trees with dropout, or a linear model.", "gbtree", "gblinear", "dart"),
        Parameter(
            "eval_metric",
            "text",
            None,
            "Metrics of each round, separated by commas; the objective's own where none is given. Early stopping looks "
            "at the last.",
        ),
        positive(
            "early_stopping_rounds",
            "int",
            None,
            "Rounds without improvement on validation (on train where there is none) before training ends. The model "
            "is that of the best round.",
        ),
        Parameter("seed", "int", 0, "Seed of all that is random.", low=-(2**31) + 1, high=2**31 - 2),
        unit("eta", 0.3, "Step size: each tree's share.", opened="").tuned(0.1, 0.5),
        Parameter("gamma", "float", 0.0, "Least loss that a split must save.", low=0).tuned(0, 5),
        Parameter("max_depth", "int", 6, "Greatest depth of a tree; 0 is no limit.", low=0, high=1000).tuned(0, 10),
        Parameter("min_child_weight", "float", 1.0, "Least sum of hessians in a child.", low=0).tuned(0, 120),
        Parameter("max_delta_step", "float", 0.0, "Greatest step of a leaf; 0 is no limit.", low=0).tuned(0, 10),
        unit("subsample", 1.0, "Share of the rows that a tree is grown on.", opened=_UNIT_WITH_ONE).tuned(0.5, 1),
        choice("sampling_method", "uniform", "How those rows are drawn; gradient_based needs a GPU.", "uniform"),
        unit("colsample_bytree", 1.0, "Share of the features of a tree.", opened=_UNIT_WITH_ONE).tuned(0.5, 1),
        unit("colsample_bylevel", 1.0, "Share of those at each level.", opened=_UNIT_WITH_ONE).tuned(0.1, 1),
        unit("colsample_bynode", 1.0, "Share of those at each node.", opened=_UNIT_WITH_ONE).tuned(0.1, 1),
        Parameter("lambda", "float", 1.0, "L2 regularisation (0 for gblinear).", low=0).tuned(0, 1000),
        Parameter("alpha", "float", 0.0, "L1 regularisation.", low=0).tuned(0, 1000),
        Parameter("lambda_bias", "float", None, "Passed over: gone from XGBoost.", low=0, high=1),
        choice(
            "tree_method", "auto", "How splits are found; auto is hist.", "auto", "exact", "approx", "hist", "gpu_hist"
        ),
        choice("grow_policy", "depthwise", "Where a tree grows next.", "depthwise", "lossguide"),
        Parameter("max_leaves", "int", 0, "Most leaves of a tree; 0 is no limit.", low=0),
        Parameter("max_bin", "int", 256, "Most bins of a feature, for hist and approx.", low=2),
        Parameter("num_parallel_tree", "int", 1, "Trees a round.", low=1),
        Parameter("scale_pos_weight", "float", 1.0, "Weight of the positive class.", low=0, open="low"),
        Parameter("base_score", "float", None, "First prediction; estimated from the labels where it is not given."),
        Parameter("monotone_constraints", "text", None, "A sign a feature: (1,0,-1) rises, is free, falls."),
        Parameter("interaction_constraints", "text", None, "Groups of features that may meet in a tree: [[0,1],[2]]."),
        Parameter("updater", "text", None, "Updaters, separated by commas, where tree_method does not choose."),
        choice("process_type", "default", "Whether trees are grown or changed.", "default", "update"),
        flag("refresh_leaf", True, "Whether the updater refresh changes leaves, too."),
        choice("sample_type", "uniform", "How dart picks the trees to drop.", "uniform", "weighted"),
        choice("normalize_type", "tree", "How dart weighs new trees.", "tree", "forest"),
        unit("rate_drop", 0.0, "Share of the trees that dart drops in a round.", opened=""),
        flag("one_drop", False, "Whether dart drops at least one tree."),
        unit("skip_drop", 0.0, "Chance that dart drops none in a round.", opened=""),
        choice(
            "feature_selector",
            "cyclic",
            "Order of gblinear's features.",
            "cyclic",
            "shuffle",
            "random",
            "greedy",
            "thrifty",
        ),
        Parameter("top_k", "int", 0, "Features that gblinear's greedy and thrifty choose; 0 is all.", low=0),
        Parameter(
            "tweedie_variance_power", "float", 1.5, "Power of reg:tweedie's variance.", low=1, high=2, open="low high"
        ),
        positive("huber_slope", "float", 1.0, "Slope of reg:pseudohubererror."),
        Parameter("quantile_alpha", "text", None, "The quantile, or several, that reg:quantileerror learns."),
        choice(
            "aft_loss_distribution", "normal", "Distribution of survival:aft's noise.", "normal", "logistic", "extreme"
        ),
        positive("aft_loss_distribution_scale", "float", 1.0, "Its scale."),
        choice("lambdarank_pair_method", "topk", "How rank:* pairs documents.", "topk", "mean"),
        positive("lambdarank_num_pair_per_sample", "int", None, "Pairs, or the truncation, of rank:*."),
        flag("lambdarank_unbiased", False, "Whether rank:* corrects the bias of positions."),
        flag("ndcg_exp_gain", True, "Whether ndcg's gain is 2 to the relevance, less 1."),
        flag("csv_weights", False, "Whether the column of a CSV row after its label is the row's weight."),
        flag("save_model_on_termination", False, "Whether a job that is stopped saves the model of its last round."),
        Parameter("verbosity", "int", 1, "How much XGBoost says, from 0, nothing, to 3.", low=0, high=3),
        positive("nthread", "int", None, "Threads; as many as the job has cores where it is not given."),
        flag("use_dask_gpu_training", False, "Refused where true: there is no training on GPUs."),
        Parameter("deterministic_histogram", "text", None, "Passed over: it is about GPUs."),
        Parameter("single_precision_histogram", "text", None, "Passed over: gone from XGBoost."),
        Parameter(
            "sketch_eps", "float", None, "Passed over: gone from XGBoost; see max_bin.", low=0, high=1, open="low high"
        ),
        choice("predictor", None, "Passed over: gone from XGBoost.", "auto", "cpu_predictor", "gpu_predictor"),
        choice("dsplit", None, "Passed over: one instance trains.", "row", "col"),
        flag("silent", None, "Passed over: see verbosity."),
    ),
    (_metrics, _classes, _updaters, _methods, _constraints, _quantiles, _score),
)
