"""What a processing program finds below /opt/ml and in its environment, and what it says at its end.

    config/processingjobconfig.json   config/resourceconfig.json   processing/...   output/message

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potager.kernel import remains
from potager.kernel.errors import Fault
from potager.prepare.processing import paths

MAX_MESSAGE = 1024
"""Bytes of the ExitMessage, and characters of the FailureReason."""

_SOURCE = {
    "S3DataDistributionType": "FullyReplicated",
    "S3InputMode": "File",
    "S3CompressionType": "None",
    "S3DownloadMode": "StartOfJob",
}


class BadMessage(Fault):
    """The message that a program left is no text; follows `ClientError: ` in FailureReason."""


def write(doc: Mapping[str, Any], hosts: Sequence[str], host: str, ml: Path) -> None:
    """Makes the folders and the configuration files of one of a job's hosts below `ml`.

    An output's folder is there when the program starts; of an output that names a file, the folder around it.
    """
    (ml / "config").mkdir(parents=True)
    (ml / paths.ROOT.name).mkdir()
    for path, _ in paths.inputs(doc):
        (ml / path).mkdir(parents=True, exist_ok=True)
    for path, _ in paths.outputs(doc):
        (ml / (path.parent if paths.names_a_file(path) else path)).mkdir(parents=True, exist_ok=True)
    files = {"processingjobconfig.json": job_config(doc), "resourceconfig.json": resource_config(hosts, host)}
    for name, content in files.items():
        (ml / "config" / name).write_text(json.dumps(content, indent=2))


def job_config(doc: Mapping[str, Any]) -> dict[str, Any]:
    """`processingjobconfig.json`: the request, with null for what an application may look for."""
    app = {"ContainerEntrypoint": None, "ContainerArguments": None}
    cluster = {"VolumeKmsKeyId": None, **doc["ProcessingResources"]["ClusterConfig"]}
    outputs = doc.get("ProcessingOutputConfig", {"Outputs": []})
    return {
        "ProcessingJobArn": doc["ProcessingJobArn"],
        "ProcessingJobName": doc["ProcessingJobName"],
        "AppSpecification": app | doc["AppSpecification"],
        "Environment": doc.get("Environment", {}),
        "ProcessingInputs": [
            dict(one) | ({"S3Input": _SOURCE | one["S3Input"]} if "S3Input" in one else {})
            for one in doc.get("ProcessingInputs", ())
        ],
        "ProcessingOutputConfig": {"KmsKeyId": None, **outputs},
        "ProcessingResources": {"ClusterConfig": cluster},
        "NetworkConfig": doc.get("NetworkConfig"),
        "RoleArn": doc["RoleArn"],
        "StoppingCondition": doc["StoppingCondition"],
    }


def resource_config(hosts: Sequence[str], host: str) -> dict[str, Any]:
    """`resourceconfig.json`: the hosts of the job, and which of them this one is."""
    return {"current_host": host, "hosts": list(hosts)}


def message(mls: Sequence[Path]) -> str:
    """The ExitMessage, "" where there is none: what all hosts wrote to `output/message`, its first KB.

    `BadMessage` when one of them is not UTF-8.
    """
    return _text("".join(map(_message, mls)).encode()[:MAX_MESSAGE])


def _text(raw: bytes) -> str:
    """UTF-8 as text, but for a character that is cut at its end."""
    return codecs.getincrementaldecoder("utf-8")().decode(raw)


def _message(ml: Path) -> str:
    try:
        with remains.open_file(ml, "output/message") as file:
            raw = file.read(MAX_MESSAGE)
    except OSError:
        return ""
    try:
        return _text(raw)
    except UnicodeDecodeError as error:
        raise BadMessage(f"/opt/ml/output/message is not UTF-8: {error}. Write text.") from error
