"""The services' models out of botocore's data, without their prose.

Documentation is most of a model: it is dropped while parsing, so that SageMaker, S3, IAM, Logs and STS together take
some 15 MB. Models are loaded when first asked for, and once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, ServiceModel

_PROSE = frozenset(("documentation", "documentationUrl", "deprecatedMessage"))


class _Terse(JSONFileLoader):
    """Reads botocore's JSON files without their documentation."""

    def _load_file(self, full_path: str, open_method: Callable[[str, str], Any]) -> Any:
        if not os.path.isfile(full_path):
            return None
        with open_method(full_path, "rb") as file:
            return json.loads(file.read(), object_hook=_without_prose)


def _without_prose(part: dict[str, Any]) -> dict[str, Any]:
    # A member may be called `documentation`: then its value is a shape's reference, not a text.
    for name in _PROSE & part.keys():
        if isinstance(part[name], str):
            del part[name]
    return part


@cache
def _loader() -> Loader:
    return Loader(file_loader=_Terse())


@cache
def load(service: str) -> ServiceModel:
    """The model of a service by botocore's name for it, such as `sagemaker-runtime`.

    Raises `botocore.exceptions.UnknownServiceError` for a name that botocore does not have.
    """
    description = cast("dict[str, Any]", _loader().load_service_model(service, "service-2"))
    return ServiceModel(description, service)


@cache
def operation(service: str, name: str) -> OperationModel:
    """One operation of a service's model."""
    return load(service).operation_model(name)


@cache
def names(service: str) -> frozenset[str]:
    """The names of a service's operations."""
    return frozenset(load(service).operation_names)
