"""The file system as a program sees it, built in a mount namespace of its own.

    /                read-only, without set-user-id programs and devices
    /opt             what was there, and ml: the workload's folder, writable; input/data in it read-only
    /opt/ml          with a `lower` folder: the union of both, where what is changed comes to stand in `ml`
    /tmp, /var/tmp   the workload's own, on the disk of its folder
    /dev             null, zero, full, random, urandom, tty, GPUs; shm is its own
    /etc/hosts       the machine's, and the names of the hosts that it works with
    /proc            of its own pid namespace, read-only: a uid 0 without capabilities could write /proc/sys otherwise
    /run, homes, /mnt, /media, /srv and every hidden folder: empty, but for what Python needs of them

Sources are opened before anything is covered, and bound by descriptor; targets are done from the root down, so that
what is kept lies over what is covered, and what is covered in that lies over it again.
"""

from __future__ import annotations

import contextlib
import glob
import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from potager.compute.process import syscalls
from potager.compute.process.syscalls import ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY, MS_BIND, MS_NODEV, MS_NOSUID, MS_REC

ML = Path("/opt/ml")
COVERED = ("/run", "/root", "/home", "/mnt", "/media", "/srv", "/sys/kernel/debug", "/sys/kernel/tracing")
_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_ACCELERATORS = ("/dev/nvidia*", "/dev/dri", "/dev/kfd", "/dev/infiniband")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


@dataclass(frozen=True, slots=True)
class View:
    """What of the host a program sees.

    Parameters
    ----------
    ml : becomes /opt/ml.
    tmp : becomes /tmp and /var/tmp.
    read_only : stays readable wherever it is, and not writable.
    hidden : appears empty.
    lower : files that appear below /opt/ml, too; None for none.
    hosts : becomes /etc/hosts.
    writable : what of `ml` is writable in a folder that is not.
    bound : folders that appear below /opt/ml, writable, by their name there.
    """

    ml: Path
    tmp: Path
    read_only: Sequence[Path] = ()
    hidden: Sequence[Path] = field(default=())
    lower: Path | None = None
    hosts: Path | None = None
    writable: Sequence[Path] = field(default=())
    bound: Mapping[str, Path] = field(default_factory=dict[str, Path])


@dataclass(frozen=True, slots=True)
class _Bind:
    source: int
    target: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class _Cover:
    target: Path


def build(view: View) -> None:
    """Makes this process's mount namespace, a new one, look as `view` says. `OSError` when it cannot."""
    syscalls.mount("none", "/", flags=syscalls.MS_PRIVATE | MS_REC)
    if view.lower is not None:
        view = _united(view, view.lower)
    steps = sorted(_steps(view), key=lambda step: (len(step.target.parts), isinstance(step, _Bind)))
    opt, devices = _entries(Path("/opt")), _devices()
    syscalls.mount_attributes("/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, recursive=True)
    _refill(Path("/opt"), opt)
    ours = [Path("/opt")]
    for step in steps:
        if isinstance(step, _Bind):
            _bind(step.source, step.target, writable=step.writable)
        elif os.path.isdir(step.target):  # else a cover above it hides it already
            _tmpfs(step.target)
            ours.append(step.target)
    for target in ours:
        syscalls.mount_attributes(str(target), ATTR_RDONLY)
    _dev(devices)
    _proc()


def _united(view: View, lower: Path) -> View:
    """Lays `lower` under `ml`: by an overlay, else by moving the files there, each bound read-only."""
    work = lower.with_name("work")
    try:
        work.mkdir(exist_ok=True)
        options = {"lowerdir": lower, "upperdir": view.ml, "workdir": work}
        handles = {name: _handle(path) for name, path in options.items()}
        data = ",".join(f"{name}=/proc/self/fd/{handle}" for name, handle in handles.items())
        syscalls.mount("overlay", str(view.ml), "overlay", MS_NOSUID | MS_NODEV, f"userxattr,{data}")
    except OSError:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each of them is held open until it is bound
        return replace(view, read_only=[*view.read_only, *moved(lower, view.ml)])
    return view


def moved(lower: Path, ml: Path) -> list[Path]:
    """Moves the files below `lower` to the same places below `ml`, where there is no union of both; gives them."""
    found: list[Path] = []
    for folder, _, names in os.walk(lower):
        target = ml / Path(folder).relative_to(lower)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            os.rename(os.path.join(folder, name), target / name)
            found.append(target / name)
    return found


def linked(bound: Mapping[str, Path], ml: Path) -> None:
    """Puts links to folders below `ml`, where nothing can be mounted there."""
    for name, path in bound.items():
        if not os.path.lexists(ml / name):
            os.symlink(path, ml / name)


def _steps(view: View) -> Iterator[_Bind | _Cover]:
    tmp = _handle(view.tmp)
    yield _Bind(_handle(view.ml), ML, writable=True)
    if view.hosts is not None:
        yield _Bind(_handle(view.hosts), Path("/etc/hosts"))
    covered = [Path(path) for path in ("/tmp", "/var/tmp")]  # noqa: S108 - the names that programs use
    for path in covered:
        if os.path.isdir(path) and not os.path.islink(path):
            yield _Bind(tmp, path, writable=True)
    for path in {Path(os.path.realpath(path)) for path in (*COVERED, os.path.expanduser("~"), *view.hidden)}:
        if os.path.isdir(path) and len(path.parts) > 1 and path not in covered:
            covered.append(path)
            yield _Cover(path)
    yield from _readable(view, covered)


def _readable(view: View, covered: Sequence[Path]) -> Iterator[_Bind]:
    """What must stay readable: data of the workload where it must not write, and Python where it would be covered."""
    ml = Path(os.path.realpath(view.ml))
    for given in (view.ml / "input" / "data", *view.read_only):
        path = Path(os.path.realpath(given))
        inside = path.is_relative_to(ml)
        if given.is_relative_to(view.ml) and not inside:
            # What was installed for the program ran in `ml`, and this is the host's file system still.
            raise OSError(f"{given.relative_to(view.ml)} is no longer the folder that it was")
        if os.path.exists(path):
            yield _Bind(_handle(path), ML / path.relative_to(ml) if inside else path)
    for path in (Path(os.path.realpath(given)) for given in view.writable):
        yield _Bind(_handle(path), ML / path.relative_to(ml), writable=True)
    for name, path in view.bound.items():
        yield _Bind(_handle(path), ML / name, writable=True)
    for path in _needed():
        if path not in covered and any(map(path.is_relative_to, covered)) and os.path.exists(path):
            yield _Bind(_handle(path), path)


def _needed() -> set[Path]:
    """The interpreter, the packages that it imports from, and the resolver's configuration."""
    here = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, "/etc/resolv.conf")
    return {Path(os.path.realpath(path)) for path in here if path and path != "/"}


def _handle(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _bind(source: int, target: Path, *, writable: bool = False, device: bool = False) -> None:
    """Shows what `source` has open at `target`, which is made where a file system of our own lacks it."""
    if not os.path.exists(target):
        folder = os.path.isdir(f"/proc/self/fd/{source}")
        (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
        if not folder:
            target.touch()
    syscalls.mount(f"/proc/self/fd/{source}", str(target), flags=MS_BIND | MS_REC)
    put = 0 if writable else ATTR_RDONLY
    clear = (ATTR_RDONLY if writable else 0) | (ATTR_NODEV if device else 0)
    syscalls.mount_attributes(str(target), put, clear)


def _tmpfs(target: Path, mode: str = "755") -> None:
    syscalls.mount("tmpfs", str(target), "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")


def _entries(folder: Path) -> dict[str, int | str]:
    """What a folder holds, opened; a symbolic link as its target."""
    with os.scandir(folder) as entries:
        return {
            entry.name: os.readlink(entry.path) if entry.is_symlink() else _handle(Path(entry.path))
            for entry in entries
        }


def _refill(folder: Path, entries: dict[str, int | str]) -> None:
    """Covers a folder with one of our own that has the same entries, and room for more."""
    _tmpfs(folder)
    for name, entry in entries.items():
        if isinstance(entry, str):
            os.symlink(entry, folder / name)
        else:
            _bind(entry, folder / name)


def _devices() -> dict[str, int]:
    paths = [f"/dev/{name}" for name in _NODES]
    paths += [path for pattern in _ACCELERATORS for path in glob.glob(pattern)]
    return {path: _handle(Path(path)) for path in paths if os.path.exists(path)}


def _dev(devices: dict[str, int]) -> None:
    _tmpfs(Path("/dev"))
    for path, handle in devices.items():
        _bind(handle, Path(path), device=True)
    for name, target in _LINKS.items():
        os.symlink(target, f"/dev/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"/dev/{name}")
    _tmpfs(Path("/dev/shm"), "1777")  # noqa: S108 - the name that programs use
    with contextlib.suppress(OSError):  # terminals are a comfort
        syscalls.mount("devpts", "/dev/pts", "devpts", MS_NOSUID, "newinstance,ptmxmode=0666,mode=620")
        os.symlink("pts/ptmx", "/dev/ptmx")
    syscalls.mount_attributes("/dev", ATTR_RDONLY)


def _proc() -> None:
    syscalls.mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.mount_attributes("/proc", ATTR_RDONLY)
