"""The hosts of a gang on the network of one machine: an address each, and names that resolve.

An address is a loopback one, `127.a.b.n`: it needs no setting up and reaches nobody else. `a` and `b` follow from the
gang's name, so that gangs which share the machine's network keep out of each other's way. What a program binds to
0.0.0.0 it binds for all hosts of that network.

Hosts that may not use the machine's network share a namespace of their own. Whichever shim comes first makes it, the
others enter it by way of one that lives; with the last one it is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from potager.compute.process import isolation, records, syscalls
from potager.compute.workload import Workload

FILE = "hosts"
_SYSTEM = Path("/etc/hosts")


def addresses(workload: Workload) -> dict[str, str]:
    """The address of each host that the workload knows by name, itself among them."""
    if not workload.hosts:
        return {workload.host: "127.0.0.1"}
    a, b = hashlib.sha256(workload.folder.parent.name.encode()).digest()[:2]
    return {name: f"127.{64 + a % 128}.{b}.{number}" for number, name in enumerate(workload.hosts, 1)}


def write_hosts(workload: Workload) -> Path | None:
    """Writes what the workload shall find as /etc/hosts: the machine's, and the hosts. None where there is no such."""
    try:
        known = _SYSTEM.read_text(errors="replace")
    except OSError:
        return None
    lines = [f"{address}\t{name}" for name, address in addresses(workload).items()]
    file = workload.run / FILE
    file.write_text("\n".join([known.rstrip("\n"), *lines, ""]))
    file.chmod(0o644)
    return file


def leave(workload: Workload) -> None:
    """In the shim: has its next child be the first of a new pid namespace, in the network that it is to have."""
    if not workload.hosts or workload.network:
        isolation.leave()
        return
    with _alone(workload.folder.parent):
        for host in workload.hosts:
            if _joined(workload.folder.parent / host / "run"):
                syscalls.unshare(syscalls.CLONE_NEWPID)
                return
        isolation.leave()
        syscalls.unshare(syscalls.CLONE_NEWNET)
        isolation.loopback()


@contextlib.contextmanager
def _alone(gang: Path) -> Iterator[None]:
    """One shim of the gang at a time; one that dies lets go."""
    handle = os.open(gang / "network.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _joined(run: Path) -> bool:
    """Enters the network of the peer whose notes are in `run`, by way of its shim; False where that has none yet."""
    minder = records.shim(run)
    if minder is None or minder.pid == os.getpid():
        return False
    with contextlib.ExitStack() as stack:
        try:
            user, net = (stack.enter_context(open(f"/proc/{minder.pid}/ns/{kind}")) for kind in ("user", "net"))
        except OSError:
            return False  # it has ended
        if not records.alive(run, minder) or _own("net", net.fileno()):
            return False
        if not _own("user", user.fileno()):
            syscalls.enter_namespace(user.fileno(), syscalls.CLONE_NEWUSER)
        syscalls.enter_namespace(net.fileno(), syscalls.CLONE_NEWNET)
    return True


def _own(kind: str, handle: int) -> bool:
    """Whether a namespace is the one that this process is in."""
    return os.path.samestat(os.fstat(handle), os.stat(f"/proc/self/ns/{kind}"))
