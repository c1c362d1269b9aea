"""The framework images: scripts that train with them, models that they serve, and what is said where one is missing."""

from __future__ import annotations

import importlib.util
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from tests.clients.road import Road
from tests.clients.scripts import Scripts
from tests.clients.test_sdks import ROOT, run
from tests.clients.test_sklearn_endpoint import ask, create, log, reason, serve
from tests.unit.images.huggingface.tiny import save

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
HUGGING_FACE = ECR + "huggingface-pytorch-inference:2.1.0-transformers4.37.0-cpu-py310-ubuntu22.04"
TENSORFLOW = ECR + "tensorflow-training:2.16.1-cpu-py310-ubuntu20.04-sagemaker"

ROWS = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


def test_sdk_v2_fits_deploys_and_predicts_with_an_xgboost_script(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_xgboost.py", tmp_path)
    assert seen["image"].partition("/")[2].startswith("sagemaker-xgboost:1.7-1")
    assert set(seen["metrics"]) == {"train:auc", "train:logloss", "validation:auc", "validation:logloss"}
    assert seen["metrics"]["validation:auc"] > 0.9
    assert seen["deployed"][0] > 0.5 > seen["deployed"][1]
    assert seen["libsvm"] == pytest.approx(seen["deployed"])


def test_sdk_v2_fits_deploys_and_predicts_with_a_pytorch_script(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_pytorch.py", tmp_path)
    assert seen["image"].partition("/")[2].startswith("pytorch-training:2.3")
    assert seen["metrics"]["loss"] < 0.1
    assert seen["deployed"] == pytest.approx([2, -1], abs=0.3)
    assert seen["scripted"] == pytest.approx([-value for value in seen["deployed"]])


def test_sdk_v2_fits_deploys_and_predicts_with_hugging_face(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_huggingface.py", tmp_path)
    assert seen["image"].partition("/")[2].startswith("huggingface-pytorch-training:2.1")
    assert seen["metrics"]["loss"] < 0.1
    assert seen["labels"] == ["good", "bad"]


def test_the_first_lines_say_what_is_really_used_and_metrics_are_read_unasked(scripts: Scripts) -> None:
    program = r"""
        import os
        print("module", os.environ["SM_FRAMEWORK_MODULE"])
        print("[0]#011train-auc:0.5#011validation-auc:0.4")
        print("[1]\ttrain-auc:0.93\tvalidation-auc:9e-1\tvalidation-rmse:0.25")
    """
    job = scripts.script("metrics", {"train.py": program}, image=XGBOOST)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert found == pytest.approx({"train:auc": 0.93, "validation:auc": 0.9, "validation:rmse": 0.25})
    lines = scripts.lines(job)
    assert f"xgboost-cpu {xgboost.__version__}" in lines[1] or f"xgboost {xgboost.__version__}" in lines[1]
    assert "module sagemaker_xgboost_container.training:main" in lines


def test_an_xgboost_model_answers_without_a_script(server: Any, road: Road) -> None:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, ROWS[:, 0] > 0), 5)
    endpoint = serve(road, "booster", {"xgboost-model": pickle.dumps(booster)}, image=XGBOOST)
    body, kind = ask(road, endpoint, "2,0\n-2,0", "text/csv")
    wanted = booster.predict(xgboost.DMatrix(np.array([[2, 0], [-2, 0]], np.float32))).tolist()
    assert ([float(cell) for cell in body.split(b",")], kind) == (pytest.approx(wanted), "text/csv")
    assert json.loads(ask(road, endpoint, "0:2 1:0", "text/libsvm", "application/json")[0]) == {
        "predictions": [{"score": pytest.approx(wanted[0])}]
    }
    assert f"xgboost {xgboost.__version__}" in log(server, endpoint)
    road.delete(endpoint)


def test_a_pipeline_of_transformers_answers_without_a_script(server: Any, road: Road, tmp_path: Path) -> None:
    save(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    named = {"HF_TASK": "text-classification"}
    endpoint = serve(road, "pipeline", files, image=HUGGING_FACE, isolated=True, **named)
    found = json.loads(ask(road, endpoint, json.dumps({"inputs": "good day"}), "application/json")[0])
    assert [set(one) for one in found] == [{"label", "score"}]
    assert "transformers 5" in log(server, endpoint)
    road.delete(endpoint)


def test_a_model_of_the_hub_without_a_network_fails_with_the_remedy(road: Road) -> None:
    named = {"HF_TASK": "fill-mask", "HF_MODEL_ID": "no/such-model"}
    endpoint = create(road, "hub", None, image=HUGGING_FACE, isolated=True, **named)
    assert "HF_MODEL_ID is 'no/such-model', which cannot be loaded" in reason(road, endpoint)
    road.delete(endpoint)


def test_an_image_whose_extra_is_missing_fails_with_the_command_that_mends_it(road: Road, scripts: Scripts) -> None:
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is installed here")
    job = scripts.script("missing", {"train.py": "print(1)"}, image=TENSORFLOW)
    assert job["TrainingJobStatus"] == "Failed"
    assert "needs tensorflow-cpu" in job["FailureReason"]
    assert "pip install 'potager[tensorflow]'" in job["FailureReason"]
    endpoint = create(road, "missing", {"1/saved_model.pb": b""}, image=TENSORFLOW.replace("training", "inference"))
    assert "pip install 'potager[tensorflow]'" in reason(road, endpoint)
    road.delete(endpoint)
