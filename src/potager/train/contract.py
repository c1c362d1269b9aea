"""What a training program finds under `/opt/ml` and in its environment, and where it says why it failed.

    input/config/hyperparameters.json   input/config/inputdataconfig.json   input/config/resourceconfig.json
    input/config/checkpointconfig.json
    input/data/<channel>/               model/   output/data/   output/failure   checkpoints/
    metadata/resource-metadata.json

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import remains
from potager.train.cluster import Cluster

MAX_REASON = 1024
"""Characters of a FailureReason."""


def write(doc: Mapping[str, Any], cluster: Cluster, host: str, ml: Path) -> None:
    """Makes the folders and configuration files of one of a job's hosts below `ml`."""
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (ml / name).mkdir(parents=True, exist_ok=True)
    files = {
        "hyperparameters.json": doc.get("HyperParameters", {}),
        "inputdataconfig.json": channel_config(doc, cluster, host),
        "resourceconfig.json": resource_config(cluster, host),
    }
    if "CheckpointConfig" in doc:
        files["checkpointconfig.json"] = doc["CheckpointConfig"]
    for name, content in files.items():
        (ml / "input" / "config" / name).write_text(json.dumps(content, indent=2))
    (ml / "metadata").mkdir(exist_ok=True)
    (ml / "metadata" / "resource-metadata.json").write_text(json.dumps(metadata(doc), indent=2))


def metadata(doc: Mapping[str, Any]) -> dict[str, str]:
    """`resource-metadata.json`, where the SDK's `get_execution_role()` looks before it asks who it is."""
    return {
        "ResourceArn": doc["TrainingJobArn"],
        "ResourceName": doc["TrainingJobName"],
        "ExecutionRoleArn": doc["RoleArn"],
    }


def channel_config(doc: Mapping[str, Any], cluster: Cluster, host: str) -> dict[str, Any]:
    """`inputdataconfig.json`: input mode, content type and distribution of each channel that the host reads."""
    mode = doc["AlgorithmSpecification"].get("TrainingInputMode", "File")
    read = [channel for channel in doc.get("InputDataConfig", ()) if host in cluster.readers(channel)]
    return {channel["ChannelName"]: _channel(channel, mode) for channel in read}


def _channel(channel: Mapping[str, Any], mode: str) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    config = {
        "TrainingInputMode": channel.get("InputMode") or mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return config | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def resource_config(cluster: Cluster, host: str) -> dict[str, Any]:
    """`resourceconfig.json`: the hosts of the job, and which of them this one is."""
    return {
        "current_host": host,
        "current_instance_type": cluster.group(host).instance_type,
        "current_group_name": cluster.group(host).name,
        "hosts": list(cluster.hosts),
        "instance_groups": [
            {"instance_group_name": group.name, "instance_type": group.instance_type, "hosts": list(group.hosts)}
            for group in cluster.groups
        ],
        "network_interface_name": "lo",
    }


def environment(doc: Mapping[str, Any], region: str, cluster: Cluster, host: str) -> dict[str, str]:
    """The environment variables of a training program on one host: the platform's, then the user's."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TRAINING_JOB_NAME": doc["TrainingJobName"],
        "TRAINING_JOB_ARN": doc["TrainingJobArn"],
        "SM_CURRENT_HOST": host,
        "SM_HOSTS": json.dumps(cluster.hosts),
        **doc.get("Environment", {}),
    }


def failure(ml: Path, otherwise: str) -> str:
    """Why a job failed: the words it left in `output/failure`, else `otherwise`."""
    return (remains.failure(ml) or otherwise)[:MAX_REASON]
