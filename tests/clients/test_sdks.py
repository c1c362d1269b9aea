"""The sagemaker SDKs, unchanged, under `potager run`: STS by its public host name, uploads, training, deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"


def run(python: Path, program: str, data: Path) -> dict[str, Any]:
    """What a program printed last, run under `potager run` by an interpreter that has an SDK."""
    if not python.exists():
        pytest.skip(f"{python} is not there; `make test` sets it up")
    command = [sys.executable, "-m", "potager", "run", "--data", str(data), "--", str(python), str(PROGRAMS / program)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=kept, cwd=data)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_sdk_v2_fits_deploys_and_predicts_with_linear_learner(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_linear_learner.py", tmp_path)
    assert seen["bucket"] == "sagemaker-us-east-1-000000000000"
    assert seen["account"] == "000000000000"
    assert seen["role"] == "arn:aws:iam::000000000000:role/PotagerExecutionRole"
    assert seen["accuracy"] > 0.9
    assert 0 <= seen["scores"][0] < 0.5 < seen["scores"][1] <= 1


def test_sdk_v3_finds_its_bucket_account_and_role(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_session.py", tmp_path)
    assert seen == {
        "bucket": "sagemaker-us-east-1-000000000000",
        "account": "000000000000",
        "role": "arn:aws:iam::000000000000:role/PotagerExecutionRole",
    }
