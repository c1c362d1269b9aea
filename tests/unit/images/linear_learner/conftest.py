"""A job folder made inline, and claims to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.linear_learner import serve, train
from tests.unit.images.jobs import Job


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)


@pytest.fixture
def claims() -> tuple[np.ndarray, np.ndarray]:
    """Two hundred rows of four features with labels 0 and 1, separable but for noise."""
    random = np.random.default_rng(7)
    features = random.normal(size=(200, 4)) * [1, 10, 0.1, 1000] + [0, 5, 0, -3000]
    raw = features[:, 0] + features[:, 1] / 10 - 1 + random.logistic(size=200) / 2
    return features, (raw > 0).astype(int)
