"""Tar archives that somebody sent, unpacked without leaving their folder: model artifacts, the source of a script."""

from __future__ import annotations

import tarfile
from pathlib import Path

from potager.kernel.ballast import FULL
from potager.kernel.errors import Fault, LimitReached


class BadArchive(Fault):
    """The archive is broken, or would leave its folder."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a tar archive, of any compression, into `folder`; `BadArchive` says what is wrong with one that fails.

    Members that leave the folder, devices and set-id bits are refused by the `data` filter (PEP 706). `LimitReached`
    where the disk is full: then nothing is wrong with the archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:*") as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise LimitReached(f"The disk is full: {folder}. Free some space and try again.") from error
        raise BadArchive(f"not a tar archive that can be unpacked: {error}") from error
