"""What a form asks for: its fields as members of CreateTrainingJob, and a job's members as fields.

Fields are texts by name: `name`, `algorithm`, `uri.train` and `type.train` for each channel, `hp.eta` for each
hyperparameter, `output`, `instance_type`, `instance_count`, `volume`, `minutes`, `spot`, `checkpoints`; of a script
also `image`, `source`, `entry`, `arguments`. What is empty is not asked for. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from potager.compute import catalog
from potager.studio.training.algorithms import BY_REPOSITORY, FRAMEWORKS, Algorithm
from potager.studio.training.code import members

Form = dict[str, str]

SCRIPT = "script"
"""The algorithm that is a program of the user's."""
CHANNELS = ("train", "validation", "test")
"""What a script's form offers."""
DEFAULTS = {"instance_type": "ml.m5.large", "instance_count": "1", "volume": "30", "minutes": "60"}
INSTANCES = ("ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge", "ml.c5.2xlarge", "ml.r5.2xlarge")
"""What the form proposes."""
CONTENT_TYPES = ("text/csv", "text/libsvm", "application/x-parquet", "application/x-recordio-protobuf")
_ENDINGS = {
    "csv": "text/csv",
    "libsvm": "text/libsvm",
    "svm": "text/libsvm",
    "parquet": "application/x-parquet",
    "pbr": "application/x-recordio-protobuf",
    "recordio": "application/x-recordio-protobuf",
    "data": "application/x-recordio-protobuf",
}


class Unusable(Exception):
    """What was typed makes no request. faults : text by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(faults)
        self.faults = faults


def algorithm_of(form: Mapping[str, str]) -> Algorithm | None:
    """The chosen algorithm; None for a script, or where none is chosen."""
    return BY_REPOSITORY.get(form.get("algorithm", ""))


def hyperparameters(form: Mapping[str, str]) -> dict[str, str]:
    """Those that have a value."""
    return {name[3:]: text.strip() for name, text in form.items() if name.startswith("hp.") and text.strip()}


def channels(form: Mapping[str, str]) -> dict[str, str]:
    """The S3 addresses by channel."""
    return {name[4:]: text.strip() for name, text in form.items() if name.startswith("uri.") and text.strip()}


def guessed(key: str) -> str:
    """The content type that an object's key speaks for, "" where it says nothing."""
    return _ENDINGS.get(key.rpartition(".")[2].lower(), "")


def request(form: Mapping[str, str], role: str) -> dict[str, Any]:
    """The members of CreateTrainingJob; `Unusable` for what cannot be written down as such."""
    faults = dict(_faults(form))
    if faults:
        raise Unusable(faults)
    spot = form.get("spot") == "on"
    seconds = round(float(form["minutes"]) * 60)
    algorithm = algorithm_of(form)
    made: dict[str, Any] = {
        "TrainingJobName": form.get("name", "").strip(),
        "AlgorithmSpecification": {
            "TrainingImage": algorithm.uri if algorithm else form.get("image", FRAMEWORKS[0].uri),
            "TrainingInputMode": "File",
        },
        "RoleArn": role,
        "HyperParameters": hyperparameters(form) if algorithm else _script(form),
        "InputDataConfig": [_channel(name, uri, form.get(f"type.{name}", "")) for name, uri in channels(form).items()],
        "OutputDataConfig": {"S3OutputPath": form.get("output", "").strip()},
        "ResourceConfig": {
            "InstanceType": form.get("instance_type", ""),
            "InstanceCount": int(form["instance_count"]),
            "VolumeSizeInGB": int(form["volume"]),
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": seconds,
            **({"MaxWaitTimeInSeconds": seconds * 2} if spot else {}),
        },
    }
    if not made["InputDataConfig"]:
        del made["InputDataConfig"]
    if spot:
        made["EnableManagedSpotTraining"] = True
    if form.get("checkpoints", "").strip():
        made["CheckpointConfig"] = {"S3Uri": form["checkpoints"].strip()}
    return made


def _faults(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    algorithm = algorithm_of(form)
    for field, what in (("instance_count", "instances"), ("volume", "gigabytes")):
        if not form.get(field, "").isdecimal() or not int(form[field]):
            yield field, f"Give a whole number of {what}, 1 or more."
    try:
        usable = 1 <= round(float(form.get("minutes", "")) * 60) <= 2_419_200
    except (ValueError, OverflowError):
        usable = False
    if not usable:
        yield "minutes", "Give a number of minutes, up to 28 days (40320)."
    for name, uri in channels(form).items():
        if not uri.startswith("s3://") or not uri[5:].strip("/"):
            yield (
                f"uri.{name}",
                f"'{uri}' is no address in S3. Give one such as s3://bucket/folder/ or s3://bucket/file.csv.",
            )
    for one in algorithm.channels if algorithm else ():
        if one.required and not form.get(f"uri.{one.name}", "").strip():
            yield f"uri.{one.name}", f"{algorithm.title if algorithm else ''} needs the channel {one.name}. {one.help}"
    if algorithm is None:
        if not form.get("source", "").startswith("s3://"):
            yield "source", "Say where your program is: s3://bucket/sourcedir.tar.gz, with the program at its top."
        if not form.get("entry", "").strip():
            yield "entry", "Say which file of it is run, such as train.py."
        for line in _lines(form):
            if "=" not in line:
                yield "arguments", f"'{line}' has no '='. Write one a line: name=value."


def _channel(name: str, uri: str, content_type: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    made: dict[str, Any] = {"ChannelName": name, "DataSource": {"S3DataSource": source}}
    return made | ({"ContentType": content_type} if content_type else {})


def _lines(form: Mapping[str, str]) -> list[str]:
    return [line.strip() for line in form.get("arguments", "").splitlines() if line.strip()]


def _script(form: Mapping[str, str]) -> dict[str, str]:
    """A script's hyperparameters, as the SDK writes them: JSON."""
    own = {name.strip(): json.dumps(value.strip()) for line in _lines(form) for name, _, value in [line.partition("=")]}
    program, source = form["entry"].strip(), form["source"].strip()
    return own | {"sagemaker_program": json.dumps(program), "sagemaker_submit_directory": json.dumps(source)}


def like(job: Mapping[str, Any]) -> Form:
    """The fields that ask for the same as a job that DescribeTrainingJob describes, but for its name."""
    uri = job["AlgorithmSpecification"].get("TrainingImage", "")
    given = {name: str(text) for name, text in job.get("HyperParameters", {}).items()}
    limits, resources = job["StoppingCondition"], job["ResourceConfig"]
    form = {
        "output": job["OutputDataConfig"]["S3OutputPath"],
        "instance_type": resources.get("InstanceType", ""),
        "instance_count": str(resources.get("InstanceCount", 1)),
        "volume": str(resources["VolumeSizeInGB"]),
        "minutes": f"{limits['MaxRuntimeInSeconds'] / 60:g}",
        "spot": "on" if job.get("EnableManagedSpotTraining") else "",
        "checkpoints": job.get("CheckpointConfig", {}).get("S3Uri", ""),
    }
    for channel in job.get("InputDataConfig", ()):
        form[f"uri.{channel['ChannelName']}"] = channel["DataSource"]["S3DataSource"]["S3Uri"]
        form[f"type.{channel['ChannelName']}"] = channel.get("ContentType", "")
    algorithm = BY_REPOSITORY.get(catalog.repository(uri))
    if algorithm is None or "sagemaker_program" in given:
        program, source = _plain(given.pop("sagemaker_program", "")), given.pop("sagemaker_submit_directory", "")
        own = {name: text for name, text in given.items() if not name.startswith("sagemaker_")}
        lines = "\n".join(f"{name}={_plain(text)}" for name, text in own.items())
        return form | {
            "algorithm": SCRIPT,
            "image": uri,
            "entry": program,
            "source": _plain(source),
            "arguments": lines,
        }
    own = {f"hp.{name}": _plain(text) for name, text in given.items() if not name.startswith("sagemaker_")}
    return form | {"algorithm": algorithm.repository} | own


def lost(job: Mapping[str, Any]) -> list[str]:
    """The members of a job that the form has no fields for, so that a job made by its `like` will not have them."""
    try:
        kept = members(request(like(job) | {"name": job["TrainingJobName"]}, job["RoleArn"]))
    except Unusable:
        return []
    apart = ("TrainingJobName", "HyperParameters")
    return [name for name, value in members(job).items() if name not in apart and kept.get(name) != value]


def _plain(text: str) -> str:
    """A value without the quotes of JSON that the SDK writes."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str) else text
