"""Environments that are kept: what a requirements.txt asked for, installed once and used by all who ask for the same.

    environments/<key>        an environment, whole: it is made elsewhere and comes here by its last step, a rename
    environments/<key>.lock   locked by who makes it, shared by those who use it, as long as their shim lives
    environments/<key>.failed why the last try to make it failed
    environments/bin-<key>    copies of the server's own programs (`venv.asking`)

`key` is a digest of what was asked, of all that pip saw when it was made, and of what lies below, so that an upgrade of
the server's environment makes new ones, and nobody can put anything into an environment that others get. What pip takes
from where one job alone has it, such as a channel, is not kept. Nothing in an environment is ever changed. Locks are
the kernel's: they end with their process, whatever ends it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from potager.compute.process import requirements, venv

DAYS = 30
"""Days after which an environment that nobody used is removed."""
MOST = 20
"""Environments that are kept at most, those in use aside."""


_FILES = ("FIND_LINKS", "CONSTRAINT", "BUILD_CONSTRAINT", "REQUIREMENT", "CONFIG_FILE", "CERT", "CLIENT_CERT")
"""What of pip's variables names files."""
_HEEDED = frozenset(
    {"http_proxy", "https_proxy", "all_proxy", "no_proxy"} | {"cflags", "cxxflags", "cppflags", "ldflags"}
)
_HEEDED_PREFIXES = ("PIP_", "CMAKE_")
"""The program's variables that pip and compilers heed."""


def seen(lines: Sequence[str], told: Mapping[str, str]) -> dict[str, str]:
    """The variables that pip sees when it makes an environment for all who ask for the same.

    Of a program's others (LD_PRELOAD, HOME, XDG_CONFIG_HOME) any might make another environment of the same lines.
    """
    named = "\n".join(lines)
    return {
        name: text
        for name, text in told.items()
        if name.startswith(_HEEDED_PREFIXES) or name.lower() in _HEEDED or f"${{{name}}}" in named
    }


def private(lines: Sequence[str], given: Mapping[str, str]) -> bool:
    """Whether pip is to take something from where one program alone has it, which is then for that program alone.

    given : the program's own variables.
    """
    if requirements.names_elsewhere(lines):
        return True
    files = [text for name, text in given.items() if name in {f"PIP_{kind}" for kind in _FILES} and text != os.devnull]
    others = [text for name, text in seen(lines, given).items() if not name.startswith("PIP_")]
    return not all(map(requirements.remote, files)) or requirements.names_elsewhere(others)


def key(lines: Sequence[str], folder: Path, variables: Mapping[str, str], config: str) -> str:
    """The name of the environment in which some requirements are installed.

    Parameters
    ----------
    lines : the requirements.
    folder : where their file is; what is in it counts where a line names a part of it.
    variables : those that pip sees.
    config : the operator's pip.conf.
    """
    source = _digest(folder) if requirements.names_source(lines) else ""
    here = [sys.version, platform.machine(), sys.prefix, _below()]
    what = [2, here, list(lines), dict(variables), config, source]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


def _below() -> list[str]:
    """Name and version of each distribution of the server's."""
    return sorted(path.name for folder in _imports() for path in folder.glob("*.*-info"))


def _imports() -> list[Path]:
    return [Path(path) for path in dict.fromkeys(sys.path) if path.endswith("-packages")]


def _digest(folder: Path) -> str:
    """A digest of all plain files below a folder."""
    found = hashlib.sha256()
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(path, name)
            if stat.S_ISREG(os.lstat(file).st_mode):
                with open(file, "rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                found.update(f"{os.path.relpath(file, folder)}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


class Slot:
    """The place of one environment. Opened by a process, and let go when it ends."""

    def __init__(self, kept: Path, name: str) -> None:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = kept / name
        self._failed = kept / f"{name}.failed"
        self._lock = os.open(kept / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def used(self) -> bool:
        """Takes the environment into use, until this process ends; False when it is not there, or being made."""
        if not self._locked(fcntl.LOCK_SH) or not self.path.is_dir():
            return False
        os.utime(self.path)
        return True

    def mine(self) -> bool:
        """Whether this process is the one that makes it now."""
        return self._locked(fcntl.LOCK_EX) and not self.path.is_dir()

    def _locked(self, how: int) -> bool:
        try:
            fcntl.flock(self._lock, how | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            return False
        return True

    def keep(self, home: Path) -> None:
        """Makes a finished environment the one that is kept here; `OSError` when it is not fit to be."""
        _plain(home)
        venv.asking(home / "bin", home / "bin")
        for name in ("pyvenv.cfg", "pip.conf", f"bin/{venv.python(home).name}", "bin/python3"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(home / name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(venv.packages(home) / venv.BELOW)
        os.sync()  # a power cut must not leave files that are there in name only
        os.rename(home, self.path)
        self._failed.unlink(missing_ok=True)

    def failed(self, why: str) -> None:
        """Writes down why it could not be made."""
        self._failed.write_text(why)

    def failure(self, since: float) -> str | None:
        """Why somebody else failed to make it after `since` (seconds since 1970), None when nobody did."""
        try:
            return self._failed.read_text() if self._failed.stat().st_mtime > since else None
        except FileNotFoundError:
            return None


def _plain(home: Path) -> None:
    """Whether the folders of an environment that strangers' programs could write to are folders still."""
    folder = venv.packages(home)
    for path in (home, home / "bin", home / "lib", folder.parent, folder):
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(f"{path.name} of the environment is no longer a folder.")


def programs(kept: Path) -> Path:
    """The folder with copies of the server's own programs, made when there is none of what is installed now."""
    here = os.path.dirname(sys.executable)
    mark = f"{here}\0{os.stat(here).st_mtime_ns}".encode()
    folder = kept / f"bin-{hashlib.sha256(mark).hexdigest()[:16]}"
    try:
        os.utime(folder)
    except FileNotFoundError:
        draft = kept / f".{folder.name}.{os.getpid()}"
        draft.mkdir(parents=True, mode=0o755)
        os.chmod(kept, 0o700)
        venv.asking(Path(here), draft, [os.path.join(here, name) for name in os.listdir(here)])
        venv.pips(draft)
        with contextlib.suppress(OSError):  # somebody was quicker
            draft.rename(folder)
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def sweep(kept: Path, now: float | None = None) -> None:
    """Removes environments that nobody used for `DAYS`, and the least used beyond `MOST`; none that is in use."""
    now = time.time() if now is None else now
    for number, path in enumerate(sorted(_kept(kept), key=lambda path: -path.stat().st_mtime)):
        if number >= MOST or now - path.stat().st_mtime > DAYS * 86400:
            _remove(kept, path)
    for path in kept.glob(".*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in kept.glob("bin-*"):
        if now - path.stat().st_mtime > DAYS * 86400:
            shutil.rmtree(path, ignore_errors=True)


def _kept(kept: Path) -> Iterator[Path]:
    return (path for path in kept.glob("*") if path.is_dir() and not path.name.startswith((".", "bin-")))


def _remove(kept: Path, path: Path) -> None:
    with open(kept / f"{path.name}.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        gone = kept / f".gone-{path.name}"
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
