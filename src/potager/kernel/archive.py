"""Tar archives that somebody sent: unpacked without leaving their folder, or asked for one file of their beginning."""

from __future__ import annotations

import io
import tarfile
import zlib
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


def first(head: bytes, name: str, most: int) -> bytes | None:
    """A file out of the first bytes of a gzipped archive; None where it does not lie whole within `most` unpacked ones.

    Nothing is written, and no more than `most` bytes are unpacked, whatever the archive says of itself.
    """
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(head, most)
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
            for info in tar:
                if info.name == name and info.isreg() and (file := tar.extractfile(info)):
                    return file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError):
        return None
    return None
