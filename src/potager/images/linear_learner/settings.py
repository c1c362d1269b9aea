"""A job's settings: the hyperparameters with types, every dependency between them checked, `auto` still open.

What `auto` becomes depends on the data for some (the number of models, the schedule); those are settled where they
are used: `grid.py`, `optimizers.py`, `scaling.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Value
from potager.images.linear_learner.hyperparameters import CATALOGUE, LOSSES

Auto = float | None
"""A number, or None for `auto`."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run is told, by its AWS name. None stands for `auto`."""

    predictor_type: str
    num_classes: int
    accuracy_top_k: int
    balance_multiclass_weights: bool
    beta_1: float
    beta_2: float
    bias_lr_mult: float
    bias_wd_mult: float
    binary_classifier_model_selection_criteria: str
    early_stopping_patience: int
    early_stopping_tolerance: float
    epochs: int
    f_beta: float
    feature_dim: int | None
    huber_delta: float
    init_bias: float
    init_method: str
    init_scale: float
    init_sigma: float
    l1: Auto
    learning_rate: Auto
    loss: str
    loss_insensitivity: float
    lr_scheduler_factor: Auto
    lr_scheduler_minimum_lr: Auto
    lr_scheduler_step: int | None
    margin: float
    mini_batch_size: int
    momentum: float
    normalize_data: bool
    normalize_label: bool
    num_calibration_samples: int | None
    num_models: int | None
    num_point_for_scaler: int
    optimizer: str
    positive_example_weight_mult: float | str
    quantile: float
    target_precision: float
    target_recall: float
    unbias_data: bool
    unbias_label: bool
    use_bias: bool
    use_lr_scheduler: bool
    wd: Auto
    criterion_given: bool = False
    seed: int = 0

    @property
    def binary(self) -> bool:
        return self.predictor_type == "binary_classifier"

    @property
    def multiclass(self) -> bool:
        return self.predictor_type == "multiclass_classifier"

    @property
    def outputs(self) -> int:
        """Numbers that a model yields for a row: one, or one a class."""
        return self.num_classes if self.multiclass else 1


_AUTO: dict[str, Value] = {
    "beta_1": 0.9,
    "beta_2": 0.999,
    "bias_lr_mult": 10.0,
    "bias_wd_mult": 0.0,
    "momentum": 0.9,
    "normalize_data": True,
    "optimizer": "adam",
}


def settle(given: Mapping[str, str]) -> Settings:
    """Settings of the strings in `hyperparameters.json`; `ClientError` where they contradict one another."""
    values = CATALOGUE.read(given)
    predictor = str(values["predictor_type"])
    values["num_classes"] = _classes(values, predictor)
    values["loss"] = _loss(str(values["loss"]), predictor)
    values.update(_settled(values, predictor))
    if given.get("_tuning_objective_metric"):
        values["num_models"] = 1  # as on AWS: a tuner's jobs differ by what the tuner chose, by nothing else
    chosen = "binary_classifier_model_selection_criteria" in given
    opened = {name: None if value == "auto" and name not in _WORDS else value for name, value in values.items()}
    return Settings(**opened, criterion_given=chosen)  # type: ignore[arg-type]


_WORDS = ("positive_example_weight_mult",)


def _classes(values: Mapping[str, Value], predictor: str) -> int:
    count = values["num_classes"]
    if predictor != "multiclass_classifier":
        return 2 if predictor == "binary_classifier" else 1
    if count is None:
        raise ClientError(
            "Hyperparameter 'num_classes' is missing: a multiclass_classifier needs the number of classes, "
            "an integer in [3, 1000000]."
        )
    if int(count) < 3:
        raise ClientError(
            f"Hyperparameter 'num_classes' is {count}, but must be an integer in [3, 1000000] for a "
            "multiclass_classifier. For two classes use predictor_type binary_classifier."
        )
    return int(count)


def _loss(loss: str, predictor: str) -> str:
    allowed = LOSSES[predictor]
    if loss == "auto":
        return allowed[0]
    if loss not in allowed:
        raise ClientError(
            f"Hyperparameter 'loss' is '{loss}', but a {predictor} can use auto or {' or '.join(allowed)} only."
        )
    return loss


def _settled(values: Mapping[str, Value], predictor: str) -> dict[str, Value]:
    regressor, use_bias = predictor == "regressor", bool(values["use_bias"])
    settled: dict[str, Value] = {name: value for name, value in _AUTO.items() if values[name] == "auto"}
    # Without an intercept nothing may be shifted: the model has to pass through the origin of the data as it came.
    settled["unbias_data"] = use_bias and values["unbias_data"] in ("auto", True)
    settled["unbias_label"] = regressor and use_bias and values["unbias_label"] in ("auto", True)
    settled["normalize_label"] = regressor and values["normalize_label"] in ("auto", True)
    if values["binary_classifier_model_selection_criteria"] == "f1":
        settled |= {"binary_classifier_model_selection_criteria": "f_beta", "f_beta": 1.0}
    return settled
