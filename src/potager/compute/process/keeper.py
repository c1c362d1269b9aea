"""The first process of a workload's namespaces: closes the walls, starts the program, reaps, and leaves nobody behind.

It stands between shim and program because a pid 1 ignores every signal that it does not handle, and because what a
program forks and forgets becomes its child. Told by the shim: SIGTERM goes on to the program's group, SIGUSR1 kills
everything. It answers with one JSON line: `{"status", "peak", "cpu"}` at the end, or `{"failed"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from potager.compute.process import harness, isolation, limits, mounts, network, syscalls
from potager.compute.process.isolation import Isolation
from potager.compute.process.mounts import View
from potager.compute.workload import Workload

KILL = signal.SIGUSR1
BLOCKED = (signal.SIGTERM, KILL)


def keep(
    workload: Workload, level: Isolation, link: socket.socket, output: int, listener: socket.socket | None
) -> NoReturn:
    """Runs in a fork of the shim, with `BLOCKED` signals blocked; ends the process."""
    code = 1
    try:
        if syscalls.LINUX:
            # The kernel ends a pid namespace with its first process; elsewhere the keeper must do it itself.
            syscalls.die_with_parent(signal.SIGKILL if level.level == "namespaces" else KILL)
        if link.recv(1):  # nothing: the shim died before the line above was in force
            _wall(workload, level)
            close_others({output, link.fileno(), *([listener.fileno()] if listener else [])})
            _say(link, _mind(workload, level, link, output, listener))
            code = 0
    except BaseException as error:
        _say(link, {"failed": f"{type(error).__name__}: {error}\n{traceback.format_exc()}"})
    os._exit(code)


def _wall(workload: Workload, level: Isolation) -> None:
    lower = workload.lower if workload.lower.is_dir() else None
    if level.level == "namespaces":
        hosts, tmp = network.write_hosts(workload), workload.folder / "tmp"
        view = View(
            workload.ml, tmp, workload.read_only, workload.hidden, lower, hosts, workload.writable, workload.bound
        )
        isolation.enter(view, workload.host, network=workload.network or bool(workload.hosts))
    else:
        isolation.restrict()
        if lower is not None:
            mounts.moved(lower, workload.ml)
        mounts.linked(workload.bound, workload.ml)
        if syscalls.LINUX:
            syscalls.adopt_orphans()


def close_others(kept: set[int]) -> None:
    """Closes every descriptor but the standard ones and `kept`."""
    low = 3
    for number in sorted(kept):
        os.closerange(low, number)
        low = max(low, number + 1)
    os.closerange(low, 1 << 16)


def _mind(
    workload: Workload, level: Isolation, link: socket.socket, output: int, listener: socket.socket | None
) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        _become(workload, level, link, output, listener)
    os.close(output)
    if listener is not None:
        listener.close()
    with contextlib.suppress(OSError):  # it may have done so itself, and even have ended
        os.setpgid(child, child)
    _handle(child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    status = _reap(child)
    _kill_all(child)
    _reap(None)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "peak": used.ru_maxrss * (1024 if syscalls.LINUX else 1),
        "cpu": used.ru_utime + used.ru_stime,
    }


def _handle(child: int) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGTERM)

    def kill(number: int, frame: FrameType | None) -> None:
        _kill_all(child)

    signal.signal(signal.SIGTERM, end)
    signal.signal(KILL, kill)


def _become(
    workload: Workload, level: Isolation, link: socket.socket, output: int, listener: socket.socket | None
) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        if syscalls.LINUX:
            syscalls.die_with_parent(signal.SIGKILL)
        link.close()
        code = harness.run(workload, level, output, listener)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _reap(child: int | None) -> int:
    """Reaps until `child` has ended and gives its status; until nobody is left when None."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return 0
        if pid == child:
            return status
        if child is None:
            _kill_all(0)


def _kill_all(group: int) -> None:
    """Kills every process but this one: all of the pid namespace, or all descendants."""
    if os.getpid() == 1:
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
        return
    kill_below(os.getpid())
    if group:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


def kill_below(pid: int) -> None:
    """Kills the descendants of a process, until a look finds none that still runs."""
    for _ in range(100):
        alive = [one for one in limits.descendants(pid) if _killed(one)]
        if not alive:
            return


def _killed(pid: int) -> bool:
    """Kills a process; False when it was dead already."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            if file.read().rpartition(")")[2].split()[0] in "ZX":
                return False
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True


def _say(link: socket.socket, doc: dict[str, Any]) -> None:
    try:
        link.sendall(json.dumps(doc).encode() + b"\n")
    except OSError as error:
        print(f"keeper: the shim is gone: {error}", file=sys.stderr)
