"""A model laid out for its worker: the artifact in `/opt/ml/model`, a script's source in `/opt/ml/code`.

    image, data, environment ─► lay_out ─► folder/ml/model, folder/ml/code ─► Served: images/*/serve.py

A script comes in the artifact, or beside it, as the archive that SAGEMAKER_SUBMIT_DIRECTORY of the model's environment
names; SDK v2 uploads it as `sourcedir.tar.gz`. Where a program called `serve` lies there instead, that
is the server: `images/own_server`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from potager.compute import allotment, catalog
from potager.compute.budget import MIB, size
from potager.compute.catalog import Image
from potager.compute.workload import Workload
from potager.deploy import artifact
from potager.deploy.many import shelf
from potager.kernel import archive, uris
from potager.kernel.errors import Fault, Invalid, LimitReached, NotFound
from potager.store.objects import Objects

OWN_SERVER = "potager.images.own_server.serve:load"
"""What a worker runs for a program that is a server itself."""
PROGRAM, PATIENCE = "POTAGER_SERVER", "POTAGER_PATIENCE"
"""The variables that tell it which program that is, and how many seconds it has to come up."""

OWN_SERVER_OF_MANY = "potager.images.own_server.many:load"
MANY_MODELS = "potager.images.many_models.serve:load"
"""The same, for a container of many models."""

MULTI_MODEL = {"SAGEMAKER_MULTI_MODEL": "true"}
"""What AWS tells such a container."""

LEAST = 64 * MIB
"""Bytes without which one of several containers is not started."""


class Unfit(Fault):
    """The model cannot be laid out, or has nothing here that could serve it; the message is a FailureReason."""


@dataclass(frozen=True, slots=True)
class Served:
    """How a model is served that has been laid out.

    entry : what a worker runs (`Workload.entry`).
    network : whether it may use the host's network.
    environment : variables that it needs beside the model's own.
    requirements : the requirements file of its script, which may not be there.
    libraries : modules that its worker imports (`Workload.warm`).
    """

    entry: str
    network: bool
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    requirements: Path | None = None
    libraries: Sequence[str] = ()


async def lay_out(objects: Objects, model: Mapping[str, Any], ml: Path, within: float | None = None) -> Served:
    """Fills `ml/model` and `ml/code`, and says how they are served; a `Fault` says why they cannot be.

    model : `image`, `data` (`artifact.Data`), `environment` and `isolated`; `many` where there is no data, for models
    come one by one (`deploy/many`).
    within : seconds that its data may take; looked at once they are there, for a copy under way cannot be stopped.
    """
    image = catalog.find(model["image"])
    if image is None:
        raise Unfit(catalog.unknown(model["image"]))
    many = bool(model.get("many"))
    began = monotonic()
    await artifact.lay_out(objects, model["data"], ml / "model")
    if within is not None and monotonic() - began > within:
        limit = f"ModelDataDownloadTimeoutInSeconds of {within:g} seconds"
        raise Unfit(f"The model's data took longer than the {limit}. Raise it, or take less data.")
    if many:
        await asyncio.to_thread((ml / shelf.FOLDER).mkdir, exist_ok=True)
    if not image.runs_scripts:
        return _of_many(image, Served(image.serve, network=False)) if many else Served(image.serve, network=False)
    await asyncio.to_thread(tidy, ml / "model")
    if url := source(model["environment"]):
        await _fetch(objects, url, ml / "code")
    program = await asyncio.to_thread(own_server, ml, model["environment"])
    if program is not None:
        # Walled off, it finds the port free that SageMaker's programs listen on, and nobody else finds it there.
        named = {PROGRAM: f"/opt/ml/{program}"}
        if many:
            return Served(OWN_SERVER_OF_MANY, network=False, environment=named | MULTI_MODEL)
        return Served(OWN_SERVER, network=False, environment=named)
    if missing := image.missing():
        raise Unfit(missing)
    needs = requirements(model, ml)
    libraries = () if await asyncio.to_thread(needs.is_file) else await asyncio.to_thread(lambda: image.serving)
    served = Served(image.serve, networked(image, model), requirements=needs, libraries=libraries)
    return _of_many(image, served) if many else served


def _of_many(image: Image, served: Served) -> Served:
    """How many models are served that would each be served so."""
    return replace(served, entry=MANY_MODELS, environment={"POTAGER_LOADER": image.serve, **MULTI_MODEL})


def parted(work: Workload, containers: int) -> Workload:
    """The workload of one of several containers, which have the memory of their instance in equal parts.

    `LimitReached` where that is too little to start a program.
    """
    if containers == 1 or work.memory_bytes is None:
        return work
    part = work.memory_bytes // containers
    if part < LEAST:
        raise LimitReached(
            f"{allotment.NO_CAPACITY} {containers} containers share the {size(work.memory_bytes)} of memory that their "
            f"instance has on this machine; that leaves {size(part)} for each, and {size(LEAST)} is the least. Take a "
            "larger instance type, fewer containers, or raise the server's setting endpoint_memory."
        )
    return replace(work, memory_bytes=part)


def tidy(model: Path) -> None:
    """Takes an empty `shared_libs` away: the script that SDK v3 writes lays it over `/lib`, here the machine's."""
    with contextlib.suppress(OSError):  # it is not there, or holds libraries, which fail by name where they are copied
        (model / "shared_libs").rmdir()


def own_server(ml: Path, environment: Mapping[str, str]) -> str | None:
    """The program below `ml` that is a server itself, None where there is none.

    It is the file that SAGEMAKER_PROGRAM names, or `serve`, in the source or at the artifact's top. A name that ends
    in `.py` names functions (`images/python/script`).
    """
    name = environment.get("SAGEMAKER_PROGRAM") or "serve"
    if name.endswith(".py"):
        return None
    for place in ("code", "model/code", "model"):
        path = ml / place / name
        if path.is_file() and path.resolve().is_relative_to((ml / place).resolve()):
            return f"{place}/{name}"
    return None


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


def requirements(model: Mapping[str, Any], ml: Path) -> Path:
    """The requirements file of a model's script, which may not be there."""
    named = model["environment"].get("SAGEMAKER_SUBMIT_DIRECTORY", "").removeprefix("file://")
    inside = named.removeprefix("/opt/ml/") if named.startswith("/opt/ml/") and ".." not in named else "model/code"
    return (ml / "code" if (ml / "code").is_dir() else ml / inside) / "requirements.txt"


def networked(image: Image, model: Mapping[str, Any]) -> bool:
    """Whether a worker may use the network: where its image runs the user's code, unless the model is `isolated`."""
    return image.runs_scripts and not model.get("isolated", False)
