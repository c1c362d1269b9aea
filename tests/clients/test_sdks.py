"""The sagemaker SDKs, unchanged, under `potager run`: STS by its public host name, uploads, training, deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.road import IMAGE, ROLE
from tests.clients.test_sklearn_endpoint import IMAGE as SKLEARN
from tests.clients.test_sklearn_endpoint import archive, pickled

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"


def run(python: Path, program: str, data: Path, *arguments: str) -> dict[str, Any]:
    """What a program printed last, run under `potager run` by an interpreter that has an SDK."""
    if not python.exists():
        pytest.skip(f"{python} is not there; `make test` sets it up")
    command = [sys.executable, "-m", "potager", "run", "--data", str(data), "--", str(python), str(PROGRAMS / program)]
    command += arguments
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=kept, cwd=data)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_sdk_v2_fits_deploys_and_predicts_with_linear_learner(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_linear_learner.py", tmp_path)
    assert seen["bucket"] == "sagemaker-us-east-1-000000000000"
    assert seen["account"] == "000000000000"
    assert seen["role"] == ROLE
    assert seen["image"] == IMAGE
    assert seen["accuracy"] > 0.9
    assert 0 <= seen["scores"][0] < 0.5 < seen["scores"][1] <= 1


def test_sdk_v2_clusters_and_projects_with_kmeans_and_pca(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_kmeans_pca.py", tmp_path)
    assert seen["together"] == 1
    assert 1.5 < seen["distance"] < 2.5  # of five features with a deviation of 1
    assert seen["shape"] == [300, 2]
    assert seen["variances"][1] > 100 > seen["variances"][0]  # the largest component is the last


def test_sdk_v2_deploys_a_scikit_learn_model_of_ones_own(tmp_path: Path) -> None:
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(archive({"model.joblib": pickled()}))
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_sklearn_model.py", tmp_path, str(artifact))
    assert seen["image"] == SKLEARN
    assert seen["predicted"] == pytest.approx([3, 7])
    assert seen["row"] == pytest.approx([11])


def test_sdk_v3_finds_its_bucket_account_and_role(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_session.py", tmp_path)
    assert seen == {
        "bucket": "sagemaker-us-east-1-000000000000",
        "account": "000000000000",
        "role": ROLE,
    }


def test_sdk_v2_trains_a_scikit_learn_script(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_sklearn.py", tmp_path)
    assert (seen["status"], seen["files"]) == ("Completed", ["model.joblib"])
    assert seen["metrics"]["train:accuracy"] > 0.95


def test_sdk_v2_trains_on_spot_from_checkpoints_and_in_a_warm_pool(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_long.py", tmp_path)
    assert seen["steps"] == [0, 1, 0, 1]
    assert seen["checkpoints"]["LocalPath"] == "/opt/ml/saved"
    assert (seen["spot"], seen["retries"]) == (True, 2)
    assert seen["pools"] == ["Reused", "Terminated"]


def test_sdk_v2_fits_with_logs_deploys_and_predicts_with_the_generic_estimator(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_estimator.py", tmp_path)
    assert seen["status"] == "Completed"
    assert seen["metrics"]["train:accuracy"] > 0.95
    assert seen["environment"] == {"GREETING": "hello"}
    assert "python train.py --criterion gini --max-leaf-nodes 30" in seen["logs"]
    assert "train-accuracy=" in seen["logs"]
    assert "Training seconds: " in seen["logs"]
    assert seen["predicted"] == {"labels": [1, 0]}


def test_sdk_v2_fits_deploys_and_predicts_with_random_cut_forest(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_randomcutforest.py", tmp_path)
    assert seen["found"] == list(range(0, 1000, 100))
    assert seen["metrics"]["test:f1"] == 1.0


@pytest.mark.parametrize(("algorithm", "rounds"), [("lightgbm", "num_boost_round"), ("catboost", "iterations")])
def test_sdk_v2_fits_deploys_and_predicts_with_boosted_trees(tmp_path: Path, algorithm: str, rounds: str) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_boosting.py", tmp_path, algorithm, rounds)
    assert seen["members"] == ["probabilities"]
    assert seen["accuracy"] > 0.85


def test_sdk_v2_fits_deploys_and_predicts_with_ip_insights(tmp_path: Path) -> None:
    own, strange = run(ROOT / ".venv/sdk2/bin/python", "sdk2_ipinsights.py", tmp_path)
    assert own > 0 > strange
