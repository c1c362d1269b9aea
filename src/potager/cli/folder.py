"""The data folder: made, locked by the one server that uses it, and asked which server that is.

lock         held (flock) as long as a server lives; the kernel frees it even after kill -9
server.json  what that server says of itself once it is ready; without a held lock it is stale
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from potager.kernel import ballast
from potager.kernel.errors import InUse, Invalid

LOCK, ANNOUNCEMENT = "lock", "server.json"

PATIENCE = 1.0
"""Seconds that a start waits for the lock: somebody who only asks holds it for an instant."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a server says of itself. `started`: seconds since 1970."""

    url: str
    pid: int
    started: float
    account_id: str
    region: str


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Writes a small file so that a reader sees the old one or the new one, and a crash leaves either."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(handle)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes that ask for it out of a folder for the length of the block."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make(data: Path) -> None:
    """Makes the folder, readable by its owner alone."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{data}: cannot make the data folder: {error.strerror}. Choose another with --data.") from error
    if not os.access(data, os.W_OK | os.X_OK):
        raise Invalid(f"{data}: this user cannot write to the data folder. Choose another with --data.")


@contextlib.contextmanager
def lock(data: Path) -> Iterator[None]:
    """Holds the folder for this process; `InUse`, naming the server that has it, when there is one."""
    make(data)
    with (data / LOCK).open("a+") as file:
        _acquire(data, file.fileno())
        (data / ANNOUNCEMENT).unlink(missing_ok=True)
        yield


def _acquire(data: Path, handle: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _try(handle, fcntl.LOCK_EX):
        other = running(data)
        if other:
            raise InUse(
                f"{data}: a server uses this data folder already: process {other.pid} at {other.url}. "
                "Stop it first, or choose another folder with --data."
            )
        if time.monotonic() > deadline:
            raise InUse(
                f"{data}: another server is starting or stopping here. Try again, or choose another with --data."
            )
        time.sleep(0.02)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held(data: Path) -> bool:
    """Whether a server holds the folder."""
    try:
        with (data / LOCK).open("r") as file:
            return not _try(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def running(data: Path) -> Running | None:
    """The server that is up on the folder, None when there is none, or not yet."""
    try:
        said = json.loads((data / ANNOUNCEMENT).read_text("utf-8"))
        return Running(**said) if held(data) else None
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def announced(data: Path, server: Running) -> Iterator[None]:
    """Tells others about the server for the length of the block. Call with the lock held."""
    path = data / ANNOUNCEMENT
    text = json.dumps(asdict(server)) + "\n"
    ballast.of(data).spared(lambda: write_atomically(path, text, mode=0o600))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
