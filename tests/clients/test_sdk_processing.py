"""The SDKs' processors, unchanged, under `potager run`."""

from __future__ import annotations

from pathlib import Path

from tests.clients.test_sdks import ROOT, run


def test_sdk_v2_runs_its_four_processors(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_processing.py", tmp_path)
    assert seen["rows"] == {"train": 80, "test": 20}
    assert seen["report"] == {"title": "claims", "arguments": ["--depth", "3"], "status": "InProgress"}
    assert seen["message"] == "said"
    assert "plain" in seen["logs"]


def test_sdk_v3_runs_a_framework_processor_and_a_job_as_a_resource(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_processing.py", tmp_path)
    assert seen["report"] == {"title": "claims", "arguments": ["--depth", "3"], "status": "InProgress"}
    assert "AlgorithmError: KeyError: 'a', exit code: 1" in seen["said"]
