"""The XGBoost image (`sagemaker-xgboost`, once `xgboost`): its own algorithm, scripts, and models that need none.

    train.main ─► hyperparameters ─► channels ─► matrices ─► rounds ─► xgboost-model, evaluation.json

    serve.load ─► script? ─► its functions, over XGBoost's defaults: a DMatrix in, JSON or CSV out
               └► none    ─► artifact.load ─► requests.matrix ─► Ensemble.predict ─► responses.body

The contract is that of AWS's container (https://github.com/aws/sagemaker-xgboost-container). This module is what the
platform may know of the image without loading any of its code.
"""

from __future__ import annotations

from potager.images.xgboost.hyperparameters import CONTAINER, NATIVE

_RHO = {"tweedie-nloglik": r"@[0-9.]+"}
"""What XGBoost adds to a metric's name by itself."""

METRICS: tuple[tuple[str, str], ...] = tuple(
    (f"{data}:{score}", rf"(?:#011|\t){data}-{score}{_RHO.get(score, '')}:([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)")
    for data in ("train", "validation")
    for score in sorted((*NATIVE, *CONTAINER))
)
"""What XGBoost prints after a round, `[7] train-auc:0.93 validation-auc:0.9` with tabs, which AWS spells `#011`.

Names: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
"""

SCRIPT = True
"""It runs programs of the user's, where a job names one; its own else."""

OBJECTIVES: dict[str, str] = {f"validation:{score}": way for score, way in sorted((NATIVE | CONTAINER).items())}
"""What a tuning job of the built-in algorithm may aim at, and in which direction."""

FRAMEWORK_MODULE = "sagemaker_xgboost_container.training:main"
"""What AWS's image says in `SM_FRAMEWORK_MODULE`."""

REQUIRES = (("xgboost-cpu", "xgboost"), "pandas", "scikit-learn")
"""Distributions that it needs, which `EXTRA` of Potager's brings; of two that do the same, either."""

EXTRA = "xgboost"

WARM = ("pandas", "scipy.sparse", "sklearn.model_selection", "xgboost")
"""What a warm pool keeps imported."""

SERVES = ("pandas", "scipy.sparse", "sklearn", "xgboost", "onnxruntime")
"""What the parent of its serving workers has imported."""
