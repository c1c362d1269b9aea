"""What the form for an endpoint says, as the calls that make it. Pure.

Draft.of(form) ─► steps: CreateModel for each training job that is a source, CreateEndpointConfig, CreateEndpoint
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from potager.studio.pages.hosting import code
from potager.studio.source import arguments, literal

KINDS = ("instances", "serverless", "asynchronous")
VARIANTS = (1, 2)
MEMORY = tuple(range(1024, 6145, 1024))
"""Megabytes that a serverless variant can have."""
MOST_NAME = 63
"""Letters of a name."""


class Unclear(ValueError):
    """What a form says cannot be meant; `field` is where."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Step:
    """One call, and what it makes: `slug` and `name` say where that is shown."""

    operation: str
    slug: str
    name: str
    params: dict[str, Any]

    @property
    def mark(self) -> str:
        """Tells a call that was made from one that says something else."""
        text = json.dumps([self.operation, self.params], sort_keys=True)
        return f"{self.slug}:{self.name}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Source:
    """What a variant serves: a model that is there, or one to make of a training job.

    Parameters
    ----------
    model : its name. container : the PrimaryContainer of one to make, None where it is there. role : what it runs as.
    """

    model: str
    container: dict[str, Any] | None = None
    role: str = ""


@dataclass(frozen=True)
class Draft:
    """A form that can be acted upon."""

    endpoint: str
    config: str
    variants: list[dict[str, Any]]
    sources: list[Source]
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    update: bool = False
    """Whether the endpoint is there, and is brought to the configuration."""

    @property
    def steps(self) -> list[Step]:
        """The calls, in their order."""
        made: list[Step] = []
        for source in self.sources:
            if source.container is not None and source.model not in [step.name for step in made]:
                role = {"ExecutionRoleArn": source.role} if source.role else {}
                params = {"ModelName": source.model, "PrimaryContainer": source.container, **role}
                made.append(Step("CreateModel", "models", source.model, params))
        params = {"EndpointConfigName": self.config, "ProductionVariants": self.variants, **self.more}
        made.append(Step("CreateEndpointConfig", "endpoint-configs", self.config, params))
        params = {"EndpointName": self.endpoint, "EndpointConfigName": self.config}
        made.append(Step("UpdateEndpoint" if self.update else "CreateEndpoint", "endpoints", self.endpoint, params))
        return made

    @property
    def places(self) -> list[str]:
        """Where in S3 it writes."""
        capture, waiting = self.more.get("DataCaptureConfig"), self.more.get("AsyncInferenceConfig")
        found = [capture["DestinationS3Uri"]] if capture else []
        return [*found, waiting["OutputConfig"]["S3OutputPath"]] if waiting else found

    def boto3(self) -> str:
        """The calls as a program."""
        return code.boto3([("sagemaker", step.operation, step.params) for step in self.steps]) + (
            f'\nsagemaker.get_waiter("endpoint_in_service").wait(EndpointName={literal(self.endpoint)})'
        )

    def sdk(self) -> str:
        """The same by the SageMaker SDK (version 2), where it has one variant of a new model; "" otherwise."""
        source, variant = self.sources[0], self.variants[0]
        if self.update or len(self.sources) > 1 or source.container is None:
            return ""
        made = {
            "image_uri": source.container["Image"],
            "model_data": source.container["ModelDataUrl"],
            "role": source.role,
            "env": source.container.get("Environment"),
            "name": source.model,
        }
        lines = ["from sagemaker.model import Model", ""]
        lines += [
            "model = Model(",
            *arguments({key: value or None for key, value in made.items()}),
            ")",
        ]
        deploy: dict[str, str] = {"endpoint_name": literal(self.endpoint)}
        if serverless := variant.get("ServerlessConfig"):
            lines.insert(1, "from sagemaker.serverless import ServerlessInferenceConfig")
            size, most = serverless["MemorySizeInMB"], serverless["MaxConcurrency"]
            deploy["serverless_inference_config"] = (
                f"ServerlessInferenceConfig(memory_size_in_mb={size}, max_concurrency={most})"
            )
        else:
            deploy["initial_instance_count"] = str(variant["InitialInstanceCount"])
            deploy["instance_type"] = literal(variant["InstanceType"])
        if waiting := self.more.get("AsyncInferenceConfig"):
            lines.insert(1, "from sagemaker.async_inference import AsyncInferenceConfig")
            output = literal(waiting["OutputConfig"]["S3OutputPath"])
            deploy["async_inference_config"] = f"AsyncInferenceConfig(output_path={output})"
        if capture := self.more.get("DataCaptureConfig"):
            lines.insert(1, "from sagemaker.model_monitor import DataCaptureConfig")
            share, where = capture["InitialSamplingPercentage"], literal(capture["DestinationS3Uri"])
            deploy["data_capture_config"] = (
                f"DataCaptureConfig(enable_capture=True, sampling_percentage={share}, destination_s3_uri={where})"
            )
        return "\n".join([*lines, "model.deploy(", *(f"    {key}={value}," for key, value in deploy.items()), ")"])


def drafted(form: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]]) -> Draft:
    """What a form says; `Unclear` names the field that must be mended. jobs : descriptions of those it names."""
    sources: list[Source] = []
    variants: list[dict[str, Any]] = []
    kind = _said(form, "kind") or KINDS[0]
    for number in VARIANTS:
        named, _, name = _said(form, f"source_{number}").partition(":")
        if not name:
            continue
        source = Source(name) if named == "model" else made_of(jobs[name], form, number)
        variant: dict[str, Any] = {
            "VariantName": _said(form, f"variant_{number}") or f"variant-{number}",
            "ModelName": source.model,
            "InitialVariantWeight": number_of(form, f"weight_{number}", "The weight", 1.0),
        }
        if kind == "serverless":
            size = int(number_of(form, "memory", "The memory", 2048))
            most = int(number_of(form, "concurrency", "The concurrency", 5))
            variant["ServerlessConfig"] = {"MemorySizeInMB": size, "MaxConcurrency": most}
        else:
            variant["InstanceType"] = _said(form, "instance_type") or "ml.m5.large"
            variant["InitialInstanceCount"] = int(number_of(form, "count", "The number of instances", 1))
        sources.append(source)
        variants.append(variant)
    if not _said(form, "source_1"):
        raise Unclear("source_1", "Choose the training job or the model that answers.")
    endpoint = _said(form, "update") or _said(form, "endpoint")
    for name, said in (("endpoint", endpoint), ("config", _said(form, "config"))):
        if not said:
            raise Unclear(name, "Give it a name.")
    return Draft(endpoint, _said(form, "config"), variants, sources, _more(form, kind), bool(_said(form, "update")))


def _more(form: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Capture and asynchronous inference, where they are wanted."""
    more: dict[str, Any] = {}
    if _said(form, "capture"):
        more["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": int(number_of(form, "capture_percent", "The share that is captured", 100)),
            "DestinationS3Uri": _place(form, "capture_uri", "what is captured"),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
    if kind == "asynchronous":
        most = int(number_of(form, "concurrent", "The requests at a time", 4))
        more["AsyncInferenceConfig"] = {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": most},
            "OutputConfig": {"S3OutputPath": _place(form, "async_uri", "answers")},
        }
    return more


def _place(form: Mapping[str, Any], name: str, what: str) -> str:
    uri = _said(form, name)
    if not re.fullmatch(r"s3://[^/]+(/.*)?", uri):
        raise Unclear(name, f"Say where {what} go: s3://bucket/prefix.")
    return uri


def made_of(job: Mapping[str, Any], form: Mapping[str, Any], number: int) -> Source:
    """The model to make of a training job's artifact."""
    artifact = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if not artifact:
        text = f"The training job {job['TrainingJobName']} has left no model: it is {job['TrainingJobStatus']}."
        raise Unclear(f"source_{number}", f"{text} Choose one that completed.")
    name = _said(form, f"model_{number}") or job["TrainingJobName"]
    variables = environment(_said(form, f"environment_{number}"), f"environment_{number}")
    container: dict[str, Any] = {"Image": serving_image(job), "ModelDataUrl": artifact}
    return Source(name, container | ({"Environment": variables} if variables else {}), job.get("RoleArn", ""))


def serving_image(job: Mapping[str, Any]) -> str:
    """The image that serves what a job's image has trained: AWS has two of its frameworks' images."""
    image: str = job["AlgorithmSpecification"].get("TrainingImage", "")
    return re.sub(r"-training(?=[:@]|$)", "-inference", image)


def program_environment(job: Mapping[str, Any]) -> dict[str, str]:
    """What a model of a script's needs in its environment, out of the job's hyperparameters."""
    found: dict[str, str] = {}
    for name in ("sagemaker_program", "sagemaker_submit_directory"):
        if value := job.get("HyperParameters", {}).get(name):
            found[name.upper()] = value.strip('"')
    return found


def environment(text: str, field: str) -> dict[str, str]:
    """Variables out of lines `NAME=value`."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name.strip()):
            raise Unclear(field, f"{line!r} is no variable. Write one a line, as NAME=value.")
        found[name.strip()] = value.strip()
    return found


def number_of(form: Mapping[str, Any], name: str, what: str, otherwise: float) -> float:
    """A number of the form; `otherwise` where nothing is said."""
    said = _said(form, name)
    if not said:
        return otherwise
    try:
        value = float(said)
    except ValueError:
        raise Unclear(name, f"{what} is {said!r}, which is no number.") from None
    if not 0 <= value < 1e6 or value != value:
        raise Unclear(name, f"{what} is {said}. Give a number that is not negative.")
    return value


def free(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name-2, name-3 ... that nothing has."""
    number, found = 1, name[:MOST_NAME]
    lower = {each.lower() for each in taken}
    while found.lower() in lower:
        number += 1
        tail = f"-{number}"
        found = name[: MOST_NAME - len(tail)].rstrip("-") + tail
    return found


def _said(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name) or "").strip()
