"""The XGBoost image (`sagemaker-xgboost`, once `xgboost`): scripts, and models that need none.

    serve.load ─► script? ─► its functions, over XGBoost's defaults: a DMatrix in, JSON or CSV out
               └► none    ─► artifact.load ─► requests.matrix ─► Ensemble.predict ─► responses.body

The contract is that of AWS's container (https://github.com/aws/sagemaker-xgboost-container). This module is what the
platform may know of the image without loading any of its code.
"""

from __future__ import annotations

_SCORES = (
    "accuracy",
    "aft-nloglik",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "cox-nloglik",
    "error",
    "f1",
    "f1_binary",
    "f1_macro",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "map",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "ndcg",
    "poisson-nloglik",
    "pre",
    "precision",
    "r2",
    "recall",
    "rmse",
    "rmsle",
)

METRICS: tuple[tuple[str, str], ...] = tuple(
    (f"{data}:{score}", rf"(?:#011|\t){data}-{score}:([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)")
    for data in ("train", "validation")
    for score in _SCORES
)
"""What XGBoost prints after a round, `[7] train-auc:0.93 validation-auc:0.9` with tabs, which AWS spells `#011`.

Names: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
"""

SCRIPT = True
"""It runs programs of the user's."""

ALGORITHM = "XGBoost's built-in algorithm"
"""What AWS's image trains by where a job names no program, and this one does not."""

FRAMEWORK_MODULE = "sagemaker_xgboost_container.training:main"
"""What AWS's image says in `SM_FRAMEWORK_MODULE`."""

REQUIRES = (("xgboost-cpu", "xgboost"), "pandas", "scikit-learn")
"""Distributions that it needs, which `EXTRA` of Potager's brings; of two that do the same, either."""

EXTRA = "xgboost"

WARM = ("pandas", "scipy.sparse", "sklearn.model_selection", "xgboost")
"""What a warm pool keeps imported."""

SERVES = ("pandas", "scipy.sparse", "sklearn", "xgboost", "onnxruntime")
"""What the parent of its serving workers has imported."""
