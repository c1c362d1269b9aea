"""How good a job's model is: its evaluation.json, read out of model.tar.gz, as tables and charts.

A training job packs evaluation.json first, so the archive's beginning is enough: `AT_FIRST` bytes, or `MOST` where it
is not there, of archives that were packed by others. So nothing lies beside the model that AWS would not put there, and
no archive is read whole. What a job wrote is not trusted: whatever is not as docs/reference/evaluation.md has it is
shown as it is.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any

from potager.kernel import archive
from potager.kernel.errors import WireError
from potager.studio.asking import Asking
from potager.studio.pages.data import delivery
from potager.studio.pages.jobs import measures
from potager.studio.s3 import split

FILE = "evaluation.json"
AT_FIRST, MOST = 2**18, 4 * 2**20
"""Bytes of an archive that are read."""
UNPACKED = 8 * 2**20
"""Bytes of those that are unpacked."""
CELLS = 20
"""Classes of which the whole confusion matrix is shown."""

Document = dict[str, Any]


async def read(ask: Asking, job: Mapping[str, Any]) -> Document | None:
    """The evaluation of a job's model; None where it left none."""
    uri = job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    bucket, key = split(uri)
    if not key:
        return None
    asked = {"Bucket": bucket, "Key": key}
    try:
        size = (await ask("s3", "HeadObject", **asked))["ContentLength"]
        for most in (AT_FIRST, MOST):
            head = await delivery.begin(ask, asked, size, most)
            found = await asyncio.to_thread(archive.first, head, FILE, UNPACKED)
            if found is not None:
                return document(found)
            if size <= most:
                break
    except WireError:
        return None
    return None


def document(content: bytes) -> Document | None:
    """The bytes as a document; None where they are none."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]


def shown(found: Document, asked: str) -> dict[str, Any] | None:
    """What the page shows of a channel; None where the document is not one of ours, or not as it should be.

    asked : the channel; another one is chosen where there is none of that name: validation before test before train.
    """
    if found.get("schema") != "potager.evaluation":
        return None
    try:
        channels = found["channels"]
        order = [asked, "validation", "test", "train", *channels]
        name = next((each for each in order if each in channels), None)
        return None if name is None else _shown(found, name)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError):
        return None


def _shown(found: Document, name: str) -> dict[str, Any]:
    channel = found["channels"][name]
    return {
        "problem": found["problem"],
        "channel": name,
        "channels": list(found["channels"]),
        "rows": channel["rows"],
        "verdict": verdict(found["verdict"]),
        "metrics": metrics(found, name),
        "beside": list(channel["baselines"]),
        "own": {key: value for key, value in channel["own"].items() if isinstance(value, int | float)},
        "charts": [chart for chart in charts(found, name) if chart],
        "threshold": threshold(found, channel),
        "classes": classes(channel),
        "confused": channel.get("most_confused") or [],
        "unseen": channel.get("unseen"),
    }


def verdict(told: Mapping[str, Any]) -> dict[str, Any]:
    """The word on fit, its colour and its reason."""
    words = {"over": "It overfits", "under": "It underfits", "good": "It fits well"}
    fit = told.get("fit")
    return {
        "fit": words.get(fit or "", "Whether it fits cannot be told"),
        "tone": {"good": "good", "over": "bad", "under": "bad"}.get(fit or "", "still"),
        "reason": str(told["reason"]),
    }


def metrics(found: Document, name: str) -> list[dict[str, Any]]:
    """A row a metric: its value in every channel, the baselines of one channel, plain words, why it is undefined."""
    channels, chosen = found["channels"], found["channels"][name]
    return [
        {
            "name": metric,
            "values": [channel["metrics"].get(metric) for channel in channels.values()],
            "beside": [baseline.get(metric) for baseline in chosen["baselines"].values()],
            "words": measures.said(metric),
            "better": measures.better(metric),
            "mean": found["problem"] == "binary" and metric.startswith(("macro_", "micro_", "weighted_")),
            "why": chosen["undefined"].get(metric) or chosen["undefined"].get("*", ""),
        }
        for metric in chosen["metrics"]
    ]


def charts(found: Document, name: str) -> list[dict[str, Any] | None]:
    """The charts of a channel, each with its `title` and a sentence on how to read it."""
    channel = found["channels"][name]
    return [
        _importance(found.get("importance")),
        _matrix(channel),
        _roc({each: one.get("roc_curve") for each, one in found["channels"].items()}),
        _precision_recall(channel),
        _calibration(channel.get("calibration")),
        _predicted(channel.get("predictions")),
        _residuals(channel.get("residual_quantiles")),
        *_learning(found.get("learning_curves") or {}),
    ]


def _chart(title: str, words: str, data: dict[str, Any], height: int = 300) -> dict[str, Any]:
    return {"title": title, "words": words, "data": data, "height": height}


def _importance(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not told or not told["value"]:
        return None
    rows = sorted(zip(told["feature"], told["value"], strict=True), key=lambda row: -row[1])[:20]
    data = {
        "kind": "bars",
        "across": True,
        "x": {"name": "feature", "values": [str(feature) for feature, _ in rows]},
        "y": {"name": ""},
        "series": [{"name": told["of"], "values": [value for _, value in rows]}],
    }
    return _chart("Importance of features", str(told["words"]), data, 120 + 22 * len(rows))


def _matrix(channel: Mapping[str, Any]) -> dict[str, Any] | None:
    matrix = channel.get("confusion_matrix")
    if not matrix or len(matrix) > CELLS:
        return None
    labels = [str(label) for label in channel["per_class"]["label"]]
    cells = [
        [column, row, weight / (sum(line) or 1), f"{weight:g} ({weight / (sum(line) or 1):.0%})"]
        for row, line in enumerate(matrix)
        for column, weight in enumerate(line)
    ]
    data = {
        "kind": "heat",
        "x": {"name": "said", "values": labels},
        "y": {"name": "is", "values": labels},
        "cells": cells,
        "low": 0,
        "high": 1,
    }
    words = "A row is what is so, a column what the model says; the shares are of the row. The diagonal is right."
    return _chart("Confusion matrix", words, data, max(260, 60 + 30 * len(labels)))


def _roc(curves: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any] | None:
    series = [roc_series(name, curve) for name, curve in curves.items() if curve]
    if not series:
        return None
    words = "How many positives are found at the price of how many false alarms. The dashed line is chance."
    return _chart("ROC", words, roc(series))


def roc_series(name: str, curve: Mapping[str, Any]) -> dict[str, Any]:
    """A ROC curve as a series of a chart."""
    points = zip(curve["false_positive_rate"], curve["true_positive_rate"], strict=True)
    return {"name": name, "points": [list(point) for point in points]}


def roc(series: list[dict[str, Any]]) -> dict[str, Any]:
    """A chart of ROC curves, with chance."""
    return {
        "kind": "lines",
        "x": {"name": "false positive rate", "low": 0, "high": 1},
        "y": {"name": "true positive rate", "low": 0, "high": 1},
        "series": [*series, {"name": "chance", "points": [[0, 0], [1, 1]], "dashed": True, "quiet": True}],
    }


def _precision_recall(channel: Mapping[str, Any]) -> dict[str, Any] | None:
    curve = channel.get("precision_recall_curve")
    if not curve:
        return None
    share = _positives(channel)[0] / sum(_positives(channel))
    points = [list(point) for point in zip(curve["recall"], curve["precision"], strict=True)]
    data = {
        "kind": "lines",
        "x": {"name": "recall", "low": 0, "high": 1},
        "y": {"name": "precision", "low": 0, "high": 1},
        "series": [
            {"name": "model", "points": points},
            {"name": "chance", "points": [[0, share], [1, share]], "dashed": True, "quiet": True},
        ],
    }
    words = f"What share of the alarms is right, the more positives are found. Chance is their share, {share:.3g}."
    return _chart("Precision and recall", words, data)


def _positives(channel: Mapping[str, Any]) -> tuple[float, float]:
    """The weight of the positive and of the negative rows."""
    support = channel["per_class"]["support"]
    return float(support[1]), float(support[0])


def _calibration(bins: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not bins:
        return None
    points = [list(point) for point in zip(bins["mean_probability"], bins["share_true"], strict=True)]
    data = {
        "kind": "lines",
        "x": {"name": "probability said", "low": 0, "high": 1},
        "y": {"name": "share that came true", "low": 0, "high": 1},
        "series": [
            {"name": "model", "points": points},
            {"name": "honest", "points": [[0, 0], [1, 1]], "dashed": True, "quiet": True},
        ],
    }
    words = "Of the rows for which 0.8 is said, 8 of 10 should be so. Below the dashed line the model is too sure."
    return _chart("Calibration", words, data)


def _predicted(rows: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not rows or not rows["label"]:
        return None
    points = [list(point) for point in zip(rows["label"], rows["value"], strict=True)]
    low, high = (pick(value for point in points for value in point) for pick in (min, max))
    data = {
        "kind": "lines",
        "x": {"name": "label"},
        "y": {"name": "predicted"},
        "series": [
            {"name": "rows", "points": points, "bare": True},
            {"name": "right", "points": [[low, low], [high, high]], "dashed": True, "quiet": True},
        ],
    }
    return _chart("Predicted against actual", "Each point is a row. On the dashed line the model is right.", data)


def _residuals(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not told:
        return None
    points = [list(point) for point in zip(told["at"], told["residual"], strict=True)]
    data = {
        "kind": "lines",
        "x": {"name": "share of rows"},
        "y": {"name": "label minus prediction"},
        "series": [{"name": "residual", "points": points}],
        "marks": [{"y": 0, "text": "right"}],
    }
    words = "How far off the model is, from the rows it overestimates most to those it underestimates most."
    return _chart("Residuals", words, data)


def _learning(curves: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    found: dict[str, list[dict[str, Any]]] = {}
    for channel, series in curves.items():
        for metric, told in series.items():
            points = [list(point) for point in zip(told["round"], told["value"], strict=True) if _finite(point[1])]
            line = {"name": channel, "points": points, "dashed": channel == "validation"}
            found.setdefault(metric, []).append(line)
    words = "Where train goes on getting better and validation does not, the model learns its rows by heart."
    return [
        _chart(
            f"Learning curve: {metric}",
            words,
            {"kind": "lines", "x": {"name": "round"}, "y": {"name": ""}, "series": series},
        )
        for metric, series in found.items()
        if any(len(line["points"]) > 1 for line in series)
    ]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def threshold(found: Document, channel: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the slider works out precision, recall and counts from; None where there is nothing to choose."""
    curve = channel.get("roc_curve")
    if found["problem"] != "binary" or not curve:
        return None
    positives, negatives = _positives(channel)
    known = [str(label) for label in channel["per_class"]["label"]]
    return {
        "caught": curve["true_positive_rate"],
        "fallen": curve["false_positive_rate"],
        "threshold": curve["threshold"],
        "positives": positives,
        "negatives": negatives,
        "classes": known[:2],
        "chosen": found["threshold"],
        "best": best["threshold"] if (best := channel.get("best_f1")) else None,
    }


def classes(channel: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a class, the most frequent first, 50 of them."""
    columns = channel.get("per_class")
    if not columns:
        return []
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return sorted(rows, key=lambda row: -row["support"])[:50]
