"""Step 4 of the road: a training job of SageMaker's own linear-learner, followed to its end.

The image URI is the one that the SageMaker SDK's ``image_uris.retrieve("linear-learner", region)`` gives: an account
of AWS in each region. Potager takes the image by its repository's name, and runs its own linear-learner.
"""

from collections.abc import Iterator
from typing import Any

from aws import Aws, is_absent
from botocore.exceptions import ClientError, WaiterError
from errors import RoadError
from terminal import say, watched

REGISTRIES = {  # sagemaker 2.257, image_uri_config/linear-learner.json
    "af-south-1": "455444449433",
    "ap-east-1": "286214385809",
    "ap-northeast-1": "351501993468",
    "ap-northeast-2": "835164637446",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "991648021394",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "475088953585",
    "ap-southeast-2": "712309505854",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "469771592824",
    "ca-west-1": "190319476487",
    "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083",
    "eu-central-1": "664544806723",
    "eu-central-2": "680994064768",
    "eu-north-1": "669576153137",
    "eu-south-1": "257386234256",
    "eu-south-2": "104374241257",
    "eu-west-1": "438346466558",
    "eu-west-2": "644912444149",
    "eu-west-3": "749696950732",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "249704162688",
    "sa-east-1": "855470959533",
    "us-east-1": "382416733822",
    "us-east-2": "404615174143",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700",
    "us-iso-east-1": "490574956308",
    "us-isob-east-1": "765400339828",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "632365934929",
    "us-west-2": "174872318107",
}
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
RARE_POSITIVES = 0.15  # the share below which positives count as rare
FOR_COMMON = {"binary_classifier_model_selection_criteria": "f_beta"}  # the threshold weighs recall and precision alike
FOR_RARE = {  # few positives are easily given up for lost: weigh them up, and ask for most of them
    "positive_example_weight_mult": "balanced",
    "binary_classifier_model_selection_criteria": "precision_at_target_recall",
    "target_recall": "0.8",
}


def image_uri(region: str, suffix: str = "amazonaws.com") -> str:
    """The linear-learner image of a region.

    Raises
    ------
    RoadError
        for a region in which AWS has no linear-learner
    """
    if region not in REGISTRIES:
        raise RoadError(
            f"There is no linear-learner image for the region {region}. "
            f"Set AWS_DEFAULT_REGION to one of: {', '.join(REGISTRIES)}."
        )
    return f"{REGISTRIES[region]}.dkr.ecr.{region}.{suffix}/linear-learner:1"


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


def start(aws: Aws, job: str, role: str, bucket: str, parameters: dict[str, str]) -> str:
    """Create the training job on the channels `train` and `validation` of the bucket; returns its ARN."""
    answer = aws.sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": image_uri(aws.region, aws.suffix), "TrainingInputMode": "File"},
        HyperParameters=parameters,
        InputDataConfig=[_channel(name, f"s3://{bucket}/{name}/") for name in ("train", "validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 1800},
    )
    return answer["TrainingJobArn"]


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


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
