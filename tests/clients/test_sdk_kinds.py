"""The SDKs' classes for endpoints of several containers and of many models, unchanged, under `potager run`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from tests.clients.test_sdks import ROOT, run
from tests.clients.test_sklearn_endpoint import archive

ROWS = np.arange(40.0).reshape(20, 2) % 7


def artifact(model: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return archive({"model.joblib": stream.getvalue()})


def test_sdk_v2_deploys_a_pipeline_model(tmp_path: Path) -> None:
    scaler = StandardScaler().fit(ROWS)
    (tmp_path / "scaler.tar.gz").write_bytes(artifact(scaler))
    regression = LinearRegression().fit(scaler.transform(ROWS), ROWS.sum(axis=1))
    (tmp_path / "regression.tar.gz").write_bytes(artifact(regression))
    artifacts = [str(tmp_path / f"{name}.tar.gz") for name in ("scaler", "regression")]
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_pipeline.py", tmp_path, *artifacts)
    assert seen["predicted"] == pytest.approx([3, 7])
    assert seen["programs"] == ["scales.py", "predicts.py"]


def test_sdk_v2_deploys_adds_lists_and_asks_the_models_of_a_multi_data_model(tmp_path: Path) -> None:
    artifacts = [tmp_path / f"{name}.tar.gz" for name in ("sum", "difference")]
    for path, answers in zip(artifacts, (ROWS.sum(axis=1), ROWS[:, 0] - ROWS[:, 1]), strict=True):
        path.write_bytes(artifact(LinearRegression().fit(ROWS, answers)))
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_many.py", tmp_path, *map(str, artifacts))
    names = ["0/model.tar.gz", "1/model.tar.gz"]
    assert [url.rpartition("/many/")[2] for url in seen["added"]] == names
    assert seen["listed"] == names
    assert seen["predicted"] == {names[0]: pytest.approx([3]), names[1]: pytest.approx([-1])}


def test_sdk_v3_deploys_containers_side_by_side_and_many_models_by_its_resources(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(artifact(LinearRegression().fit(ROWS, ROWS.sum(axis=1))))
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_kinds.py", tmp_path, str(tmp_path / "a.tar.gz"))
    assert seen == {"right": pytest.approx([3]), "a": pytest.approx([3]), "mode": "MultiModel"}
