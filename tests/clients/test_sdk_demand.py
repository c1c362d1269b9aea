"""Serverless and asynchronous endpoints through the SDKs' own classes, unchanged, under `potager run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.test_sdks import ROOT, run
from tests.clients.test_sklearn_endpoint import archive, pickled


def test_sdk_v2_deploys_serverless_and_predicts_asynchronously(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_demand.py", tmp_path)
    assert seen["serverless"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    assert seen["predicted"] == seen["labels"]
    assert seen["output"].startswith("s3://sagemaker-us-east-1-000000000000/v2-async/out/")
    assert "not a number" in seen["failed"]


def test_sdk_v3_deploys_serverless_and_invokes_asynchronously(tmp_path: Path) -> None:
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(archive({"model.joblib": pickled()}))
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_demand.py", tmp_path, str(artifact))
    assert seen["answered"]["predicted"] == pytest.approx([3])
    assert seen["told"]["predicted"] == pytest.approx([3])
    assert seen["most"] == 2
