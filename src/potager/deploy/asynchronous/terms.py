"""An AsyncInferenceConfig: what may be asked for, and what follows from it for a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.kernel import uris
from potager.kernel.errors import Invalid

CONFIG = "AsyncInferenceConfig"


def check(req: Mapping[str, Any]) -> None:
    """`Invalid` for an asynchronous endpoint configuration whose answers have nowhere to go."""
    config = req.get(CONFIG)
    if not config:
        return
    output: Mapping[str, Any] = config["OutputConfig"]
    if not output.get("S3OutputPath"):
        raise Invalid(f"{CONFIG}.OutputConfig names no S3OutputPath, where answers are kept. Set it.")
    for member in ("S3OutputPath", "S3FailurePath"):
        if output.get(member):
            uris.s3(output[member])
    if req.get("ShadowProductionVariants"):
        raise Invalid(f"Shadow variants are not supported with {CONFIG}. Leave one of them out.")


def concurrent(config: Mapping[str, Any]) -> int:
    """Requests that one instance is given at a time: a worker does one after another, so 1 unless asked otherwise."""
    return config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", 1)


def locations(config: Mapping[str, Any], request: str, extension: str = "", name: str = "") -> tuple[str, str | None]:
    """Where the answer to a request goes, and where its failure; None where nobody asked to keep failures.

    extension : S3OutputPathExtension, a path below the configured one. name : Filename, of the answer.

    >>> locations({"OutputConfig": {"S3OutputPath": "s3://b/out/", "S3FailurePath": "s3://b/bad"}}, "7f")
    ('s3://b/out/7f.out', 's3://b/bad/7f-error.out')
    """
    output = config["OutputConfig"]
    below = f"/{extension.strip('/')}" if extension.strip("/") else ""
    failures = output.get("S3FailurePath")
    return (
        f"{output['S3OutputPath'].rstrip('/')}{below}/{name or f'{request}.out'}",
        f"{failures.rstrip('/')}{below}/{request}-error.out" if failures else None,
    )
