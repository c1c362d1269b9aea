"""Which of our images an image URI names: by repository name, whatever the account, region and tag.

    382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1  ─►  potager.images.linear_learner

An image's package says what it is in light metadata and imports no ML library; its programs are imported in a worker.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPOSITORIES: Mapping[str, str] = {"linear-learner": "potager.images.linear_learner"}
"""Repository name to the package of the image that serves it."""


@dataclass(frozen=True, slots=True)
class Image:
    """One of our images, under the repository name by which it was asked for."""

    repository: str
    package: str

    @property
    def train(self) -> str:
        """The entry of a training workload."""
        return f"{self.package}.train:main"

    @property
    def serve(self) -> str:
        """The entry of a serving workload."""
        return f"{self.package}.serve:load"

    def metric_definitions(self) -> list[dict[str, str]]:
        """The metrics that the image prints, as MetricDefinitions."""
        metadata: Any = importlib.import_module(self.package)
        return [{"Name": name, "Regex": regex} for name, regex in metadata.METRICS]


def repository(uri: str) -> str:
    """The repository name in an image URI: the last part of its path, without tag and digest."""
    return uri.split("@")[0].rsplit("/", 1)[-1].split(":")[0]


def find(uri: str) -> Image | None:
    """The image that a URI names, None when it is none of ours."""
    name = repository(uri)
    package = REPOSITORIES.get(name)
    return Image(name, package) if package else None


def unknown(uri: str) -> str:
    """What to tell somebody who asked for an image that is none of ours."""
    served = ", ".join(sorted(REPOSITORIES))
    return f"Potager has no image of the repository '{repository(uri)}'. Repositories served: {served}."
