"""The sagemaker SDK v3 whole: trainers, builders and the core resources, unchanged, under `potager run`."""

from __future__ import annotations

import json
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.processing import Processing
from tests.clients.scripts import Scripts
from tests.clients.test_sdks import PROGRAMS, ROOT, run
from tests.clients.test_sklearn_endpoint import archive, pickled
from tests.wheels import wheel

SDK3 = ROOT / ".venv/sdk3/bin/python"


@pytest.fixture
def artifact(tmp_path: Path) -> str:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive({"model.joblib": pickled()}))
    return str(path)


def test_a_model_trainer_runs_scripts_and_commands_and_shows_their_log(tmp_path: Path) -> None:
    seen = run(SDK3, "sdk3_trainer.py", tmp_path)
    assert (seen["status"], seen["metrics"]) == ("Completed", {"train:loss": pytest.approx(0.3)})
    expected = {"depth": 3, "note": "two words", "rows": ["a.csv", "b.csv"], "hosts": ["algo-1"]}
    assert {name: seen["told"][name] for name in expected} == expected
    assert Path(seen["told"]["cwd"]).parts[-3:] == ("input", "data", "code")
    assert "Training Container Execution Completed" in seen["log"]
    assert not any("://WyJ0" in line and "AWS_SECRET" in line for line in seen["log"])
    assert seen["others"] == {"command": "Completed", "fails": "Failed"}
    assert "Training Execution failed" in seen["reason"]


def test_a_model_trainer_s_requirements_are_installed_for_its_script(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    source = tmp_path / "source"
    wheel(source / "wheels", "tidings", "1.8")
    (source / "requirements.txt").write_text("--no-index\n--find-links wheels\ntidings\n")
    (source / "train.py").write_text("import tidings, torch; print('has', tidings.VERSION, torch.ones(2).sum().item())")
    seen = run(SDK3, "sdk3_requirements.py", tmp_path, str(source))
    assert seen["status"] == "Completed"
    assert "Successfully installed tidings-1.8" in seen["lines"]
    assert "has 1.8 2.0" in seen["lines"]
    assert any(line.startswith("Potager runs ") and "/pytorch-training:2.4.0" in line for line in seen["lines"])


def test_torchrun_finds_its_processes_on_one_instance_and_on_two(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    seen = run(SDK3, "sdk3_torchrun.py", tmp_path)
    assert seen == {"one": {"world": 2, "total": 3}, "two": {"world": 2, "total": 3}}


def test_a_model_builder_deploys_an_inference_script(tmp_path: Path, artifact: str) -> None:
    seen = run(SDK3, "sdk3_builder.py", tmp_path, artifact)
    assert seen["told"] == {"predicted": pytest.approx([3]), "mine": "yes"}
    assert seen["environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert seen["left"] == []


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter that finds the SDK and the server's packages, as a user's notebook does.

    pip finds one wheel, which stands for the SDK: it leads to where that is installed.
    """
    sdk = next(iter((ROOT / ".venv/sdk3/lib").glob("python3*/site-packages")), None)
    if sdk is None:
        pytest.skip(".venv/sdk3 is not there; `make test` sets it up")
    wheel(tmp_path / "index", "sagemaker_serve", "1.27.0", {"sdk.pth": f"{sdk.resolve()}\n"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    home = tmp_path / "beside"
    venv.create(home, symlinks=True, with_pip=False)
    packages = next(iter((home / "lib").glob("python3*/site-packages")))
    own = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "beside.pth").write_text("\n".join([str(sdk.resolve()), *own, ""]))
    return home / "bin/python"


def test_a_model_builder_deploys_models_and_an_inference_spec_as_they_are(tmp_path: Path, beside: Path) -> None:
    for name in ("sklearn", "torch", "xgboost"):
        pytest.importorskip(name)
    seen = run(beside, "sdk3_models.py", tmp_path)
    for name in ("sklearn", "xgboost", "torch"):
        deployed, here = seen[name]
        assert np.ravel(deployed) == pytest.approx(np.ravel(here)), name
    assert seen["spec"] == {"doubled": [6, 8], "files": ["code"]}


def test_core_resources_are_created_got_listed_awaited_and_deleted(tmp_path: Path, artifact: str) -> None:
    seen = run(SDK3, "sdk3_resources.py", tmp_path, artifact)
    assert seen["jobs"] == {"v3-done": "Completed", "v3-held": "Stopped"}
    assert "Requested resource not found" in seen["absent"]
    assert seen["answer"] == pytest.approx([3], abs=1e-5)
    assert seen["listed"] == ["v3-endpoint"]
    assert (seen["transform"], len(seen["transformed"])) == ("Completed", 2)


@pytest.mark.parametrize("kind", ["training", "processing"])
def test_the_sdk_finds_bucket_and_role_inside_a_job(server: Any, kind: str) -> None:
    packages = next(iter((ROOT / ".venv/sdk2/lib").glob("python3*/site-packages")), None)
    if packages is None:
        pytest.skip(".venv/sdk2 is not there; `make test` sets it up")
    program, told = (PROGRAMS / "sdk2_inside.py").read_text(), {"SDK": str(packages.resolve())}
    if kind == "training":
        scripts = Scripts(server)
        lines = scripts.lines(scripts.script("inside", {"train.py": program}, Environment=told))
    else:
        processing = Processing(server)
        lines = processing.lines(processing.completed("inside", program, Environment=told))
    assert json.loads(lines[-1]) == {
        "bucket": "sagemaker-us-east-1-000000000000",
        "account": "000000000000",
        "role": "arn:aws:iam::000000000000:role/PotagerExecutionRole",
        "uploaded": "s3://sagemaker-us-east-1-000000000000/inside.txt",
    }
