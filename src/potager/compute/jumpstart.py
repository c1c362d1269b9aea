"""JumpStart's catalogue of the models that our images train, as the SDKs read it from AWS's bucket.

models_manifest.json                          a header a model, which names its specification
community_models/<model id>/specs_v2.0.0.json its image's URI, its hyperparameters, its metrics, its archives
source-directory-tarballs/..                  what `script_uris` names; our images bring their programs, so it is none
<algorithm>-training/..                       what `model_uris` names; nothing to begin from

Hyperparameters are those of the image's catalogue. `objective` follows the model id, as it does on AWS. The members are
those that `sagemaker.jumpstart.types` reads (https://github.com/aws/sagemaker-python-sdk).
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from potager.compute import catalog
from potager.compute.catalog import Image
from potager.images.algorithm.hyperparameters import Parameter

BUCKETS = r"jumpstart-cache-prod-([a-z]{2}(?:-[a-z]+){1,3}-\d)"
"""The names of AWS's buckets; the group is the region."""

VERSION = "2.0.0"
_SINCE = "2.49.0"
"""The first SDK that knows JumpStart."""
_INSTANCE = "ml.m5.xlarge"
_CLASSES = ("classification", "binary", "multiclass")
_NOTE = "Potager's image brings its own program, and never runs this one. See docs/reference/lightgbm.md."


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; `task` is classification or regression."""

    repository: str
    task: str

    @property
    def id(self) -> str:
        return f"{self.repository}-{self.task}-model"

    @property
    def spec(self) -> str:
        """The key of its specification."""
        return f"community_models/{self.id}/specs_v{VERSION}.json"

    @property
    def artifact(self) -> str:
        """The key of what training begins from."""
        return f"{self.repository}-training/v{VERSION}/train-{self.id}.tar.gz"

    def script(self, folder: str) -> str:
        """The key of the archive that `transfer_learning` or `inference` would be in."""
        return f"source-directory-tarballs/{self.repository}/{folder}/{self.task}/v{VERSION}/sourcedir.tar.gz"

    @property
    def image(self) -> Image:
        return Image(self.repository, catalog.REPOSITORIES[self.repository])


MODELS = tuple(Model(name, task) for name in ("catboost", "lightgbm") for task in ("classification", "regression"))


def files(kinds: Collection[str]) -> dict[str, bytes]:
    """All objects of the bucket, by key.

    Parameters
    ----------
    kinds : the instance types that there are.
    """
    headers = [{"model_id": one.id, "version": VERSION, "min_version": _SINCE, "spec_key": one.spec} for one in MODELS]
    return {
        "models_manifest.json": _json(headers),
        "proprietary-sdk-manifest.json": _json([]),
        **{key: content for one in MODELS for key, content in _of(one, kinds)},
    }


def _of(model: Model, kinds: Collection[str]) -> Iterator[tuple[str, bytes]]:
    yield model.spec, _json(specification(model, kinds))
    yield model.artifact, _archive("README.txt", "Potager trains from the beginning. Nothing is here.\n")
    for folder, script in (("transfer_learning", "transfer_learning.py"), ("inference", "inference.py")):
        yield model.script(folder), _archive(script, f'raise SystemExit("{_NOTE}")\n')


def specification(model: Model, kinds: Collection[str]) -> dict[str, Any]:
    """What the SDKs are told of a model."""
    image = model.image
    catalogue = image.catalogue()
    assert catalogue is not None, model.repository
    # An SDK asks for the image of a type's family, `m5` of `ml.m5.large`.
    families = sorted({kind.split(".")[1] for kind in kinds})
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{model.repository}:1"
    variants = {"variants": {family: {"properties": {"image_uri": uri}} for family in families}}
    return {
        "model_id": model.id,
        "url": "",
        "version": VERSION,
        "min_sdk_version": _SINCE,
        "incremental_training_supported": False,
        "training_supported": True,
        "training_artifact_key": model.artifact,
        "training_script_key": model.script("transfer_learning"),
        "hosting_script_key": model.script("inference"),
        "hosting_use_script_uri": False,
        "hyperparameters": [_hyperparameter(one, model.task) for one in catalogue.parameters],
        "metrics": image.metric_definitions(),
        "training_instance_type_variants": variants,
        "hosting_instance_type_variants": variants,
        "default_training_instance_type": _INSTANCE,
        "supported_training_instance_types": sorted(kinds),
        "default_inference_instance_type": _INSTANCE,
        "supported_inference_instance_types": sorted(kinds),
        "predictor_specs": {
            "default_content_type": "text/csv",
            "supported_content_types": ["text/csv"],
            "default_accept_type": "application/json;verbose",
            "supported_accept_types": ["application/json;verbose", "application/json"],
        },
    }


def _hyperparameter(parameter: Parameter, task: str) -> dict[str, Any]:
    """A hyperparameter in JumpStart's words; the SDK validates by them where it is asked to."""
    words, default = parameter.words, parameter.default
    if parameter.name == "objective":
        words = tuple(word for word in words if word != "auto" and (word in _CLASSES) == (task == _CLASSES[0]))
        default = task
    described: dict[str, Any] = {"name": parameter.name, "default": str(default), "scope": "algorithm"}
    if parameter.kind == "choice":
        return described | {"type": "text", "options": list(words)}
    if words:  # a number or a word: there is no such type
        return described | {"type": "text"}
    return described | {"type": parameter.kind} | _bounds(parameter)


def _bounds(parameter: Parameter) -> dict[str, float]:
    bounds = (("low", "min", parameter.low), ("high", "max", parameter.high))
    return {
        f"exclusive_{name}" if bound in parameter.open.split() else name: value
        for bound, name, value in bounds
        if value is not None
    }


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode()


def _archive(name: str, text: str) -> bytes:
    """A tar archive of one file, the same bytes each time."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(text.encode())
        tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
