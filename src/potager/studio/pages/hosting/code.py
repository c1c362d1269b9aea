"""Calls as programs: the same that a form does, for those who would rather write it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from botocore import xform_name

from potager.studio.source import call

Call = tuple[str, str, Mapping[str, Any]]
"""A service, an operation and its parameters."""


def boto3(calls: Iterable[Call]) -> str:
    """The calls as a program of boto3."""
    lines, known = ["import boto3", ""], set[str]()
    for service, operation, params in calls:
        client = service.replace("-", "_")
        if service not in known:
            known.add(service)
            lines.append(f'{client} = boto3.client("{service}")')
        lines.append(call(f"{client}.{xform_name(operation)}", params))
    return "\n".join(lines)


def invocation(operation: str, params: Mapping[str, Any]) -> str:
    """A prediction by boto3, and what is done with its answer."""
    program = boto3([("sagemaker-runtime", operation, params)])
    head, _, call = program.rpartition("\nsagemaker_runtime.")
    asked = f"{head}\nanswer = sagemaker_runtime.{call}"
    match operation:
        case "InvokeEndpoint":
            return f'{asked}\nprint(answer["Body"].read().decode())'
        case "InvokeEndpointWithResponseStream":
            return f'{asked}\nfor event in answer["Body"]:\n    print(event["PayloadPart"]["Bytes"].decode(), end="")'
        case _:
            return f'{asked}\nprint(answer["OutputLocation"])'


FLAGS = {
    "ContentType": "content-type",
    "Accept": "accept",
    "TargetVariant": "target-variant",
    "TargetModel": "target-model",
}


def cli(endpoint: str, params: Mapping[str, Any]) -> str:
    """A prediction by the AWS CLI."""
    flags = [f"--{flag} {shlex.quote(params[name])}" for name, flag in FLAGS.items() if params.get(name)]
    body = shlex.quote(str(params.get("Body", "")))
    parts = [f"--endpoint-name {endpoint}", *flags, "--cli-binary-format raw-in-base64-out", f"--body {body}"]
    return " \\\n  ".join(["aws sagemaker-runtime invoke-endpoint", *parts, "/dev/stdout"])


HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "TargetVariant": "X-Amzn-SageMaker-Target-Variant",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
}


def curl(url: str, region: str, endpoint: str, params: Mapping[str, Any]) -> str:
    """A prediction by curl, which signs by itself (7.75 or newer)."""
    said = [f"-H {shlex.quote(f'{head}: {params[name]}')}" for name, head in HEADERS.items() if params.get(name)]
    parts = [
        f'--aws-sigv4 "aws:amz:{region}:sagemaker"',
        '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
        *said,
        f"--data-binary {shlex.quote(str(params.get('Body', '')))}",
        f"{url}/endpoints/{endpoint}/invocations",
    ]
    return " \\\n  ".join(["curl -sS", *parts])
