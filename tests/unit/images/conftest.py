from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

VARIABLES = (
    "SAGEMAKER_PROGRAM",
    "SAGEMAKER_SUBMIT_DIRECTORY",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
    "SAGEMAKER_BATCH",
    "HF_TASK",
    "HF_MODEL_ID",
)


@pytest.fixture(autouse=True)
def own_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts back what a script changes of the interpreter, and clears the variables that an image reads."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    known, cells = set(sys.modules), csv.field_size_limit()
    yield
    csv.field_size_limit(cells)
    for name in set(sys.modules) - known:
        if name.startswith(("inference", "script_", "sagemaker_", "helper")):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a script into a model folder, which it gives."""

    def written(text: str, name: str = "model/code/inference.py") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path / "model"

    return written
