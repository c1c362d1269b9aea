"""XGBoost's built-in algorithm, through boto3 and through both SDKs: a job that names no program trains by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_diabetes

from tests.clients.road import until, wait_for_job
from tests.clients.scripts import Scripts
from tests.clients.test_frameworks import XGBOOST
from tests.clients.test_sdks import ROOT, run
from tests.clients.tuning import Tuning, value

FEATURES, LABELS = load_diabetes(return_X_y=True)
LIBSVM = "\n".join(
    f"{label} " + " ".join(f"{at}:{value!r}" for at, value in enumerate(row))
    for label, row in zip(LABELS.tolist(), FEATURES.astype(np.float32).tolist(), strict=True)
)


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


@pytest.fixture(scope="module")
def channels(scripts: Scripts) -> list[dict[str, Any]]:
    rows = LIBSVM.splitlines()
    for name, part in (("trees-train", rows[:300]), ("trees-validation", rows[300:])):
        scripts.road.put(f"{name}/rows.libsvm", "\n".join(part))
    return [
        scripts.road.channel(name, f"trees-{name}/", "text/libsvm") | {"InputMode": mode}
        for name, mode in (("train", "File"), ("validation", "FastFile"))
    ]


def unpacked(scripts: Scripts, job: dict[str, Any]) -> dict[str, bytes]:
    return scripts.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3])


def test_a_job_without_a_program_is_trained_and_served_by_the_built_in_algorithm(
    scripts: Scripts, channels: list[dict[str, Any]]
) -> None:
    given = {"num_round": "20", "max_depth": "3", "eta": "0.2", "eval_metric": "rmse,mae", "subsample": "0.9"}
    image = XGBOOST.replace("sagemaker-xgboost", "xgboost")
    job = scripts.run("builtin", image=image, HyperParameters=given, InputDataConfig=channels, instances=2)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = scripts.lines(job)
    assert any("2 instances were asked for, and this image trains on one" in line for line in lines)
    assert sum(line.startswith("[19]#011train-rmse:") for line in lines) == 1
    files = unpacked(scripts, job)
    assert set(files) == {"xgboost-model", "evaluation.json"}
    booster = xgboost.Booster()
    booster.load_model(bytearray(files["xgboost-model"]))
    wanted = booster.predict(xgboost.DMatrix(FEATURES[300:].astype(np.float32)))
    found = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert set(found) == {"train:rmse", "train:mae", "validation:rmse", "validation:mae"}
    assert found["validation:rmse"] == pytest.approx(float(np.sqrt(np.mean((wanted - LABELS[300:]) ** 2))), abs=1e-3)
    assert json.loads(files["evaluation.json"])["problem"] == "regression"

    road = scripts.road
    model = f"{road.prefix}-trees"
    container = {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=job["RoleArn"])
    endpoint, config = f"{road.prefix}-trees", road.config("trees", model)
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    road.wait_in_service(endpoint)
    rows = "\n".join(LIBSVM.splitlines()[300:])
    answer = road.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/libsvm", Body=rows)
    scores = [float(cell) for cell in answer["Body"].read().split(b",")]
    assert scores == pytest.approx(wanted.tolist(), rel=1e-5)
    road.delete(endpoint)


def test_a_spot_jobs_checkpoints_reach_s3_and_a_wrong_hyperparameter_fails_the_job(
    scripts: Scripts, channels: list[dict[str, Any]]
) -> None:
    place = f"s3://{scripts.road.bucket}/trees-checkpoints"
    job = scripts.run(
        "checkpoints",
        image=XGBOOST,
        HyperParameters={"num_round": "3"},
        InputDataConfig=channels,
        CheckpointConfig={"S3Uri": place},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    listed = scripts.road.s3.list_objects_v2(Bucket=scripts.road.bucket, Prefix="trees-checkpoints/")["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == [f"xgboost-checkpoint.{n}" for n in range(3)]
    job = scripts.run("wrong", image=XGBOOST, HyperParameters={"num_round": "x"}, InputDataConfig=channels)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Hyperparameter 'num_round' is 'x'")


def test_a_job_that_is_stopped_keeps_its_model_where_it_asks_for_that(
    scripts: Scripts, channels: list[dict[str, Any]]
) -> None:
    given = {"num_round": "1000000", "max_depth": "2", "save_model_on_termination": "true"}
    name = scripts.start("stopped", image=XGBOOST, HyperParameters=given, InputDataConfig=channels)
    sagemaker = scripts.road.sagemaker

    def boosting() -> bool:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job["SecondaryStatus"] == "Training" and any("#011train-rmse" in line for line in scripts.lines(job))

    until(boosting, "the job boosts")
    sagemaker.stop_training_job(TrainingJobName=name)
    job = wait_for_job(sagemaker, name)
    assert job["TrainingJobStatus"] == "Stopped"
    booster = xgboost.Booster()
    booster.load_model(bytearray(unpacked(scripts, job)["xgboost-model"]))
    assert 0 < booster.num_boosted_rounds() < 1_000_000


def test_a_tuning_job_aims_at_a_metric_that_nobody_asked_to_print(server: Any) -> None:
    tuning = Tuning(server)
    scripts = tuning.scripts
    for name, rows in (("train", LIBSVM.splitlines()[:300]), ("validation", LIBSVM.splitlines()[300:])):
        scripts.road.put(f"tuned-{name}/rows.libsvm", "\n".join(rows))
    ranges = {
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.05", "MaxValue": "0.5"}],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "6"}],
    }
    definition = tuning.learner(
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        StaticHyperParameters={"num_round": "10"},
        InputDataConfig=[
            scripts.road.channel(name, f"tuned-{name}/", "text/libsvm") for name in ("train", "validation")
        ],
    )
    config = tuning.config(jobs=2, objective=("Minimize", "validation:mae"), ranges=ranges)
    seen = tuning.ended(tuning.create("trees", config, definition))
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert 0 < value(seen["BestTrainingJob"]) < np.abs(LABELS - LABELS.mean()).mean() * 2
    assert set(seen["BestTrainingJob"]["TunedHyperParameters"]) == {"eta", "max_depth"}


def test_sdk_v2_fits_deploys_and_predicts_with_the_built_in_algorithm(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_xgboost_builtin.py", tmp_path)
    assert seen["image"].partition("/")[2] == "sagemaker-xgboost:1.7-1"
    assert seen["metrics"]["validation:auc"] > 0.9
    assert seen["predicted"][0] > 0.5 > seen["predicted"][1]


def test_sdk_v3_trains_by_the_built_in_algorithm(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_xgboost_builtin.py", tmp_path)
    assert seen["status"] == "Completed"
    assert seen["metrics"]["train:rmse"] < 0.5
    assert seen["files"] == ["evaluation.json", "xgboost-model"]
