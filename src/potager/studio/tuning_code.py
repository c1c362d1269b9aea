"""A tuning job as programs: the boto3 call, and the SageMaker Python SDK's (version 2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.studio.source import arguments, flat, literal

KINDS = {
    "IntegerParameterRanges": "IntegerParameter",
    "ContinuousParameterRanges": "ContinuousParameter",
    "CategoricalParameterRanges": "CategoricalParameter",
}
SIMPLE = {
    "RoleArn",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "InputDataConfig",
    "AlgorithmSpecification",
    "StaticHyperParameters",
}
"""The members of a definition that the SDK's program says in its own words; for one with others there is boto3's."""


def boto3(request: Mapping[str, Any]) -> str:
    """The program that asks for this by boto3."""
    return (
        "import boto3\n\n"
        'sagemaker = boto3.client("sagemaker")\n'
        f"request = {literal(dict(request))}\n"
        "sagemaker.create_hyper_parameter_tuning_job(**request)\n"
    )


def sdk(request: Mapping[str, Any]) -> str:
    """The program that asks for this by the SDK; "" where it has no words for a part of it."""
    definition, config = request.get("TrainingJobDefinition"), request["HyperParameterTuningJobConfig"]
    if definition is None or "WarmStartConfig" in request or "Autotune" in request:
        return ""
    if {name for name, value in definition.items() if value} - SIMPLE or "StrategyConfig" in config:
        return ""
    algorithm, resources = definition["AlgorithmSpecification"], definition["ResourceConfig"]
    limits, goal = config["ResourceLimits"], config["HyperParameterTuningJobObjective"]
    ranges = config.get("ParameterRanges", {})
    criteria = config.get("TuningJobCompletionCriteria")
    kinds = sorted(name for kind, name in KINDS.items() if ranges.get(kind))
    estimator = {
        "image_uri": algorithm["TrainingImage"],
        "role": definition["RoleArn"],
        "instance_count": resources["InstanceCount"],
        "instance_type": resources["InstanceType"],
        "volume_size": resources["VolumeSizeInGB"],
        "max_run": definition["StoppingCondition"]["MaxRuntimeInSeconds"],
        "output_path": definition["OutputDataConfig"]["S3OutputPath"],
        "hyperparameters": dict(definition["StaticHyperParameters"]),
    }
    tuner = {
        "objective_metric_name": goal["MetricName"],
        "objective_type": goal["Type"],
        "metric_definitions": algorithm.get("MetricDefinitions"),
        "strategy": config["Strategy"],
        "max_jobs": limits.get("MaxNumberOfTrainingJobs"),
        "max_parallel_jobs": limits["MaxParallelTrainingJobs"],
        "max_runtime_in_seconds": limits.get("MaxRuntimeInSeconds"),
        "early_stopping_type": config.get("TrainingJobEarlyStoppingType"),
        "random_seed": config.get("RandomSeed"),
    }
    if criteria:
        return ""
    spaces = [
        f"        {flat(each['Name'])}: {name}({_bounds(each)}),"
        for kind, name in KINDS.items()
        for each in ranges.get(kind, ())
    ]
    inputs = [f"    {flat(each['ChannelName'])}: {_input(each)}," for each in definition.get("InputDataConfig", ())]
    return "\n".join(
        [
            "from sagemaker.estimator import Estimator",
            *(["from sagemaker.inputs import TrainingInput"] if inputs else []),
            f"from sagemaker.tuner import {', '.join(sorted(['HyperparameterTuner', *kinds]))}",
            "",
            "estimator = Estimator(",
            *arguments(estimator),
            ")",
            "tuner = HyperparameterTuner(",
            "    estimator,",
            *arguments(tuner),
            "    hyperparameter_ranges={",
            *spaces,
            "    },",
            ")",
            *(["inputs = {", *inputs, "}"] if inputs else ["inputs = None"]),
            f"tuner.fit(inputs, job_name={flat(request['HyperParameterTuningJobName'])}, wait=False)",
            "",
        ]
    )


def _bounds(each: Mapping[str, Any]) -> str:
    if "Values" in each:
        return flat(list(each["Values"]))
    scaling = "" if each.get("ScalingType", "Auto") == "Auto" else f", scaling_type={flat(each['ScalingType'])}"
    return f"{each['MinValue']}, {each['MaxValue']}{scaling}"


def _input(channel: Mapping[str, Any]) -> str:
    source = channel["DataSource"]["S3DataSource"]
    kind = f", content_type={flat(channel['ContentType'])}" if channel.get("ContentType") else ""
    return f"TrainingInput({flat(source['S3Uri'])}{kind})"
