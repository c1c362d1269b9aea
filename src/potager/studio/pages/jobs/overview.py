"""What a training job is made of, for reading: data, algorithm, hyperparameters, machine, what came out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from potager.compute import catalog
from potager.kernel.errors import WireError
from potager.studio.asking import Asking, seconds
from potager.studio.s3 import placed, split
from potager.studio.safety import ROOT

ENDS = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded")


def timeline(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The secondary statuses one after another, each with its seconds; None for what goes on."""
    steps = list(job.get("SecondaryStatusTransitions", ()))
    begins = [seconds(step["StartTime"]) for step in steps]
    spans: list[float | None] = [after - before for before, after in pairwise(begins)]
    over = bool(steps) and steps[-1]["Status"] in ENDS
    spans.append(None)
    return [
        {
            "status": step["Status"],
            "at": begins[place],
            "seconds": spans[place],
            "text": step.get("StatusMessage", ""),
            "now": place == len(steps) - 1 and not over,
            "end": step["Status"] in ENDS,
        }
        for place, step in enumerate(steps)
    ]


def hyperparameters(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that were given first, then the algorithm's own with their defaults: `name`, `value`, `given`, `help`."""
    given = {name: _plain(value) for name, value in job.get("HyperParameters", {}).items()}
    image = catalog.find(job["AlgorithmSpecification"].get("TrainingImage", ""))
    scripted = "sagemaker_program" in given
    catalogue = None if image is None or scripted else image.catalogue()
    known = {parameter.name: parameter for parameter in catalogue.parameters} if catalogue else {}
    rows = [
        {
            "name": name,
            "value": value,
            "given": True,
            "default": known[name].default if name in known else None,
            "help": known[name].help if name in known else "",
        }
        for name, value in sorted(given.items())
        if not name.startswith("sagemaker_") or name in ("sagemaker_program", "sagemaker_submit_directory")
    ]
    rows += [
        {"name": name, "value": parameter.default, "given": False, "default": parameter.default, "help": parameter.help}
        for name, parameter in sorted(known.items())
        if name not in given and parameter.default is not None
    ]
    return rows


def _plain(value: str) -> str:
    """A hyperparameter as it was meant: the SDKs encode texts as JSON."""
    if not value.startswith('"'):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, str) else value


def channels(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The data that went in."""
    default = job["AlgorithmSpecification"].get("TrainingInputMode", "File")
    found: list[dict[str, Any]] = []
    for channel in job.get("InputDataConfig", ()):
        source = channel["DataSource"].get("S3DataSource", {})
        found.append(
            {
                "name": channel["ChannelName"],
                "uri": source.get("S3Uri", ""),
                "page": placed(source.get("S3Uri", "")),
                "type": channel.get("ContentType", ""),
                "mode": channel.get("InputMode", default),
                "spread": source.get("S3DataDistributionType", "FullyReplicated"),
            }
        )
    return found


async def beside(ask: Asking, job: Mapping[str, Any]) -> dict[str, Any]:
    """What other operations know: the artifact's size, the tags."""
    uri = job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    artifact, tags = await asyncio.gather(_artifact(ask, uri), _tags(ask, job))
    return {"artifact": artifact, "tags": tags}


async def _artifact(ask: Asking, uri: str) -> dict[str, Any] | None:
    if not uri:
        return None
    bucket, key = split(uri)
    try:
        found = await ask("s3", "HeadObject", Bucket=bucket, Key=key)
    except WireError:
        return {"uri": uri, "page": "", "file": "", "size": None}
    file = f"{ROOT}/data/{quote(bucket)}/download?key={quote(key)}"
    return {"uri": uri, "page": placed(uri), "file": file, "size": found["ContentLength"]}


async def _tags(ask: Asking, job: Mapping[str, Any]) -> list[dict[str, str]]:
    return (await ask("sagemaker", "ListTags", ResourceArn=job["TrainingJobArn"]))["Tags"]


def about(job: Mapping[str, Any]) -> dict[str, Any]:
    """The machine and the times, by what they are called."""
    resources = job.get("ResourceConfig", {})
    groups = resources.get("InstanceGroups", ())
    kinds = [f"{each['InstanceCount']} × {each['InstanceType']} ({each['InstanceGroupName']})" for each in groups]
    if not kinds and "InstanceType" in resources:
        kinds = [f"{resources.get('InstanceCount', 1)} × {resources['InstanceType']}"]
    limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return {
        "kinds": ", ".join(kinds),
        "volume": resources.get("VolumeSizeInGB"),
        "limit": limit,
        "spot": bool(job.get("EnableManagedSpotTraining")),
        "interruptions": sum(step["Status"] == "Interrupted" for step in job.get("SecondaryStatusTransitions", ())),
        "repository": catalog.repository(job["AlgorithmSpecification"].get("TrainingImage", "")),
    }
