"""A built-in algorithm by boto3: a job, its model, an endpoint."""

from __future__ import annotations

from typing import Any

from tests.clients.road import ROLE, Road, wait_for_job


def train(road: Road, repository: str, hyperparameters: dict[str, Any], *channels: dict[str, Any]) -> dict[str, Any]:
    """A training job of a built-in algorithm once it has ended."""
    name = f"{road.prefix}-{repository}"
    road.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": _image(repository), "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={key: str(value) for key, value in hyperparameters.items()},
        InputDataConfig=list(channels),
        OutputDataConfig={"S3OutputPath": f"s3://{road.bucket}/output/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    return wait_for_job(road.sagemaker, name)


def deploy(road: Road, repository: str, job: dict[str, Any]) -> str:
    """An endpoint in service that answers by the job's model."""
    name = f"{road.prefix}-{repository}"
    container = {"Image": _image(repository), "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=road.config(repository, name))
    road.wait_in_service(name)
    return name


def metrics(job: dict[str, Any]) -> dict[str, float]:
    """The last value of each metric that a job printed."""
    return {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}


def _image(repository: str) -> str:
    return f"382416733822.dkr.ecr.us-east-1.amazonaws.com/{repository}:1"
