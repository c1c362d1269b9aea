"""The evaluation of a boosted model: of how many rows it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from potager.images.boosting import report
from potager.images.boosting.data import Data, Rows
from potager.images.boosting.target import REGRESSION, Target


def test_of_a_large_train_channel_some_rows_evenly_spread_are_scored_and_of_validation_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "ROWS", 10)
    rows = Rows(np.arange(100, dtype=np.float32)[:, None], np.arange(100, dtype=np.float64))
    seen: list[list[float]] = []

    def scores(features: np.ndarray) -> np.ndarray:
        seen.append(features[:, 0].tolist())
        return features[:, 0].astype(np.float64)

    report.evaluate(tmp_path, Data(rows, rows, Target(REGRESSION, ()), {}), scores, {}, 1)
    assert seen == [[float(row) for row in range(0, 100, 11)], list(range(100))]
    found = json.loads((tmp_path / "evaluation.json").read_text())["channels"]
    assert {name: (each["rows"], each["metrics"]["r2"]) for name, each in found.items()} == {
        "train": (10, 1.0),
        "validation": (100, 1.0),
    }
