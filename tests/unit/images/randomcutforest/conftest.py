"""A job folder made inline, and rows with a few that stand apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.randomcutforest import serve, train
from tests.unit.images.jobs import Job


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)


@pytest.fixture
def planted() -> tuple[np.ndarray, np.ndarray]:
    """A thousand rows of three features, of which ten, labelled 1, lie far away."""
    random = np.random.default_rng(3)
    rows, labels = random.normal(size=(1000, 3)), np.zeros(1000, int)
    labels[::100] = 1
    rows[::100] += random.choice([-9, 9], size=(10, 3))
    return rows, labels
