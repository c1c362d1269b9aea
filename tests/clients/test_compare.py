"""The tutorial of the algorithms: five of them on the same claims, and one table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import potager

PROGRAM = Path(__file__).parents[2] / "examples" / "fraud" / "compare.py"


def test_the_tutorial_compares_five_algorithms_and_removes_what_it_made(server: potager.Local):
    before = set(_buckets(server))
    asked = [sys.executable, str(PROGRAM), "--rows", "600", "--trials", "3"]
    ended = subprocess.run(asked, env=os.environ | server.env, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = {line[:30].strip(): line[30:].split() for line in ended.stdout.splitlines() if line.rstrip().endswith(" s")}
    for model in ("linear-learner", "xgboost", "xgboost, best of 3", "randomcutforest, no labels"):
        assert 0.3 < float(rows[model][0]) <= 1
    assert "3 trials, best AUC on validation" in ended.stdout
    assert "umbrella limit" in ended.stdout
    assert set(_buckets(server)) == before


def _buckets(server: potager.Local) -> list[str]:
    return [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]]
