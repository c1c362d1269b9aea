"""A job folder of the built-in algorithm made inline, and rows to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.xgboost import serve, train
from tests.unit.images.jobs import Job


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Three hundred rows of four features, float32, and what lies beneath their labels."""
    random = np.random.default_rng(7)
    features = random.normal(size=(300, 4)).astype(np.float32)
    return features, features[:, 0] - 2 * np.abs(features[:, 1]) + random.normal(size=300) / 4
