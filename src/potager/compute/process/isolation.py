"""How far a workload is kept from its host, and how that is done.

`namespaces`: mount, pid, ipc, uts and, unless it may use the network, net namespaces (a user namespace first when the
server is not root), a file system of its own (`mounts.py`), no capabilities, no new privileges. bubblewrap makes the
same kernel calls; made here, in the forked child, they need no other program and no exec, which would cost the imports.

`process`: a plain process with an environment, a session and a temporary folder of its own. It keeps programs tidy;
it keeps nobody out.

What even `namespaces` does not stop: as root the program stays uid 0 (the interpreter may be readable to root only),
so it can read what root owns outside the folders that are covered, such as /etc/shadow; sockets of the host's services
that lie outside /run, /tmp and homes can be connected to; with `network` it reaches every port of this machine and its
network, and abstract unix sockets; kernel bugs: system calls are not filtered, and a program may make user namespaces
of its own, in which these walls stay locked. What a program may use is `limits.py` and `watch.py`.

Needs Linux 5.12 or later, and root's power or leave to make user namespaces.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import resource
import shutil
import socket
import struct
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from potager.compute.process import mounts, syscalls

Level = Literal["namespaces", "process"]
PROBE = "potager-probe-"
"""How the folders of trials are called."""
STALE = 60.0
"""Seconds after which a trial's folder is nobody's."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


@dataclass(frozen=True, slots=True)
class Isolation:
    """What is in force on this machine, and why not more."""

    level: Level
    why: str = ""

    def __str__(self) -> str:
        return f"{self.level} ({self.why})" if self.why else self.level


@functools.cache
def probe() -> Isolation:
    """The best level that works here, found by doing it in a child. Call it in a process with one thread."""
    if not syscalls.LINUX:
        return Isolation("process", "this system is not Linux")
    _sweep()
    with tempfile.TemporaryDirectory(prefix=PROBE) as folder:
        why = _tried(Path(folder))
    return Isolation("process", why) if why else Isolation("namespaces")


def _sweep() -> None:
    """Removes what a probe left whose process was killed in the middle of it."""
    for path in Path(tempfile.gettempdir()).glob(PROBE + "*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                shutil.rmtree(path, ignore_errors=True)


def _tried(folder: Path) -> str:
    """Why namespaces do not work here, "" when they do."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, _outcome(folder).encode()[:4096])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        said = file.read().decode()
    with contextlib.suppress(ChildProcessError):  # reaped already where SIGCHLD is ignored
        os.waitpid(pid, 0)
    return said.removeprefix("done") if said.startswith("done") else said or "the trial died"


def _outcome(folder: Path) -> str:
    """Does it all, in a child of a child, and says what failed; `done` when nothing did."""
    try:
        leave()
        for name in ("ml", "tmp"):
            (folder / name).mkdir()
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, _entered(mounts.View(folder / "ml", folder / "tmp", hidden=[folder])).encode()[:4096])
            os._exit(0)
        os.close(writer)
        return os.read(reader, 4096).decode()
    except OSError as error:
        return error.strerror or str(error)


def _entered(view: mounts.View) -> str:
    try:
        enter(view, "probe", network=False)
    except OSError as error:
        return error.strerror or str(error)
    return "done"


def leave() -> None:
    """In the shim: has its next child be the first of a new pid namespace.

    Without root's power this takes a user namespace, in which everybody keeps their own uid.
    """
    try:
        syscalls.unshare(syscalls.CLONE_NEWPID)
    except PermissionError:
        uid, gid = os.geteuid(), os.getegid()
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        syscalls.unshare(syscalls.CLONE_NEWPID)


def enter(view: mounts.View, host: str, *, network: bool) -> None:
    """In the shim's child: closes the walls, then gives up the power to open them. `OSError` when it cannot.

    host : the name that the machine goes by inside.
    network : whether it stays in the network that the shim is in.
    """
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    syscalls.unshare(flags if network else flags | syscalls.CLONE_NEWNET)
    if not network:
        loopback()
    syscalls.hostname(host)
    mounts.build(view)
    os.chdir(mounts.ML)
    if os.geteuid() == 0:
        with contextlib.suppress(PermissionError):  # denied in a user namespace that somebody put us in
            os.setgroups([])
    restrict()
    syscalls.drop_capabilities()


def restrict() -> None:
    """What every level has: no new privileges, no core files, private files by default."""
    if syscalls.LINUX:
        syscalls.no_new_privileges()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o022)


def loopback() -> None:
    """Brings up `lo`, which programs that talk to themselves need; a namespace without it still isolates."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        name = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, _SIOCGIFFLAGS, name), 16)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
