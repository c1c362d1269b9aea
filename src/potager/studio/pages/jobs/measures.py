"""Metrics in plain words: what each says, and whether more of it is better."""

from __future__ import annotations

CHANNELS = ("train", "validation", "test")

HIGHER = (
    *("accuracy", "auc", "aucpr", "f1", "f_beta", "map", "ndcg", "pre", "precision", "recall", "r2", "score"),
    *("correlation", "explained_variance", "explained_variance_ratio", "objective_score", "throughput"),
    *("pr_auc", "roc_auc"),
)
"""Last words of metrics of which more is better; of all others less is."""

OF_THE_RUN = ("progress", "throughput")
"""What tells how the run went and nothing of the model: neither more nor less is better."""

WORDS = {
    "accuracy": "Share of rows that were said rightly.",
    "balanced_accuracy": "Mean share of each class that was found: every class counts the same, however rare.",
    "matthews_correlation": "How well answers go with labels, -1 to 1; 0 is chance, also where a class is rare.",
    "precision": "Of the rows said to be positive, the share that is.",
    "recall": "Of the rows that are positive, the share that was found.",
    "f1": "Precision and recall in one figure: their harmonic mean.",
    "macro_f1": "Mean F1 of the classes: every class counts the same.",
    "weighted_f1": "Mean F1 of the classes, by their number of rows.",
    "roc_auc": "How often a positive row gets a higher score than a negative one; 0.5 is chance.",
    "pr_auc": "Precision over all thresholds, weighed by the recall that each adds; chance is the share of positives.",
    "roc_auc_ovr": "How well each class is told from all others, in the mean; 0.5 is chance.",
    "roc_auc_ovo": "How well pairs of classes are told apart, in the mean; 0.5 is chance.",
    "log_loss": "How surprised the model is by what is true, in nats; sure and wrong costs most.",
    "brier": "Mean squared error of the probabilities; 0 is perfect.",
    "expected_calibration_error": "How far probabilities lie from the shares that come true, in the mean.",
    "mse": "Mean squared error: large errors count most.",
    "rmse": "Root of the mean squared error, in the label's own unit.",
    "mae": "Mean absolute error, in the label's own unit.",
    "median_ae": "Half of the errors are smaller than this.",
    "mape": "Mean error as a share of the label.",
    "r2": "Share of the label's variance that is explained; 0 is as good as the mean, below is worse.",
    "explained_variance": "As R2, but a constant error is forgiven.",
    "mean_residual": "Mean of label minus value: above 0 the model says too little.",
}


def channel(metric: str) -> tuple[str, str]:
    """The channel and the metric proper: `validation:auc` is (`validation`, `auc`); "" where no channel is named."""
    first, colon, rest = metric.partition(":")
    return (first, rest) if colon and first in CHANNELS else ("", metric)


def better(metric: str) -> str:
    """`higher` or `lower`: which is better; "" where neither is."""
    name = channel(metric)[1].lower().split("@")[0]
    if name in OF_THE_RUN:
        return ""
    if "loss" in name or "error" in name:
        return "lower"
    return "higher" if any(name == word or name.endswith(("_" + word, ":" + word)) for word in HIGHER) else "lower"


def best(metric: str, values: list[float]) -> float:
    """The best of some values."""
    return max(values) if better(metric) == "higher" else min(values)


def said(metric: str) -> str:
    """What the metric says; "" where nothing is known of it."""
    return WORDS.get(channel(metric)[1], "")
