"""What a workload left below its `ml` folder, read without following where it may have pointed.

The folder was the program's to write: a file there can be a link to one that only the server may read, a pipe that
never ends, or larger than memory. The program is over when this is read, so what was looked at stays what it is.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def folder(ml: Path, name: str) -> Path | None:
    """The folder `name` below `ml`, if it and all above it are folders and no links; None otherwise."""
    path = ml
    for part in ("", *Path(name).parts):
        path = path / part
        try:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return None
        except OSError:
            return None
    return path


def text(ml: Path, name: str, limit: int) -> str:
    """The first `limit` bytes of the file `name` below `ml` as text; empty when there is no plain file."""
    parent = folder(ml, str(Path(name).parent))
    if parent is None:
        return ""
    try:
        handle = os.open(parent / Path(name).name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return ""
        return file.read(limit).decode("utf-8", "replace").strip()


def failure(ml: Path) -> str:
    """Why a program says that it failed: what it wrote to `output/failure`."""
    return text(ml, "output/failure", 8 * 1024)
