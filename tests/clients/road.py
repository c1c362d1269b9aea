"""The steps of a road that tests walk: data in a bucket, a job, a model, an endpoint."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
ROLE = "arn:aws:iam::000000000000:role/PotagerExecutionRole"
WAIT = {"Delay": 0.05, "MaxAttempts": 1200}


def claims_csv(rows: int, seed: int = 0, label: bool = True) -> str:
    """Rows of four numbers, before them a label that they explain."""
    source = random.Random(seed)
    lines: list[str] = []
    for _ in range(rows):
        values = [source.gauss(0, 1) for _ in range(4)]
        answer = int(values[0] - values[1] + source.gauss(0, 0.3) > 0)
        lines.append(",".join([str(answer)] * label + [f"{value:.5f}" for value in values]))
    return "\n".join(lines) + "\n"


def until(look: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first true thing that `look` sees; `AssertionError` with `what` was waited for when none comes in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:g} seconds"
        pause.wait(0.01)
    return seen


def wait_until_training(sagemaker: Any, name: str) -> None:
    """Returns while a job trains; `AssertionError` with its FailureReason when it ended before."""

    def training() -> bool:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        status = job["TrainingJobStatus"]
        assert status == "InProgress", f"{name} is {status} before it was seen to train: {job.get('FailureReason')}"
        return job["SecondaryStatus"] == "Training"

    until(training, f"the training of {name}")


def wait_for_job(sagemaker: Any, name: str) -> dict[str, Any]:
    """The job once it has ended, however it ended."""
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    try:
        waiter.wait(TrainingJobName=name, WaiterConfig=WAIT)
    except Exception as error:
        if "terminal failure" not in str(error):
            raise
    return sagemaker.describe_training_job(TrainingJobName=name)


class Road:
    """A bucket with training data, and what is made from it."""

    def __init__(self, server: Any) -> None:
        self.s3 = server.client("s3")
        self.sagemaker = server.client("sagemaker")
        self.runtime = server.client("sagemaker-runtime")
        self.prefix = f"t{uuid.uuid4().hex[:10]}"
        self.bucket = f"road-{self.prefix}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.put("train/claims.csv", claims_csv(600))
        self.put("validation/claims.csv", claims_csv(200, seed=1))
        self._job: dict[str, Any] | None = None

    def put(self, key: str, text: str | bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text)

    def channel(self, name: str, prefix: str | None = None, content_type: str = "text/csv") -> dict[str, Any]:
        uri = f"s3://{self.bucket}/{prefix or name + '/'}"
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": content_type}

    def start(
        self,
        name: str,
        *,
        hyperparameters: dict[str, str] | None = None,
        channels: list[dict[str, Any]] | None = None,
        image: str = IMAGE,
        limit: int = 600,
        full_name: str | None = None,
        output: dict[str, str] | None = None,
    ) -> str:
        """Creates a training job and gives its name."""
        job = full_name or f"{self.prefix}-{name}"
        self.sagemaker.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            RoleArn=ROLE,
            HyperParameters={"predictor_type": "binary_classifier", "mini_batch_size": "100", "epochs": "5"}
            | (hyperparameters or {}),
            InputDataConfig=channels or [self.channel("train"), self.channel("validation")],
            OutputDataConfig=output or {"S3OutputPath": f"s3://{self.bucket}/output/"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": limit},
        )
        return job

    def train(self, name: str, **changes: Any) -> dict[str, Any]:
        """A training job once it has ended."""
        return wait_for_job(self.sagemaker, self.start(name, **changes))

    def train_once(self) -> dict[str, Any]:
        """A completed job; the same one for this road."""
        self._job = self._job or self.train("once")
        return self._job

    def model(self, name: str, job: dict[str, Any], **more: Any) -> str:
        model = f"{self.prefix}-{name}"
        container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
        self.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE, **more)
        return model

    def config(self, name: str, model: str, weight: float = 1.0) -> str:
        config = f"{self.prefix}-{name}"
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
        return config

    def deploy(self, job: dict[str, Any], name: str) -> str:
        """An endpoint in service."""
        endpoint = f"{self.prefix}-{name}"
        config = self.config(name, self.model(name, job))
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        self.wait_in_service(endpoint)
        return endpoint

    def wait_in_service(self, endpoint: str) -> None:
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=WAIT)

    def delete(self, endpoint: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        self.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint, WaiterConfig=WAIT)
