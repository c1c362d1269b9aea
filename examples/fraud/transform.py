"""A finished job's model asked about a folder of rows, by a batch transform: no endpoint stands for it."""

from collections.abc import Callable
from typing import Any

import deploy
import numpy as np
from aws import Aws
from botocore.exceptions import WaiterError
from errors import RoadError
from leftovers import Leftovers
from terminal import watched


def scores(
    aws: Aws, leftovers: Leftovers, job: dict, bucket: str, folder: str, accept: str, read: Callable[[str], float]
) -> dict[str, np.ndarray]:
    """The answers `(n_rows,)` by file of the folder.

    Parameters
    ----------
    job : the description of a training job that completed
    folder : of the bucket; its files hold rows of features
    accept : the content type of the answers, one a line
    read : a line's number
    """
    name = f"{job['TrainingJobName'][:55]}-{folder[:7]}"
    image, artifact = job["AlgorithmSpecification"]["TrainingImage"], job["ModelArtifacts"]["S3ModelArtifacts"]
    leftovers.add(f"deleted model {name}", lambda: deploy.delete_model(aws, name))
    deploy.create_model(aws, name, image, artifact, job["RoleArn"])
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{folder}/"}
    aws.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={
            "S3OutputPath": f"s3://{bucket}/scores/{name}/",
            "Accept": accept,
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    _wait(aws, name)
    return {key: np.array([read(line) for line in lines]) for key, lines in _answers(aws, bucket, f"scores/{name}/")}


def _wait(aws: Aws, name: str) -> None:
    waiter = aws.sagemaker.get_waiter("transform_job_completed_or_stopped")
    try:
        with watched(aws.sagemaker, "DescribeTransformJob", lambda found: found.get("TransformJobStatus", "unknown")):
            waiter.wait(TransformJobName=name, WaiterConfig=aws.waiter)
    except WaiterError as error:
        reason = error.last_response.get("FailureReason", str(error))
        raise RoadError(f"The transform job {name} failed: {reason}") from error


def _answers(aws: Aws, bucket: str, prefix: str) -> Any:
    for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", ()):
            text = aws.s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read().decode()
            yield found["Key"].removeprefix(prefix).removesuffix(".csv.out"), text.splitlines()
