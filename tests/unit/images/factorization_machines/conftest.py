"""A job folder made inline, and ratings to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from potager.images.factorization_machines import serve, train
from tests.unit.images.jobs import Job

Rating = tuple[dict[int, float], float]


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)


@pytest.fixture
def ratings() -> list[Rating]:
    """Four thousand ratings of 25 users for 30 items, of two tastes, without noise: nothing but pairs explains them."""
    random = np.random.default_rng(4)
    users, items = random.normal(size=(25, 2)), random.normal(size=(30, 2))
    who, what = random.integers(0, 25, 4000), random.integers(0, 30, 4000)
    values = (users[who] * items[what]).sum(axis=1)
    return [({int(u): 1.0, 25 + int(i): 1.0}, float(v)) for u, i, v in zip(who, what, values, strict=True)]
