"""Checkpoints: a job's folder that lives under a prefix of S3 too, so that another attempt or job goes on from it.

    prefix ── restore, as copies ──► LocalPath ── sync every few seconds, and at the end ──► prefix

What lies under the prefix comes to stand in the folder before the program starts: as its own copies, for the program
may change them. While it runs, a file is put once it has rested from one look to the next, so that no half of a
checkpoint stands in S3; when it has ended, however it ended, everything is. Nothing is deleted under the prefix.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from potager.kernel import uris
from potager.kernel.errors import Invalid, NotFound, Unserved
from potager.store import inputs
from potager.store.inputs import BadInput, File
from potager.store.mirror import Mirror, again_and_again
from potager.store.objects import Objects

ML = PurePosixPath("/opt/ml")
DEFAULT = "/opt/ml/checkpoints"
RESERVED = ("input", "code", "sagemaker")
"""Folders below /opt/ml that are the platform's."""


def check(req: Mapping[str, Any]) -> None:
    """Refuses a place for checkpoints that is no URI, or that a job here cannot write to."""
    config = req.get("CheckpointConfig")
    if not config:
        return
    uris.s3(config["S3Uri"])
    path = PurePosixPath(config.get("LocalPath") or DEFAULT)
    if not path.is_relative_to(ML) or path == ML or ".." in path.parts:
        raise Unserved(
            f"CheckpointConfig.LocalPath '{path}' is not served: a job here keeps what it writes below /opt/ml only. "
            f"Use a folder there, such as {DEFAULT}."
        )
    if path.parts[3] in RESERVED:
        raise Invalid(
            f"CheckpointConfig.LocalPath '{path}' lies in /opt/ml/{path.parts[3]}, which is the platform's. "
            f"Use another folder, such as {DEFAULT}."
        )


def described(doc: Mapping[str, Any]) -> dict[str, str] | None:
    """A job's CheckpointConfig with its LocalPath, None where it has none."""
    config = doc.get("CheckpointConfig")
    return {"LocalPath": DEFAULT, **config} if config else None


def name(doc: Mapping[str, Any]) -> str | None:
    """The folder of a job's checkpoints, relative to /opt/ml; None where the job keeps none."""
    config = described(doc)
    return str(PurePosixPath(config["LocalPath"]).relative_to(ML)) if config else None


def _copy(files: Sequence[File], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, target)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            message = f"Two checkpoints need the same path '{file.path}'. Delete one of the objects."
            raise BadInput(message) from error
        except OSError as error:
            if error.errno not in inputs.UNNAMEABLE:
                raise
            message = f"The checkpoint '{file.path}' cannot be a file here ({error.strerror}). Rename the object."
            raise BadInput(message) from error


class Checkpoints:
    """Restores and syncs the checkpoints of jobs; a job is named by its `ml` folder. Belongs to one event loop."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._mirrors: dict[Path, Mirror] = {}
        self._tasks: dict[Path, asyncio.Task[None]] = {}

    async def restore(self, doc: Mapping[str, Any], ml: Path) -> int:
        """Lays out what lies under the job's prefix, as copies; gives the number of files.

        `BadInput` for keys that cannot be files, `NotFound` without the bucket.
        """
        folder = name(doc)
        if folder is None:
            return 0
        bucket, key = uris.s3(doc["CheckpointConfig"]["S3Uri"])
        prefix = key.rstrip("/") + "/" if key else ""
        await self._objects.bucket(bucket)
        found = [entry async for entry in self._objects.walk(bucket, prefix) if not entry.key.endswith("/")]
        sources = await self._objects.files(found)
        files = [
            File(inputs.inside(entry.key[len(prefix) :]), source) for entry, source in zip(found, sources, strict=True)
        ]
        await asyncio.to_thread(_copy, files, ml / folder)
        mirror = self._mirrors[ml] = self._mirror(doc, ml)
        await mirror.know()
        return len(files)

    def follow(self, doc: Mapping[str, Any], ml: Path) -> None:
        """Syncs a job's checkpoints from now on; again for the same job does nothing."""
        if ml not in self._tasks and name(doc) is not None:
            mirror = self._mirrors.setdefault(ml, self._mirror(doc, ml))
            what = f"training job {doc['TrainingJobName']}: its checkpoints"
            self._tasks[ml] = asyncio.create_task(again_and_again(partial(mirror.sync, rested=True), what))

    async def finish(self, doc: Mapping[str, Any], ml: Path) -> str:
        """Syncs what is left once the program has ended; gives what went wrong for good, "" where nothing did.

        `LimitReached` for a full disk: what the job wrote is there still, and the step can be done again.
        """
        if name(doc) is None:
            return ""
        mirror = await self.forget(ml) or self._mirror(doc, ml)
        try:
            await mirror.sync()
        except NotFound as fault:
            return f"the checkpoints could not be kept: {fault.message}"
        return ""

    async def forget(self, ml: Path) -> Mirror | None:
        """Syncs a job's checkpoints no more; gives what it knew of them."""
        await self._quiet([self._tasks.pop(ml)] if ml in self._tasks else [])
        return self._mirrors.pop(ml, None)

    async def close(self) -> None:
        """Stops; the next server goes on."""
        await self._quiet(list(self._tasks.values()))
        self._tasks.clear()

    async def _quiet(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _mirror(self, doc: Mapping[str, Any], ml: Path) -> Mirror:
        return Mirror(self._objects, ml, name(doc) or "", doc["CheckpointConfig"]["S3Uri"])
