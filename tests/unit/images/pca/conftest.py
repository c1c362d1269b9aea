"""A job folder made inline."""

from __future__ import annotations

from pathlib import Path

import pytest

from potager.images.pca import serve, train
from tests.unit.images.jobs import Job


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)
