"""The four plots of the report, as SVG that takes its colours from the page: readable on light and on dark ground.

matplotlib draws with placeholder colours, and `_svg` replaces these with CSS variables. Text stays text, so that it
can be searched and scales with the page. `report.py` puts the plots on the page.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from evaluate import Predictions, Quality
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics

INK, FAINT, MODEL, BASELINE = "#010101", "#020202", "#030303", "#040404"
VARIABLES = {INK: "--ink", FAINT: "--faint", MODEL: "--model", BASELINE: "--baseline"}
MOST_POINTS = 1000
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
}


def plots(predictions: Predictions, quality: Quality) -> dict[str, str]:
    """ROC curve, precision-recall curve, confusion matrix and score histogram.

    Returns
    -------
    inline SVG by title
    """
    return {
        "ROC curve": _drawn("roc", lambda axes: roc(axes, predictions, quality)),
        "Precision and recall": _drawn("pr", lambda axes: precision_recall(axes, predictions)),
        "Confusion matrix": _drawn("matrix", lambda axes: confusion(axes, quality)),
        "Scores": _drawn("scores", lambda axes: histogram(axes, predictions)),
    }


def roc(axes: Axes, predictions: Predictions, quality: Quality) -> None:
    """True against false positive rate, the model's own threshold marked."""
    false_rate, true_rate, _ = metrics.roc_curve(predictions.labels, predictions.scores)
    axes.plot(_thinned(false_rate), _thinned(true_rate), color=MODEL, label=f"model, AUC {quality.roc_auc:.3f}")
    axes.plot((0, 1), (0, 1), color=BASELINE, linestyle="--", linewidth=1.4, label='guessing or always "no", AUC 0.5')
    negatives = quality.true_negatives + quality.false_positives
    axes.plot(quality.false_positives / negatives, quality.recall, "o", color=INK, label="threshold in use")
    axes.set(xlabel="False positive rate", ylabel="True positive rate (recall)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    axes.legend(loc="lower right")


def precision_recall(axes: Axes, predictions: Predictions) -> None:
    """Precision at every recall, above the share of positives that accusing everybody would reach."""
    precision, recall, _ = metrics.precision_recall_curve(predictions.labels, predictions.scores)
    average = metrics.average_precision_score(predictions.labels, predictions.scores)
    share = predictions.labels.mean()
    label = f"model, average precision {average:.3f}"
    axes.plot(_thinned(recall), _thinned(precision), color=MODEL, drawstyle="steps-post", label=label)
    axes.axhline(share, color=BASELINE, linestyle="--", linewidth=1.4, label=f"share of positives, {share:.3f}")
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(-0.01, 1.01), ylim=(0, 1.03))
    axes.legend(loc="best")


def confusion(axes: Axes, quality: Quality) -> None:
    """Counts of what was true against what was answered; a cell is as strong as its share of its row."""
    counts = np.array(
        [[quality.true_negatives, quality.false_positives], [quality.false_negatives, quality.true_positives]]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    for (row, column), count in np.ndenumerate(counts):
        share = float(shares[row, column])
        axes.fill_between((column - 0.48, column + 0.48), row - 0.48, row + 0.48, color=MODEL, alpha=0.06 + 0.5 * share)
        axes.text(column, row, f"{count:,}\n{share:.0%} of row", ha="center", va="center", fontsize=13)
    axes.set(xlabel="Answered", ylabel="True", xlim=(-0.5, 1.5), ylim=(1.5, -0.5), xticks=(0, 1), yticks=(0, 1))
    axes.set_xticklabels(("no", "yes"))
    axes.set_yticklabels(("no", "yes"))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def histogram(axes: Axes, predictions: Predictions) -> None:
    """Scores of negatives and of positives, each as shares of its class, with the threshold between the answers."""
    bins = [edge / 25 for edge in range(26)]
    for value, colour, name in ((0, BASELINE, "negatives"), (1, MODEL, "positives")):
        scores = predictions.scores[predictions.labels == value]
        weights = np.full(len(scores), 1 / len(scores))
        axes.hist(scores, bins=bins, weights=weights, color=colour, alpha=0.6, label=f"{len(scores):,} {name}")
    threshold = threshold_of(predictions)
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle=":", linewidth=1.6, label=f"threshold, about {threshold:.2f}")
    axes.set(xlabel="Score", ylabel="Share of its class", xlim=(0, 1))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, columnspacing=1.2, handlelength=1.4)


def threshold_of(predictions: Predictions) -> float | None:
    """Where "no" turns to "yes": between the highest "no" and the lowest "yes"; None if all answers are alike."""
    no, yes = predictions.scores[predictions.answers == 0], predictions.scores[predictions.answers == 1]
    return float(no.max() + yes.min()) / 2 if len(no) and len(yes) else None


def _thinned(curve: np.ndarray) -> np.ndarray:
    """At most `MOST_POINTS` of a curve, its ends among them: a million rows must not make a million points."""
    if len(curve) <= MOST_POINTS:
        return curve
    return curve[np.linspace(0, len(curve) - 1, MOST_POINTS).astype(int)]


def _drawn(name: str, draw: Callable[[Axes], None]) -> str:
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(5.4, 4.1), layout="constrained")
        draw(figure.add_subplot())
        return _svg(figure, name)


def _svg(figure: Figure, name: str) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)  # four plots share one page
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 width="100%"', text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
