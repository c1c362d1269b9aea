"""Every hyperparameter of linear-learner: name, type, default and range in one table, and the reader that obeys it.

`CATALOGUE` is the only place where a hyperparameter is described; `read` validates a job's strings against it, the
reference page's table is generated from it (`reference_table`), and `settings.py` turns the values into the typed
settings that the rest of the image uses.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html; ranges that the page leaves open
follow the SageMaker Python SDK's validators.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from potager.images.linear_learner.errors import ClientError

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    `kind` is `int`, `float`, `bool` or `choice`. `words` are the strings allowed beside (or, for a choice, instead of)
    a value of that kind. `low` and `high` bound a number; each bound is excluded when its name is in `open`.
    """

    name: str
    kind: str
    default: Value
    help: str
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    open: str = ""

    @property
    def range(self) -> str:
        """The allowed values in words, for messages and for the reference page."""
        parts = [*self.words]
        if self.kind == "bool":
            parts += ["true", "false"]
        elif self.kind != "choice":
            parts.append(self._numbers())
        return " or ".join(parts) if len(parts) < 3 else ", ".join(parts[:-1]) + " or " + parts[-1]

    def _numbers(self) -> str:
        noun = "integer" if self.kind == "int" else "number"
        if self.low is None:
            return f"any {noun}"
        left = "(" if "low" in self.open else "["
        right = ")" if "high" in self.open else "]"
        top = "inf)" if self.high is None else f"{self.high:g}{right}" if self.high < 1e6 else f"{int(self.high)}]"
        return f"{noun} in {left}{self.low:g}, {top}"

    def holds(self, number: float) -> bool:
        """Whether a number lies within the bounds."""
        if not math.isfinite(number):
            return False
        low = self.low is None or (number > self.low if "low" in self.open else number >= self.low)
        high = self.high is None or (number < self.high if "high" in self.open else number <= self.high)
        return low and high


def _positive(name: str, kind: str, default: Value, text: str, *words: str) -> Parameter:
    low, opened = (1, "") if kind == "int" else (0, "low")
    return Parameter(name, kind, default, text, words, low, None, opened)


def _choice(name: str, default: Value, text: str, *words: str) -> Parameter:
    return Parameter(name, "choice", default, text, words)


def _flag(name: str, default: Value, text: str, *words: str) -> Parameter:
    return Parameter(name, "bool", default, text, words)


def _unit(name: str, default: Value, text: str, *words: str, opened: str = "low high") -> Parameter:
    return Parameter(name, "float", default, text, words, 0, 1, opened)


PREDICTORS = ("binary_classifier", "multiclass_classifier", "regressor")
LOSSES = {
    "binary_classifier": ("logistic", "hinge_loss"),
    "multiclass_classifier": ("softmax_loss",),
    "regressor": (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
}
"""The losses of each predictor type; `auto` is the first."""
CRITERIA = (
    "accuracy",
    "f_beta",
    "f1",
    "precision_at_target_recall",
    "recall_at_target_precision",
    "cross_entropy_loss",
    "loss_function",
)
_ALL_LOSSES = tuple(loss for losses in LOSSES.values() for loss in losses)

CATALOGUE: tuple[Parameter, ...] = (
    _choice("predictor_type", None, "What the target is. Required.", *PREDICTORS),
    Parameter(
        "num_classes",
        "int",
        None,
        "Number of classes, labelled 0 to num_classes - 1. Required for multiclass_classifier, else ignored.",
        low=1,
        high=1_000_000,
    ),
    _positive("accuracy_top_k", "int", 3, "k of the top-k accuracy of a multiclass classifier."),
    _flag("balance_multiclass_weights", False, "Gives every class the same weight in the multiclass loss."),
    _unit("beta_1", "auto", "Decay of adam's first moment; auto is 0.9.", "auto", opened="high"),
    _unit("beta_2", "auto", "Decay of adam's second moment; auto is 0.999.", "auto", opened="high"),
    _positive("bias_lr_mult", "float", "auto", "The bias learns at learning_rate times this; auto is 10.", "auto"),
    Parameter("bias_wd_mult", "float", "auto", "The bias decays at wd times this; auto is 0.", ("auto",), 0),
    _choice(
        "binary_classifier_model_selection_criteria",
        "accuracy",
        "What the best model and its threshold are chosen by, on validation (on train where there is none).",
        *CRITERIA,
    ),
    _positive("early_stopping_patience", "int", 3, "Epochs without improvement before training ends."),
    _positive("early_stopping_tolerance", "float", 0.001, "Relative improvement below which there is none."),
    _positive("epochs", "int", 15, "Most epochs; see the note on what an epoch is."),
    _positive("f_beta", "float", 1.0, "beta of the F score: recall weighs beta times as much as precision."),
    _positive("feature_dim", "int", "auto", "Number of features; checked against the data when given.", "auto"),
    Parameter("huber_delta", "float", 1.0, "Error at which huber_loss turns from squared to absolute.", low=0),
    Parameter("init_bias", "float", 0.0, "First value of the bias."),
    _choice("init_method", "uniform", "Distribution that the first weights are drawn from.", "uniform", "normal"),
    _positive("init_scale", "float", 0.07, "The uniform distribution reaches from -init_scale to init_scale."),
    _positive("init_sigma", "float", 0.01, "Standard deviation of the normal distribution."),
    Parameter("l1", "float", "auto", "L1 regularisation; auto tries 0 and three values above.", ("auto",), 0),
    _positive("learning_rate", "float", "auto", "Step size; auto depends on the optimizer.", "auto"),
    _choice("loss", "auto", "Loss function; which may be chosen depends on predictor_type.", "auto", *_ALL_LOSSES),
    _positive("loss_insensitivity", "float", 0.01, "Errors below this are none to the eps_insensitive losses."),
    _unit("lr_scheduler_factor", "auto", "The learning rate is multiplied by this every step.", "auto"),
    _positive("lr_scheduler_minimum_lr", "float", "auto", "The learning rate never falls below this.", "auto"),
    _positive("lr_scheduler_step", "int", "auto", "Updates between two decreases of the learning rate.", "auto"),
    Parameter("margin", "float", 1.0, "Margin of hinge_loss.", low=0),
    _positive("mini_batch_size", "int", 1000, "Rows a batch; fewer where the data is small, see below."),
    _unit("momentum", "auto", "Momentum of sgd; auto is 0.9.", "auto", opened="high"),
    _flag("normalize_data", True, "Scales every feature to unit standard deviation; auto is true.", "auto"),
    _flag("normalize_label", "auto", "Scales the label likewise; auto is true for a regressor only.", "auto"),
    _positive("num_calibration_samples", "int", "auto", "Rows that the threshold is chosen on; auto: all.", "auto"),
    _positive("num_models", "int", "auto", "Models trained side by side; auto is 32, see the grid.", "auto"),
    _positive("num_point_for_scaler", "int", 10_000, "Rows that means and deviations are computed from."),
    _choice("optimizer", "auto", "Optimisation algorithm; auto is adam.", "auto", "adam", "sgd", "rmsprop"),
    _positive(
        "positive_example_weight_mult",
        "float",
        1.0,
        "Weight of a positive row. balanced: negatives over positives. auto: tries 1, balanced and between.",
        "balanced",
        "auto",
    ),
    _unit("quantile", 0.5, "Quantile that quantile_loss aims at."),
    _unit("target_precision", 0.8, "Precision to hold under recall_at_target_precision."),
    _unit("target_recall", 0.8, "Recall to hold under precision_at_target_recall."),
    _flag("unbias_data", "auto", "Shifts every feature to mean 0; auto follows use_bias.", "auto"),
    _flag("unbias_label", "auto", "Shifts the label to mean 0 (regressor with a bias); auto is true.", "auto"),
    _flag("use_bias", True, "Whether the model has an intercept."),
    _flag("use_lr_scheduler", True, "Whether the learning rate falls as training goes on."),
    Parameter("wd", "float", "auto", "L2 regularisation (weight decay); auto tries 0.001 and others.", ("auto",), 0),
)
_BY_NAME = {parameter.name: parameter for parameter in CATALOGUE}


def read(given: Mapping[str, str]) -> dict[str, Value]:
    """A job's hyperparameters, typed, with the defaults of those not given.

    Names that begin with `_` or `sagemaker_` are the platform's own and are left out. `ClientError` names the
    parameter, its value and what is allowed.
    """
    values: dict[str, Value] = {parameter.name: parameter.default for parameter in CATALOGUE}
    for name, text in given.items():
        if not name.startswith(("_", "sagemaker_")):
            values[name] = _value(_known(name), str(text))
    return values


def _known(name: str) -> Parameter:
    if name not in _BY_NAME:
        raise ClientError(
            f"Unknown hyperparameter '{name}'. Remove or rename it; linear-learner knows {', '.join(sorted(_BY_NAME))}."
        )
    return _BY_NAME[name]


def _value(parameter: Parameter, text: str) -> Value:
    word = _unquoted(text).strip()
    if word in parameter.words:
        return word
    value = _typed(parameter, word)
    if value is None:
        raise ClientError(
            f"Hyperparameter '{parameter.name}' is '{word}', but must be {parameter.range}. "
            f"Give it such a value, or leave it out for its default ({_shown(parameter.default)})."
        )
    return value


def _unquoted(text: str) -> str:
    """The SDK quotes values as JSON (`'"3"'`); a bare word is left as it is."""
    if text[:1] != '"':
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _typed(parameter: Parameter, word: str) -> Value:
    if parameter.kind == "bool":
        return {"true": True, "false": False, "1": True, "0": False}.get(word.lower())
    if parameter.kind == "choice":
        return None
    try:
        number = float(word)
    except ValueError:
        return None
    if not parameter.holds(number) or (parameter.kind == "int" and not number.is_integer()):
        return None
    return int(number) if parameter.kind == "int" else number


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def reference_table() -> str:
    """The catalogue as the Markdown table that `docs/reference/linear-learner.md` holds."""
    rows = [
        f"| `{one.name}` | {_shown(one.default)} | {one.range.replace('|', ' ')} | {one.help} |" for one in CATALOGUE
    ]
    return "\n".join(["| name | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows])
