"""Where a multi-model container's models are: TargetModel is a key below the prefix that ModelDataUrl names."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from potager.deploy import artifact
from potager.kernel import uris
from potager.kernel.errors import Invalid, NotFound, WireError
from potager.store.objects import Objects


def name(target: str) -> str:
    """A model's name as it is kept; AWS's `ValidationError` for one that does not stay below the prefix.

    SDK v2 lists names with a slash before them where the prefix has none at its end.
    """
    if not target:
        raise WireError(
            "ValidationError",
            "The request is missing a target model header. Set TargetModel to a key below ModelDataUrl.",
        )
    found = target.lstrip("/")
    if not found or any(part in (".", "..") for part in found.split("/")):
        raise WireError(
            "ValidationError",
            f"TargetModel '{target}' is no key below the endpoint's ModelDataUrl, as in a/model.tar.gz.",
        )
    return found


def key(prefix: str, model: str) -> tuple[str, str]:
    """Bucket and key of a model.

    >>> key("s3://claims/models", "a.tar.gz")
    ('claims', 'models/a.tar.gz')
    """
    bucket, below = uris.s3(prefix)
    return bucket, f"{below.rstrip('/')}/{model}" if below.rstrip("/") else model


async def fetch(objects: Objects, prefix: str, model: str, home: Path) -> int:
    """Unpacks a model into `home/model`, beside which the container's own script is; the bytes that it takes there.

    `WireError`: AWS's words where there is no such model. `artifact.BadArtifact` where it is no archive.
    """
    bucket, path = key(prefix, model)
    try:
        entry = await objects.head(bucket, path)
    except (NotFound, Invalid) as fault:
        raise WireError(
            "ValidationError",
            f"Failed to download model data(bucket: {bucket}, key: {path}). Please ensure that there is an object "
            "located at the URL and that the role passed to CreateModel has permissions to download the model.",
        ) from fault
    file = await objects.file(entry)
    return await asyncio.to_thread(_unpacked, file, home)


def _unpacked(file: Path, home: Path) -> int:
    home.mkdir(parents=True)
    artifact.unpack(file, home / "model")
    if (home.parent.parent / "code").is_dir():  # `images/python/script` looks beside the model
        (home / "code").symlink_to("../../code")
    return sum(path.lstat().st_size for path in home.rglob("*"))


async def remove(home: Path) -> None:
    """Removes what `fetch` left."""
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


async def keep(models: Path, kept: set[str]) -> None:
    """Removes every model's folder in `models` but those of the ids that are kept."""
    folders = await asyncio.to_thread(lambda: list(models.iterdir()) if models.is_dir() else [])
    for folder in folders:
        if folder.name not in kept:
            await remove(folder)
