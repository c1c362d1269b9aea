"""Tuning jobs by the AWS CLI, from a file, as `--cli-input-json` reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_s3_programs import BIN, program
from tests.clients.tuning import Tuning


def test_the_aws_cli_tunes_from_a_file(server: Any, tmp_path: Path) -> None:
    if not (BIN.parent / "ready").exists():
        pytest.skip(f"{BIN.parent} is not there; `make test` sets it up")
    tuning = Tuning(server)
    request = {
        "HyperParameterTuningJobName": tuning.name("cli"),
        "HyperParameterTuningJobConfig": tuning.config(jobs=3),
        "TrainingJobDefinition": tuning.definition("cli"),
        "Tags": [{"Key": "team", "Value": "claims"}],
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    program(server, tmp_path, "clients_aws_cli_tuning.py", tmp_path / "request.json")
