"""The SDKs' tuners, unchanged, under `potager run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.test_sdks import ROOT, run


def test_sdk_v2_tunes_deploys_the_best_attaches_and_goes_on(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_tuner.py", tmp_path)
    assert seen["rows"] == 3
    assert seen["best_is_best"]
    assert {"FinalObjectiveValue", "TrainingJobName", "learning_rate", "mini_batch_size"} <= set(seen["columns"])
    assert seen["estimator"] == "LinearLearner"
    assert seen["accuracy"] > 0.9
    assert (seen["attached"], seen["attached_ranges"]) == ("SKLearn", ["depth"])
    assert "hello" in seen["attached_static"]
    assert len(seen["values"]) == 6
    assert seen["overall_value"] == max(seen["values"])
    assert seen["script_of_best"] == "train.py"


def test_sdk_v3_tunes_a_script(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_tuner.py", tmp_path)
    assert (seen["status"], seen["completed"], seen["best"]) == ("Completed", 3, True)
    depth, flat = int(seen["tuned"]["depth"]), "flat" in seen["tuned"]["shape"]
    assert seen["value"] == pytest.approx(depth - 10 * flat)
