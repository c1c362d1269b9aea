"""A training job as programs that start one like it: boto3, the SageMaker SDKs, the AWS CLI.

    as_code(described) ─► {"boto3": text, "sdk v2": text, "sdk v3": text, "cli": text}

`described` is what DescribeTrainingJob tells, or what CreateTrainingJob would be asked. Which members go back in is
read from botocore's model. A name can be taken once, so the programs make a new one of the old. Pure.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from potager.compute import catalog
from potager.studio.source import Raw, call, flat, literal
from potager.wire import model

LANGUAGES = {"boto3": "python", "sdk v2": "python", "sdk v3": "python", "cli": "bash"}
"""The programs, and what each is written in."""

_STAMP = re.compile(r"-\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}(-\d{1,3})?$")
_TIME = "%Y-%m-%d-%H-%M-%S"
_MOST_NAME = 63
_PLATFORM = ("sagemaker_", "_tuning_")


def as_code(described: Mapping[str, Any]) -> dict[str, str]:
    """The programs, by what they use."""
    asked = members(described)
    base = base_name(str(asked.pop("TrainingJobName", "training")))
    return {
        "boto3": _boto3(base, asked),
        "sdk v2": _sdk2(base, asked),
        "sdk v3": _sdk3(base, asked),
        "cli": _cli(base, asked),
    }


def members(described: Mapping[str, Any]) -> dict[str, Any]:
    """CreateTrainingJob's members of a described job, without what is there by default."""
    shape: Any = model.operation("sagemaker", "CreateTrainingJob").input_shape
    found = _taken(shape, described)
    algorithm = found.get("AlgorithmSpecification", {})
    image = catalog.find(algorithm.get("TrainingImage", ""))
    if image is not None and algorithm.get("MetricDefinitions") == image.metric_definitions():
        del algorithm["MetricDefinitions"]
    if found.get("RetryStrategy", {}).get("MaximumRetryAttempts") == 0:
        del found["RetryStrategy"]
    found["HyperParameters"] = {
        name: text
        for name, text in found.get("HyperParameters", {}).items()
        if name in ("sagemaker_program", "sagemaker_submit_directory") or not name.startswith(_PLATFORM)
    }
    return {name: value for name, value in found.items() if value not in ({}, [])}


def _taken(shape: Any, value: Any) -> Any:
    """What of a value a shape knows, without what is false or empty."""
    if shape.type_name == "structure":
        known = {name: _taken(shape.members[name], value[name]) for name in shape.members if name in value}
        return {name: each for name, each in known.items() if each is not None and each is not False and each != ""}
    if shape.type_name == "list":
        return [_taken(shape.member, each) for each in value]
    return dict(value) if shape.type_name == "map" else value


def base_name(name: str) -> str:
    """A name without the time at its end, short enough for another."""
    return (_STAMP.sub("", name) or name)[: _MOST_NAME - len("-2000-01-01-00-00-00")].rstrip("-")


def _boto3(base: str, asked: Mapping[str, Any]) -> str:
    return (
        "import time\n\nimport boto3\n\n"
        'sagemaker = boto3.client("sagemaker")\n'
        f"name = {literal(base + '-')} + time.strftime({literal(_TIME)}, time.gmtime())\n"
        + call("sagemaker.create_training_job", {"TrainingJobName": Raw("name"), **asked})
        + "\n"
        'sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)\n'
        "job = sagemaker.describe_training_job(TrainingJobName=name)\n"
        'print(job["TrainingJobStatus"], job["ModelArtifacts"]["S3ModelArtifacts"])\n'
    )


def _script(asked: Mapping[str, Any]) -> tuple[dict[str, Any], str | None, str | None]:
    """Hyperparameters as they are typed, the script, and where its source is."""
    given = dict(asked.get("HyperParameters", {}))
    program, source = given.pop("sagemaker_program", None), given.pop("sagemaker_submit_directory", None)
    if program is None:
        return given, None, None
    return {name: _decoded(text) for name, text in given.items()}, _decoded(program), _decoded(source)


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _sdk2(base: str, asked: Mapping[str, Any]) -> str:
    given, program, source = _script(asked)
    algorithm, resources, limits = asked["AlgorithmSpecification"], asked["ResourceConfig"], asked["StoppingCondition"]
    spot = asked.get("EnableManagedSpotTraining")
    arguments = {
        "image_uri": algorithm.get("TrainingImage"),
        "role": Raw("sagemaker.get_execution_role()"),
        "entry_point": program,
        "source_dir": source,
        "hyperparameters": given or None,
        "instance_type": resources.get("InstanceType"),
        "instance_count": resources.get("InstanceCount"),
        "volume_size": resources.get("VolumeSizeInGB"),
        "max_run": limits.get("MaxRuntimeInSeconds"),
        "use_spot_instances": spot,
        "max_wait": limits.get("MaxWaitTimeInSeconds") if spot else None,
        "checkpoint_s3_uri": asked.get("CheckpointConfig", {}).get("S3Uri"),
        "metric_definitions": algorithm.get("MetricDefinitions"),
        "environment": asked.get("Environment"),
        "output_path": asked["OutputDataConfig"]["S3OutputPath"],
        "base_job_name": base,
    }
    inputs = "".join(
        f"        {literal(one['ChannelName'])}: TrainingInput({', '.join(_input2(one))}),\n"
        for one in asked.get("InputDataConfig", ())
    )
    return (
        "import sagemaker\nfrom sagemaker.estimator import Estimator\nfrom sagemaker.inputs import TrainingInput\n\n"
        + "estimator = "
        + call("Estimator", arguments)
        + "\nestimator.fit(\n    "
        + (f"{{\n{inputs}    }}" if inputs else "{}")
        + "\n)\nprint(estimator.model_data)\n"
    )


def _input2(channel: Mapping[str, Any]) -> list[str]:
    source = channel["DataSource"]["S3DataSource"]
    found = [literal(source["S3Uri"])]
    if "ContentType" in channel:
        found.append(f"content_type={literal(channel['ContentType'])}")
    if source.get("S3DataDistributionType", "FullyReplicated") != "FullyReplicated":
        found.append(f"distribution={literal(source['S3DataDistributionType'])}")
    if source["S3DataType"] != "S3Prefix":
        found.append(f"s3_data_type={literal(source['S3DataType'])}")
    if "InputMode" in channel:
        found.append(f"input_mode={literal(channel['InputMode'])}")
    return found


def _sdk3(base: str, asked: Mapping[str, Any]) -> str:
    given, program, source = _script(asked)
    resources, limits = asked["ResourceConfig"], asked["StoppingCondition"]
    compute = {
        "instance_type": resources.get("InstanceType"),
        "instance_count": resources.get("InstanceCount"),
        "volume_size_in_gb": resources.get("VolumeSizeInGB"),
        "enable_managed_spot_training": asked.get("EnableManagedSpotTraining"),
    }
    stopping = {
        "max_runtime_in_seconds": limits.get("MaxRuntimeInSeconds"),
        "max_wait_time_in_seconds": limits.get("MaxWaitTimeInSeconds"),
    }
    checkpoints = asked.get("CheckpointConfig", {}).get("S3Uri")
    names = ["Compute", "InputData", "OutputDataConfig", "StoppingCondition"]
    names += ["CheckpointConfig"] * bool(checkpoints) + ["SourceCode"] * bool(program)
    arguments = {
        "training_image": asked["AlgorithmSpecification"].get("TrainingImage"),
        "source_code": _made("SourceCode", {"source_dir": source, "entry_script": program}) if program else None,
        "hyperparameters": given or None,
        "compute": _made("Compute", compute),
        "stopping_condition": _made("StoppingCondition", stopping),
        "output_data_config": _made("OutputDataConfig", {"s3_output_path": asked["OutputDataConfig"]["S3OutputPath"]}),
        "checkpoint_config": _made("CheckpointConfig", {"s3_uri": checkpoints}) if checkpoints else None,
        "environment": asked.get("Environment"),
        "base_job_name": base,
    }
    inputs = "".join(f"        {_made('InputData', _input3(one))},\n" for one in asked.get("InputDataConfig", ()))
    return (
        "from sagemaker.train import ModelTrainer\n"
        f"from sagemaker.train.configs import {', '.join(sorted(names))}\n\n"
        + "trainer = "
        + call("ModelTrainer", arguments)
        + f"\ntrainer.train(\n    input_data_config=[\n{inputs}    ],\n)\n"
    )


def _input3(channel: Mapping[str, Any]) -> dict[str, Any]:
    uri, kind = channel["DataSource"]["S3DataSource"]["S3Uri"], channel.get("ContentType")
    return {"channel_name": channel["ChannelName"], "data_source": uri, "content_type": kind}


def _made(kind: str, arguments: Mapping[str, Any]) -> Raw:
    given = ", ".join(f"{name}={flat(value)}" for name, value in arguments.items() if value is not None)
    return Raw(f"{kind}({given})")


def _cli(base: str, asked: Mapping[str, Any]) -> str:
    document = json.dumps(asked, indent=2, ensure_ascii=False)
    return (
        f"name={shlex.quote(base)}-$(date -u +{_TIME})\n"
        'aws sagemaker create-training-job --training-job-name "$name" --cli-input-json '
        f"{shlex.quote(document)}\n"
        'aws sagemaker wait training-job-completed-or-stopped --training-job-name "$name"\n'
        'aws sagemaker describe-training-job --training-job-name "$name" --query TrainingJobStatus\n'
    )
