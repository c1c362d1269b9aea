"""Every hyperparameter of factorization-machines.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fact-machines-hyperparameters.html, and .../fm-tuning.html for
what may be tuned. `use_bias` and `use_linear` are not on these pages.
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, Rule, Value, choice, flag, positive

PREDICTORS = ("binary_classifier", "regressor")
NORMAL, UNIFORM, CONSTANT = "normal", "uniform", "constant"
_LOW, _HIGH = 1e-8, 512  # of everything that AWS recommends to tune
_NEEDED = {UNIFORM: "scale", CONSTANT: "value"}


def _term(name: str, words: str, sigma: float, rate: float, decay: float) -> tuple[Parameter, ...]:
    """The hyperparameters of one term of the model."""
    return (
        choice(f"{name}_init_method", NORMAL, f"How {words} begins.", UNIFORM, NORMAL, CONSTANT),
        Parameter(
            f"{name}_init_scale", "float", None, "uniform: it begins between -scale and scale. Required then.", low=0
        ).tuned(_LOW, _HIGH),
        Parameter(f"{name}_init_sigma", "float", sigma, "normal: the standard deviation.", low=0).tuned(_LOW, _HIGH),
        Parameter(f"{name}_init_value", "float", None, "constant: the value. Required then.").tuned(_LOW, _HIGH),
        Parameter(f"{name}_lr", "float", rate, f"Learning rate of {words}.", low=0).tuned(_LOW, _HIGH),
        Parameter(f"{name}_wd", "float", decay, f"Weight decay (L2) of {words}.", low=0).tuned(_LOW, _HIGH),
    )


def _begins(term: str) -> Rule:
    def rule(values: Mapping[str, Value]) -> str | None:
        method = str(values[f"{term}_init_method"])
        needed = f"{term}_init_{_NEEDED.get(method, 'sigma')}"
        if values[needed] is None:
            return f"Hyperparameter '{needed}' is missing: {term}_init_method {method} needs it. Set it to a number."
        return None

    return rule


CATALOGUE = Catalogue(
    "factorization-machines",
    (
        Parameter("feature_dim", "int", None, "Number of features. Required.", low=1, required=True),
        Parameter("num_factors", "int", None, "Numbers that stand for a feature. Required.", low=1, required=True),
        Parameter("predictor_type", "choice", None, "What the target is. Required.", PREDICTORS, required=True),
        positive("mini_batch_size", "int", 1000, "Rows a batch.").tuned(100, 10_000),
        positive("epochs", "int", 1, "Passes over the data.").tuned(1, 1000),
        positive("clip_gradient", "float", None, "Each number of a gradient is cut to between -this and this."),
        positive("eps", "float", None, "Adam's term against division by 0; 1e-8 where it is not given."),
        positive(
            "rescale_grad",
            "float",
            None,
            "The gradient, summed over a batch, is multiplied by this; one over its rows where not given.",
        ),
        flag("use_bias", True, "Whether the model has a bias."),
        flag("use_linear", True, "Whether the model has linear terms."),
        *_term("bias", "the bias", 0.01, 0.1, 0.01),
        *_term("linear", "a linear term", 0.01, 0.001, 0.001),
        *_term("factors", "a factor", 0.001, 0.0001, 0.00001),
    ),
    tuple(map(_begins, ("bias", "linear", "factors"))),
)
