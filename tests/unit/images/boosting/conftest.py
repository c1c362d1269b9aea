"""Jobs of both images that are built on `boosting`: what one refuses, the other refuses."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.images.jobs import Job

IMAGES = ("catboost", "lightgbm")


@pytest.fixture(params=IMAGES)
def job(request: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    package = f"potager.images.{request.param}"
    train, serve = (importlib.import_module(f"{package}.{name}") for name in ("train", "serve"))
    return Job(train.main, serve.load, tmp_path / "ml", capsys)
