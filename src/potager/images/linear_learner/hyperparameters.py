"""Every hyperparameter of linear-learner.

`settings.py` turns the values into the typed settings that the rest of the image uses.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html, and .../linear-learner-tuning.html for
what may be tuned; ranges that the pages leave open follow the SageMaker Python SDK's validators.
"""

from __future__ import annotations

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, choice, flag, positive, unit

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

CATALOGUE = Catalogue(
    "linear-learner",
    (
        Parameter("predictor_type", "choice", None, "What the target is. Required.", PREDICTORS, required=True),
        Parameter(
            "num_classes",
            "int",
            None,
            "Number of classes, labelled 0 to num_classes - 1. Required for multiclass_classifier, else ignored.",
            low=1,
            high=1_000_000,
        ),
        positive("accuracy_top_k", "int", 3, "k of the top-k accuracy of a multiclass classifier."),
        flag("balance_multiclass_weights", False, "Gives every class the same weight in the multiclass loss."),
        unit("beta_1", "auto", "Decay of adam's first moment; auto is 0.9.", "auto", opened="high"),
        unit("beta_2", "auto", "Decay of adam's second moment; auto is 0.999.", "auto", opened="high"),
        positive("bias_lr_mult", "float", "auto", "The bias learns at learning_rate times this; auto is 10.", "auto"),
        Parameter("bias_wd_mult", "float", "auto", "The bias decays at wd times this; auto is 0.", ("auto",), 0),
        choice(
            "binary_classifier_model_selection_criteria",
            "accuracy",
            "What the best model and its threshold are chosen by, on validation (on train where there is none).",
            *CRITERIA,
        ),
        positive("early_stopping_patience", "int", 3, "Epochs without improvement before training ends."),
        positive("early_stopping_tolerance", "float", 0.001, "Relative improvement below which there is none."),
        positive("epochs", "int", 15, "Most epochs; see the note on what an epoch is."),
        positive("f_beta", "float", 1.0, "beta of the F score: recall weighs beta times as much as precision."),
        positive("feature_dim", "int", "auto", "Number of features; checked against the data when given.", "auto"),
        Parameter("huber_delta", "float", 1.0, "Error at which huber_loss turns from squared to absolute.", low=0),
        Parameter("init_bias", "float", 0.0, "First value of the bias."),
        choice("init_method", "uniform", "Distribution that the first weights are drawn from.", "uniform", "normal"),
        positive("init_scale", "float", 0.07, "The uniform distribution reaches from -init_scale to init_scale."),
        positive("init_sigma", "float", 0.01, "Standard deviation of the normal distribution."),
        Parameter("l1", "float", "auto", "L1 regularisation; auto tries 0 and three values above.", ("auto",), 0).tuned(
            1e-7, 1
        ),
        positive("learning_rate", "float", "auto", "Step size; auto depends on the optimizer.", "auto").tuned(1e-5, 1),
        choice("loss", "auto", "Loss function; which may be chosen depends on predictor_type.", "auto", *_ALL_LOSSES),
        positive("loss_insensitivity", "float", 0.01, "Errors below this are none to the eps_insensitive losses."),
        unit("lr_scheduler_factor", "auto", "The learning rate is multiplied by this every step.", "auto"),
        positive("lr_scheduler_minimum_lr", "float", "auto", "The learning rate never falls below this.", "auto"),
        positive("lr_scheduler_step", "int", "auto", "Updates between two decreases of the learning rate.", "auto"),
        Parameter("margin", "float", 1.0, "Margin of hinge_loss.", low=0),
        positive("mini_batch_size", "int", 1000, "Rows a batch; fewer where the data is small.").tuned(100, 5000),
        unit("momentum", "auto", "Momentum of sgd; auto is 0.9.", "auto", opened="high"),
        flag("normalize_data", True, "Scales every feature to unit standard deviation; auto is true.", "auto"),
        flag("normalize_label", "auto", "Scales the label likewise; auto is true for a regressor only.", "auto"),
        positive("num_calibration_samples", "int", "auto", "Rows that the threshold is chosen on; auto: all.", "auto"),
        positive("num_models", "int", "auto", "Models trained side by side; auto is 32, see the grid.", "auto"),
        positive("num_point_for_scaler", "int", 10_000, "Rows that means and deviations are computed from."),
        choice("optimizer", "auto", "Optimisation algorithm; auto is adam.", "auto", "adam", "sgd", "rmsprop"),
        positive(
            "positive_example_weight_mult",
            "float",
            1.0,
            "Weight of a positive row. balanced: negatives over positives. auto: tries 1, balanced and between.",
            "balanced",
            "auto",
        ).tuned(1e-5, 1e5),
        unit("quantile", 0.5, "Quantile that quantile_loss aims at."),
        unit("target_precision", 0.8, "Precision to hold under recall_at_target_precision."),
        unit("target_recall", 0.8, "Recall to hold under precision_at_target_recall."),
        flag("unbias_data", "auto", "Shifts every feature to mean 0; auto follows use_bias.", "auto"),
        flag("unbias_label", "auto", "Shifts the label to mean 0 (regressor with a bias); auto is true.", "auto"),
        flag("use_bias", True, "Whether the model has an intercept.").varied("true", "false"),
        flag("use_lr_scheduler", True, "Whether the learning rate falls as training goes on."),
        Parameter(
            "wd", "float", "auto", "L2 regularisation (weight decay); auto tries 0.001 and others.", ("auto",), 0
        ).tuned(1e-7, 1),
    ),
)
