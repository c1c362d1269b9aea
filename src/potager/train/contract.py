"""What a training program finds under `/opt/ml` and in its environment, and where it says why it failed.

    input/config/hyperparameters.json   input/config/inputdataconfig.json   input/config/resourceconfig.json
    input/data/<channel>/               model/   output/data/   output/failure   checkpoints/

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import remains

MAX_REASON = 1024
"""Characters of a FailureReason."""


def write(doc: Mapping[str, Any], ml: Path) -> None:
    """Makes the folders and configuration files of a job below `ml`."""
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (ml / name).mkdir(parents=True, exist_ok=True)
    files = {
        "hyperparameters.json": doc.get("HyperParameters", {}),
        "inputdataconfig.json": channel_config(doc),
        "resourceconfig.json": resource_config(doc),
    }
    for name, content in files.items():
        (ml / "input" / "config" / name).write_text(json.dumps(content, indent=2))


def channel_config(doc: Mapping[str, Any]) -> dict[str, Any]:
    """`inputdataconfig.json`: each channel's input mode, content type and distribution."""
    mode = doc["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return {channel["ChannelName"]: _channel(channel, mode) for channel in doc.get("InputDataConfig", ())}


def _channel(channel: Mapping[str, Any], mode: str) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    config = {
        "TrainingInputMode": channel.get("InputMode", mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return config | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def resource_config(doc: Mapping[str, Any]) -> dict[str, Any]:
    """`resourceconfig.json`: the hosts of the job, one today."""
    kind = doc["ResourceConfig"].get("InstanceType", "ml.m5.large")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": ["algo-1"]}
    return {
        "current_host": "algo-1",
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def environment(doc: Mapping[str, Any], region: str) -> dict[str, str]:
    """A training program's environment variables: the platform's, then the user's."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TRAINING_JOB_NAME": doc["TrainingJobName"],
        "TRAINING_JOB_ARN": doc["TrainingJobArn"],
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_NUM_CPUS": "1",
        **doc.get("Environment", {}),
    }


def failure(ml: Path, otherwise: str) -> str:
    """Why a job failed: the words it left in `output/failure`, else `otherwise`."""
    return (remains.failure(ml) or otherwise)[:MAX_REASON]
