"""A tuning job: many training jobs on the same rows, each with other hyperparameters, and the best of them."""

import time
from typing import Any

import train
from aws import Aws, is_absent
from botocore.exceptions import ClientError
from errors import RoadError
from terminal import say

RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
        {"Name": "min_child_weight", "MinValue": "1", "MaxValue": "30", "ScalingType": "Logarithmic"},
        {"Name": "subsample", "MinValue": "0.5", "MaxValue": "1"},
        {"Name": "colsample_bytree", "MinValue": "0.2", "MaxValue": "1"},
        {"Name": "lambda", "MinValue": "0.01", "MaxValue": "100", "ScalingType": "Logarithmic"},
    ],
    "IntegerParameterRanges": [
        {"Name": "max_depth", "MinValue": "1", "MaxValue": "7"},
        {"Name": "num_round", "MinValue": "20", "MaxValue": "400"},
    ],
}


def start(aws: Aws, name: str, role: str, bucket: str, settings: dict[str, str], trials: int, seed: int) -> None:
    """Create a tuning job of XGBoost for the best AUC on the validation channel.

    Parameters
    ----------
    settings : hyperparameters; those that are in `RANGES`, too, are left to the tuner
    """
    ranged = {one["Name"] for ranges in RANGES.values() for one in ranges}
    aws.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": RANGES,
            "RandomSeed": seed,
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {key: value for key, value in settings.items() if key not in ranged},
            "AlgorithmSpecification": {
                "TrainingImage": train.image_uri(aws.region, aws.suffix, "xgboost"),
                "TrainingInputMode": "File",
            },
            "RoleArn": role,
            "InputDataConfig": train.channels(bucket),
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output/"},
            "ResourceConfig": train.RESOURCES,
            "StoppingCondition": train.LIMIT,
        },
    )


def wait(aws: Aws, name: str) -> dict[str, Any]:
    """The tuning job's description once it has completed; boto3 has no waiter for one.

    Raises
    ------
    RoadError
        with its ``FailureReason``, where it did not complete, or no trial did
    """
    shown = 0
    while True:
        found = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        status, best = found["HyperParameterTuningJobStatus"], found.get("BestTrainingJob")
        done = found["TrainingJobStatusCounters"]["Completed"]
        if done != shown and best:
            shown = done
            value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            say(f"  {done} trials, best AUC on validation {value:.4f}")
        if status not in ("InProgress", "Stopping"):
            break
        time.sleep(aws.waiter["Delay"])
    if status != "Completed" or not best:
        raise RoadError(f"The tuning job {name} is {status}: {found.get('FailureReason', 'no trial completed')}")
    return found


def stop(aws: Aws, name: str) -> bool:
    """Stop the tuning job and its trials; tells whether it still ran."""
    try:
        aws.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        if is_absent(error) or "status" in str(error):
            return False
        raise
    return True
