"""Which of our images an image URI names: by repository name, whatever the account, region and tag.

    382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1  ─►  potager.images.linear_learner

An image's package says what it is in light metadata and imports no ML library; its programs are imported in a worker.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from potager.images.algorithm.hyperparameters import Catalogue

REPOSITORIES: Mapping[str, str] = {
    "catboost": "potager.images.catboost",
    "factorization-machines": "potager.images.factorization_machines",
    "huggingface-pytorch-inference": "potager.images.huggingface",
    "huggingface-pytorch-training": "potager.images.huggingface",
    "ipinsights": "potager.images.ipinsights",
    "knn": "potager.images.knn",
    "kmeans": "potager.images.kmeans",
    "lightgbm": "potager.images.lightgbm",
    "linear-learner": "potager.images.linear_learner",
    "pca": "potager.images.pca",
    "profile": "potager.images.profile",
    "python": "potager.images.python",
    "pytorch-inference": "potager.images.pytorch",
    "pytorch-training": "potager.images.pytorch",
    "randomcutforest": "potager.images.randomcutforest",
    "sagemaker-base-python": "potager.images.python",
    "sagemaker-base-python-310": "potager.images.python",
    "sagemaker-base-python-38": "potager.images.python",
    "sagemaker-scikit-learn": "potager.images.scikit_learn",
    "sagemaker-xgboost": "potager.images.xgboost",
    "tensorflow-inference": "potager.images.tensorflow",
    "tensorflow-training": "potager.images.tensorflow",
    "xgboost": "potager.images.xgboost",
}
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

    @property
    def processor(self) -> str:
        """The entry of a processing workload that names no command; "" where the image has no program for that."""
        return self._says("PROCESSOR", "")

    @property
    def runs_scripts(self) -> bool:
        """Whether it runs programs of the user's; one with an algorithm of its own runs that where a job names none."""
        return self._says("SCRIPT", False)

    @property
    def framework_module(self) -> str | None:
        """What AWS's image of this repository says in `SM_FRAMEWORK_MODULE`."""
        return self._says("FRAMEWORK_MODULE", None)

    @property
    def warm(self) -> Sequence[str]:
        """The modules that most of its scripts import, or its own algorithm does, and whose import takes its time."""
        own = (self.train.partition(":")[0],) if self.objectives else ()
        return (*self._says("WARM", ()), *own)

    @property
    def serving(self) -> Sequence[str]:
        """The modules that a worker of its models imports, of those that are here; none where that takes no time."""
        wanted = self._says("SERVES", self._says("WARM", ()))
        here = [module for module in wanted if importlib.util.find_spec(module.partition(".")[0])]
        return [*here, self.serve.partition(":")[0]] if here else []

    def metric_definitions(self) -> list[dict[str, str]]:
        """The metrics that the image prints, as MetricDefinitions."""
        return [{"Name": name, "Regex": regex} for name, regex in self._says("METRICS", ())]

    @property
    def objectives(self) -> Mapping[str, str]:
        """The metrics that a tuning job of the image's own algorithm may aim at, each with Maximize or Minimize."""
        return self._says("OBJECTIVES", {})

    @property
    def jumpstart(self) -> bool:
        """Whether AWS has it in JumpStart: a script in a framework's image, whose metrics a job may define."""
        catalogue = self.catalogue()
        return catalogue is not None and catalogue.scripted

    def catalogue(self) -> Catalogue | None:
        """The hyperparameters of its own algorithm, where a tuning job may tune it; else None."""
        return self.hyperparameters() if self.objectives else None

    def hyperparameters(self) -> Catalogue | None:
        """The hyperparameters of its own algorithm; None where it has none."""
        if importlib.util.find_spec(f"{self.package}.hyperparameters") is None:
            return None
        return importlib.import_module(f"{self.package}.hyperparameters").CATALOGUE

    @property
    def extra(self) -> str:
        """The extra of Potager's that brings what it needs, "" where it needs nothing."""
        return self._says("EXTRA", "")

    def versions(self) -> dict[str, str | None]:
        """The version of each distribution that the image needs, None where it is not installed.

        Of several that do the same, such as `xgboost-cpu` and `xgboost`, the first that is here.
        """
        return dict(_found(names) for names in self._says("REQUIRES", ()))

    def used(self) -> str:
        """What it really is, whatever version was asked for: `Python 3.11.7, scikit-learn 1.9.1`."""
        return ", ".join([f"Python {platform.python_version()}", *(f"{n} {v}" for n, v in self.versions().items())])

    def missing(self) -> str:
        """What to tell somebody where the image cannot run for want of packages, "" where it can."""
        absent = [name for name, found in self.versions().items() if found is None]
        if not absent:
            return ""
        return (
            f"The image {self.repository} needs {', '.join(absent)}, which Potager's environment does not have. "
            f"Install it there: {sys.executable} -m pip install 'potager[{self.extra}]'"
        )

    def _says(self, name: str, otherwise: Any) -> Any:
        return getattr(importlib.import_module(self.package), name, otherwise)


def _found(names: str | tuple[str, ...]) -> tuple[str, str | None]:
    """A distribution and its version, or the first of those that do the same."""
    alike = (names,) if isinstance(names, str) else names
    here = [(name, found) for name in alike if (found := _version(name)) is not None]
    return here[0] if here else (alike[0], None)


def _version(distribution: str) -> str | None:
    return _looked_up(distribution, tuple(map(_changed, sys.path)))


def _changed(folder: str) -> int:
    """When something was last installed in a folder or taken out of it."""
    try:
        return Path(folder or ".").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _looked_up(distribution: str, state: tuple[int, ...]) -> str | None:
    """Its version, read from its metadata once for as long as nothing is installed: pages ask for dozens of them."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


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
