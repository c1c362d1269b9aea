"""lightgbm and catboost through boto3: a table with words is trained on, and the endpoint answers with its labels."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.clients.road import ROLE, Road, wait_for_job

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def rows(count: int, seed: int) -> str:
    """A label of words, a number that may be missing, a colour."""
    source, lines = random.Random(seed), list[str]()
    for _ in range(count):
        colour, number = source.choice(["red", "green", "blue"]), source.gauss(0, 1)
        label = "ripe" if (colour == "red") != (number > 1) else "unripe"
        lines.append(f"{label},{'' if source.random() < 0.05 else f'{number:.4f}'},{colour}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("algorithm", "given", "metric"),
    [
        ("lightgbm", {"num_boost_round": "40"}, "binary_logloss"),
        ("catboost", {"iterations": "40", "learning_rate": "0.3", "eval_metric": "Logloss"}, "Logloss"),
    ],
)
def test_a_table_with_words_is_learned_and_its_labels_are_answered(
    road: Road, algorithm: str, given: dict[str, str], metric: str
) -> None:
    road.put("fruit/train/data.csv", rows(600, 1))
    road.put("fruit/validation/data.csv", rows(200, 2))
    road.put("fruit/categorical_index.json", '{"cat_index_list": [2]}')
    name, image = f"{road.prefix}-{algorithm}", f"{REGISTRY}/{algorithm}:1"
    road.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters=given,
        InputDataConfig=[road.channel("training", "fruit/")],
        OutputDataConfig={"S3OutputPath": f"s3://{road.bucket}/output/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = wait_for_job(road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    final = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert final[metric] < 0.3
    container = {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    road.sagemaker.create_model(
        ModelName=f"{road.prefix}-m{algorithm}", PrimaryContainer=container, ExecutionRoleArn=ROLE
    )
    config = road.config(f"c{algorithm}", f"{road.prefix}-m{algorithm}")
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    road.wait_in_service(name)
    answer = road.runtime.invoke_endpoint(
        EndpointName=name,
        ContentType="text/csv",
        Accept="application/json;verbose",
        Body="-0.5,red\n-0.5,blue\n,green\n",
    )
    found = json.loads(answer["Body"].read())
    assert found["labels"] == ["ripe", "unripe"]
    assert found["predicted_label"] == ["ripe", "unripe", "unripe"]
    road.delete(name)


def test_a_job_says_which_cell_it_cannot_use(road: Road) -> None:
    road.put("spoilt/data.csv", rows(20, 1))
    job = road.train("spoilt", image=f"{REGISTRY}/lightgbm:1", channels=[road.channel("train", "spoilt/")])
    assert job["TrainingJobStatus"] == "Failed"
    assert "Unknown hyperparameter" in job["FailureReason"]
