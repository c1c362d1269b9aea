"""A model laid out for its worker: the artifact in `/opt/ml/model`, a script's source in `/opt/ml/code`.

    image, artifact, environment ─► lay_out ─► folder/ml/model, folder/ml/code ─► images/*/serve.py

A script comes in the artifact, or beside it, as the archive that SAGEMAKER_SUBMIT_DIRECTORY of the model's environment
names; SDK v2 uploads it as `sourcedir.tar.gz`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.compute import catalog
from potager.compute.catalog import Image
from potager.deploy import artifact
from potager.kernel import archive, uris
from potager.kernel.errors import Fault, Invalid, NotFound
from potager.store.objects import Objects


class Unfit(Fault):
    """The model cannot be laid out, or has nothing here that could serve it; the message is a FailureReason."""


async def lay_out(objects: Objects, model: Mapping[str, Any], ml: Path) -> Image:
    """Fills `ml/model` and `ml/code`, and gives the image that serves them; a `Fault` says why it cannot.

    model : `image`, `data` (the artifact's URL or None) and `environment`.
    """
    image = catalog.find(model["image"])
    if image is None:
        raise Unfit(catalog.unknown(model["image"]))
    if missing := image.missing():
        raise Unfit(missing)
    await asyncio.to_thread((ml / "model").mkdir, parents=True, exist_ok=True)
    if model["data"]:
        entry = await artifact.find(objects, model["data"])
        await asyncio.to_thread(artifact.unpack, await objects.file(entry), ml / "model")
    if image.runs_scripts and (url := source(model["environment"])):
        await _fetch(objects, url, ml / "code")
    return image


def source(environment: Mapping[str, str]) -> str | None:
    """Where a model's script is in S3, None where it is not there."""
    url = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    return url if url.startswith(("s3://", "https://")) else None


async def _fetch(objects: Objects, url: str, code: Path) -> None:
    try:
        entry = await objects.head(*uris.s3(url))
        await asyncio.to_thread(archive.unpack, await objects.file(entry), code)
    except (NotFound, Invalid) as fault:
        raise Unfit(f"SAGEMAKER_SUBMIT_DIRECTORY is {url}, where there is no archive: {fault.message}") from fault
    except archive.BadArchive as fault:
        raise Unfit(f"SAGEMAKER_SUBMIT_DIRECTORY is {url}, which is {fault.message}") from fault


def networked(image: Image, model: Mapping[str, Any]) -> bool:
    """Whether a worker may use the network: where its image runs the user's code, unless the model is `isolated`."""
    return image.runs_scripts and not model.get("isolated", False)
