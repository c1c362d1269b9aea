"""The notes in a workload's `run` folder, which outlive every process that wrote them.

    workload.json   what was asked
    shim.json       who minds it: pid, start time, boot; written once, by the shim that won the claim
    keeper          the pid of its first process; what is below that one is its own
    stop.json       somebody wants it to end
    exit.json       how it ended
    lock            locked by the shim while it lives
    socket          where a server listens
    hosts           its /etc/hosts (`network.py`)
    equipping       what the program needs is being installed

The first record of an end stands, whoever wrote it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal as signals
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from potager.compute.workload import Absent, Exited, Running, Seen
from potager.kernel.ballast import Ballast

SOCKET = "socket"
EQUIPPING = "equipping"


@dataclass(frozen=True, slots=True)
class Shim:
    """Who minds a workload.

    start : clock ticks from boot to its start (Linux), 0 where unknown; with the pid it names one process only.
    boot : the boot that this was in, "" where unknown.
    group : the control group's folder, None when it has none.
    """

    pid: int
    start: int
    boot: str
    at: float
    group: str | None = None


def ballast(run: Path) -> Ballast:
    """Room for the last note of a workload that filled the disk."""
    return Ballast(run / "ballast", 2**16)


def write(path: Path, doc: Mapping[str, Any], *, once: bool = False) -> None:
    """Writes JSON whole and synced; `once` raises FileExistsError when it is there already."""
    ballast(path.parent).spared(lambda: put(path, json.dumps(doc), once=once))
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: Path, text: str, *, once: bool = False) -> None:
    """Writes a file whole: a reader finds all of it, or what was there before."""
    handle, temp = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        if once:
            os.link(temp, path)
        else:
            os.replace(temp, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp)


def read(path: Path) -> dict[str, Any] | None:
    """The JSON of a note, None when there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def shim(run: Path) -> Shim | None:
    """The workload's shim, dead or alive; None when none ever claimed it."""
    doc = read(run / "shim.json")
    return Shim(**doc) if doc is not None else None


def enter(run: Path, keeper: int) -> None:
    """Notes the pid of the workload's first process; best effort: only who measures it misses the note."""
    with contextlib.suppress(OSError):
        (run / "keeper").write_text(str(keeper))


def keeper(run: Path) -> int | None:
    """The pid of the workload's first process, None where none is noted."""
    try:
        return int((run / "keeper").read_text())
    except (OSError, ValueError):
        return None


def missing(run: Path) -> bool:
    """Whether the shim's own note is gone, and with it the workload's folder."""
    try:
        (run / "shim.json").stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def equipping(run: Path) -> bool:
    """Whether what the program needs is being installed, or waited for."""
    return (run / EQUIPPING).exists()


def exited(run: Path) -> Exited | None:
    """The workload's end, as recorded."""
    doc = read(run / "exit.json")
    return Exited(**doc) if doc is not None else None


def record(run: Path, end: Exited) -> None:
    """Records the end, once and for all; in a folder that was removed there is nothing to record."""
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        write(run / "exit.json", asdict(end), once=True)


def lock(run: Path, *, shared: bool = False) -> int | None:
    """A descriptor that holds the workload's lock, None when another process holds it."""
    handle = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def locked(run: Path, handle: int) -> bool:
    """Whether `handle` is the lock that others would find: the folder may have been removed and made anew."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(run / "lock"))
    except FileNotFoundError:
        return False


def seen(folder: Path) -> Seen:
    """What became of the workload in `folder`; one whose shim vanished is recorded as lost."""
    run = folder / "run"
    end = exited(run)
    if end is not None:
        return end
    minder = shim(run)
    if minder is None:
        return Absent()
    if alive(run, minder):
        return Running(minder.pid)
    # The shim may have recorded the end and left between the two looks; the first record wins.
    record(run, Exited(None, None, "lost", time.time(), minder.at))
    return exited(run) or Absent()


def alive(run: Path, minder: Shim) -> bool:
    """Whether the shim still lives: the very process, not one that got its number later."""
    if minder.start:
        return minder.boot == boot() and started(minder.pid) == minder.start
    handle = lock(run, shared=True)
    if handle is None:
        return True
    os.close(handle)
    return False


def boot() -> str:
    """This boot's id, "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when it is gone, a zombie, or the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def tell(run: Path, minder: Shim, signal: int) -> None:
    """Signals the shim, if it lives."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "pidfd_open"):
            with pidfd(minder) as handle:
                if alive(run, minder):
                    signals.pidfd_send_signal(handle, signal)
        elif alive(run, minder):
            os.kill(minder.pid, signal)


@contextlib.contextmanager
def pidfd(minder: Shim) -> Iterator[int]:
    """A descriptor that readies when the process ends. Check `alive` after: it may be another process's."""
    handle = os.pidfd_open(minder.pid)
    try:
        yield handle
    finally:
        os.close(handle)
