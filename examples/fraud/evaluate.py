"""Step 6 of the road: how good are the predictions, and is that better than always answering "no"?

A model that always says "no" is right about every honest claim. On rare fraud that makes a splendid accuracy and
catches nobody, so accuracy alone decides nothing here: recall says how much fraud is caught, precision how many
accusations are true, and the ROC AUC how often a fraudulent claim scores above an honest one, whatever the
threshold (0.5 is guessing, 1 is perfect).
"""

from dataclasses import dataclass

import numpy as np
from sklearn import metrics

GUESSING = 0.6  # a training AUC below it: the model found next to nothing
TOLERABLE_GAP = 0.05  # between the training and the validation AUC, noise aside


@dataclass(frozen=True)
class Predictions:
    """What the endpoint answered for some rows.

    Parameters
    ----------
    labels : (n_rows,), the truth, 0 or 1
    scores : (n_rows,), the model's probability of 1
    answers : (n_rows,), the model's own decision, 0 or 1
    """

    labels: np.ndarray
    scores: np.ndarray
    answers: np.ndarray


@dataclass(frozen=True)
class Quality:
    """The usual figures of a binary classifier: counts of its confusion matrix, and shares from 0 to 1."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float

    @property
    def rows(self) -> int:
        return self.true_negatives + self.false_positives + self.false_negatives + self.true_positives


FIGURES = (
    ("accuracy", "Accuracy"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("f1", "F1"),
    ("roc_auc", "ROC AUC"),
)


def measure(predictions: Predictions) -> Quality:
    """Confusion matrix, accuracy, precision, recall, F1 and ROC AUC.

    Precision and F1 are 0 where the model never says 1.
    """
    labels, answers = predictions.labels, predictions.answers
    counts = metrics.confusion_matrix(labels, answers, labels=[0, 1]).ravel()
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels,
        answers,
        average="binary",
        zero_division=0,  # type: ignore[arg-type]  # the stub knows only the words
    )
    return Quality(
        *(int(count) for count in counts),
        accuracy=float((labels == answers).mean()),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        roc_auc=float(metrics.roc_auc_score(labels, predictions.scores)),
    )


def always_no(labels: np.ndarray) -> Predictions:
    """The model to beat: the same score and "no" for every row."""
    return Predictions(labels, np.zeros(len(labels)), np.zeros(len(labels), dtype=int))


def auc_error(quality: Quality) -> float:
    """Standard error of the ROC AUC on this many rows.

    Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982).
    """
    positives = quality.true_positives + quality.false_negatives
    negatives = quality.rows - positives
    auc = quality.roc_auc
    both_positive, both_negative = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = (positives - 1) * (both_positive - auc**2) + (negatives - 1) * (both_negative - auc**2)
    return float(np.sqrt(max(0.0, auc * (1 - auc) + spread) / (positives * negatives)))


def fit_verdict(training: Quality, validation: Quality) -> str:
    """One sentence on over- and underfitting, from training against validation rows."""
    gap, noise = training.roc_auc - validation.roc_auc, 2 * auc_error(validation)
    figures = f"ROC AUC {training.roc_auc:.3f} on training rows, {validation.roc_auc:.3f} on validation rows"
    if training.roc_auc < GUESSING:
        return f"Underfitting, or no signal to find: {figures}, and 0.5 is guessing."
    if gap > TOLERABLE_GAP + noise:
        return f"Overfitting: {figures}; the gap is more than chance would explain."
    if gap > TOLERABLE_GAP:
        return f"Perhaps overfitting a little: {figures}; {quality_of(validation)} may explain the gap as well."
    return f"No sign of overfitting: {figures}, within the noise of {quality_of(validation)}."


def quality_of(quality: Quality) -> str:
    """How far the ROC AUC of these rows can be trusted, in words."""
    return f"{quality.rows:,} rows (±{2 * auc_error(quality):.3f})"


def gain_verdict(model: Quality, baseline: Quality) -> str:
    """One sentence on what the model adds to always answering "no"."""
    positives = model.true_positives + model.false_negatives
    accused = model.true_positives + model.false_positives
    caught = f"It catches {model.true_positives:,} of {positives:,} positives with {accused:,} alarms"
    if model.roc_auc - 2 * auc_error(model) <= baseline.roc_auc:
        return f"{caught}, which is hardly better than chance."
    return f'{caught}, {model.false_positives:,} of them false; always "no" catches none.'
