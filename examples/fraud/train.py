"""Step 4 of the road: a training job of SageMaker's own linear-learner, followed to its end.

The image URI is the one that the SageMaker SDK's ``image_uris.retrieve("linear-learner", region)`` gives
(`registries.py`). Potager takes the image by its repository's name, and runs its own linear-learner.
"""

from collections.abc import Iterator
from typing import Any

from aws import Aws, is_absent
from botocore.exceptions import ClientError, WaiterError
from errors import RoadError
from registries import image_uri
from terminal import say, watched

CHANNELS = {"train": ("train", "text/csv"), "validation": ("validation", "text/csv")}  # name: folder, content type
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
LIMIT = {"MaxRuntimeInSeconds": 1800}
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
RARE_POSITIVES = 0.15  # the share below which positives count as rare
FOR_COMMON = {"binary_classifier_model_selection_criteria": "f_beta"}  # the threshold weighs recall and precision alike
FOR_RARE = {  # few positives are easily given up for lost: weigh them up, and ask for most of them
    "positive_example_weight_mult": "balanced",
    "binary_classifier_model_selection_criteria": "precision_at_target_recall",
    "target_recall": "0.8",
}


def hyperparameters(rows: int, positive_share: float) -> dict[str, str]:
    """What linear-learner is told; all that is not here keeps SageMaker's default.

    Parameters
    ----------
    rows : training rows
    positive_share : of them, from 0 to 1
    """
    return {
        "predictor_type": "binary_classifier",
        **(FOR_RARE if positive_share < RARE_POSITIVES else FOR_COMMON),
        "epochs": "30",
        "mini_batch_size": str(min(1000, max(16, rows // 20))),  # the default of 1,000 would be one step an epoch here
    }


def start(
    aws: Aws,
    job: str,
    role: str,
    bucket: str,
    parameters: dict[str, str],
    repository: str = "linear-learner",
    prefixes: dict[str, tuple[str, str]] = CHANNELS,
) -> str:
    """Create a training job on folders of the bucket, by default of linear-learner; returns its ARN."""
    answer = aws.sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=role,
        AlgorithmSpecification={
            "TrainingImage": image_uri(aws.region, aws.suffix, repository),
            "TrainingInputMode": "File",
        },
        HyperParameters=parameters,
        InputDataConfig=channels(bucket, prefixes),
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output/"},
        ResourceConfig=RESOURCES,
        StoppingCondition=LIMIT,
    )
    return answer["TrainingJobArn"]


def channels(bucket: str, prefixes: dict[str, tuple[str, str]] = CHANNELS) -> list[dict[str, Any]]:
    """Channels by name, each a folder of the bucket and its content type."""
    return [_channel(name, f"s3://{bucket}/{prefix}/", kind) for name, (prefix, kind) in prefixes.items()]


def _channel(name: str, uri: str, kind: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": kind, "DataSource": {"S3DataSource": source}}


def wait(aws: Aws, job: str) -> dict[str, Any]:
    """Wait for the job's end with boto3's own waiter.

    Returns
    -------
    the job's description, with ``ModelArtifacts`` and ``FinalMetricDataList``

    Raises
    ------
    RoadError
        with the job's ``FailureReason``, where it did not complete
    """
    waiter = aws.sagemaker.get_waiter("training_job_completed_or_stopped")
    try:
        with watched(aws.sagemaker, "DescribeTrainingJob", _status):
            waiter.wait(TrainingJobName=job, WaiterConfig=aws.waiter)
    except WaiterError as error:
        _show_end_of_log(aws, job)
        reason = error.last_response.get("FailureReason", str(error))
        raise RoadError(f"The training job {job} failed: {reason}") from error
    description = aws.sagemaker.describe_training_job(TrainingJobName=job)
    if description["TrainingJobStatus"] != "Completed":
        raise RoadError(f"The training job {job} was stopped before it completed.")
    return description


def _status(description: dict) -> str:
    main, detail = description.get("TrainingJobStatus", "unknown"), description.get("SecondaryStatus", "")
    return main if detail in ("", main) else f"{main}: {detail}"


def log_lines(aws: Aws, job: str) -> Iterator[str]:
    """The job's log from CloudWatch Logs; nothing where there is none."""
    pages = aws.logs.get_paginator("filter_log_events")
    try:
        for page in pages.paginate(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/"):
            yield from (event["message"].rstrip() for event in page["events"])
    except ClientError as error:
        say(f"  the log cannot be read: {error}")


def show_log(aws: Aws, job: str, most: int = 12) -> None:
    """Print the log's final metrics, or its last lines where it has none."""
    lines = list(log_lines(aws, job))
    final = [line for line in lines if "#quality_metric" in line and "epoch=" not in line]
    for line in (final or lines)[-most:]:
        say(f"  | {line}")
    say(f"  {len(lines):,} log lines in {LOG_GROUP}, stream {job}/...")


def _show_end_of_log(aws: Aws, job: str) -> None:
    for line in list(log_lines(aws, job))[-15:]:
        say(f"  | {line}")


def stop(aws: Aws, job: str) -> bool:
    """Stop the job and wait until it no longer writes; tells whether it still ran."""
    try:
        status = aws.sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]
        if status not in ("InProgress", "Stopping"):
            return False
        aws.sagemaker.stop_training_job(TrainingJobName=job)
        aws.sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=job, WaiterConfig=aws.waiter)
    except WaiterError:
        return True  # it failed instead of stopping: it has ended all the same
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True
