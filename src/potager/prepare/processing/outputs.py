"""A job's outputs, put into S3: `Continuous` ones again and again while it runs, all of them once it has ended.

An output's path may hold a folder or be a file; links in it are not followed. Nothing is deleted in S3. Inputs that
stand in an output's folder are part of it: those below `lower` go first, what the program made of them goes over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potager.kernel.errors import Fault, NotFound
from potager.prepare.processing import paths
from potager.prepare.processing.lifecycle import Kept
from potager.store.inputs import split_uri
from potager.store.mirror import Mirror
from potager.store.objects import Objects


class Outputs:
    """The outputs of one job, whose workload has these layers of /opt/ml; knows what it has put already."""

    def __init__(self, objects: Objects, doc: Mapping[str, Any], layers: Sequence[Path]) -> None:
        self._mirrors = [
            (one["S3Output"]["S3UploadMode"], Mirror(objects, layer, str(path), one["S3Output"]["S3Uri"]))
            for path, one in paths.outputs(doc)
            for layer in layers
        ]

    @property
    def continuous(self) -> bool:
        """Whether any of them goes to S3 while the job runs."""
        return any(mode == "Continuous" for mode, _ in self._mirrors)

    async def sync(self, kept: Kept) -> None:
        """Puts what is new of those that are to be kept."""
        for mode, mirror in self._mirrors:
            if kept == "all" or (kept == "continuous" and mode == "Continuous"):
                await mirror.sync()


class BadOutput(Fault):
    """An output has nowhere to go; follows `ClientError: ` in FailureReason."""


async def check(objects: Objects, doc: Mapping[str, Any]) -> None:
    """`BadOutput` where the bucket of an output is not there: said before the work rather than after it."""
    for _, one in paths.outputs(doc):
        try:
            await objects.bucket(split_uri(one["S3Output"]["S3Uri"])[0])
        except NotFound as fault:
            raise BadOutput(f"ProcessingOutput '{one['OutputName']}': {fault.message}") from fault
