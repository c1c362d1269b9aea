"""The parent that workloads are forked from: imports, and nothing else.

    python -P -m potager.compute.process.zygote FD

One JSON a line on the socket FD. In: `{"paths", "preload", "isolate", "kept"}` once, then `{"id", "folder", "secrets"}`
a workload. Out: `{"isolation": {"level", "why"}}` once, `{"threads"}` that the imports left once they are done, and
`{"id", "error"}` a workload, sent by the shim once its claim stands.
It must stay single-threaded: a thread does not survive a fork, and the locks that it held stay locked; OpenMP's pools
hang a forked child. numpy's BLAS is kept from starting its threads by the environment; a child starts its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from potager.compute.process import isolation, limits, shim, warm


def main() -> int:
    """Forks until the server is gone. Never returns in a child."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = control.makefile("rb")
    first: dict[str, Any] = json.loads(lines.readline() or b"{}")
    os.environ.update(limits.thread_environment(1))
    if first.get("warm"):  # OpenMP starts no thread by being loaded, and a script's own threads get what stands here
        os.environ["OMP_NUM_THREADS"] = str(limits.threads(None))
        os.environ.update(warm.WITHOUT_THREADS)
    sys.path += [path for path in first.get("paths", ()) if path not in sys.path]
    level = isolation.probe() if first.get("isolate", True) else isolation.Isolation("process", "as configured")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a shim ended; the kernel reaps
    _send(control, {"isolation": asdict(level)})
    _preload((*first.get("preload", ()), "packaging.requirements"))  # which the shim reads requirements with
    _send(control, {"threads": _threads()})
    kept = Path(first["kept"]) if first.get("kept") else None
    for line in lines:
        order: dict[str, Any] = json.loads(line)
        if _forked(control, order):
            _mind(control, order, level, kept)
    return 0


def _preload(modules: Sequence[str]) -> None:
    before = dict(os.environ)
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"potager: workers start without {name}: {error}", file=sys.stderr)
    warm.BROUGHT.update({name: text for name, text in os.environ.items() if name not in before})
    threads = _threads()
    if threads > 1:
        print(f"potager: {threads} threads in the parent of workers, started by {modules}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # what children share stays shared: their collections do not touch it


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _forked(control: socket.socket, order: dict[str, Any]) -> bool:
    """Forks; True in the child."""
    try:
        return os.fork() == 0
    except OSError as error:
        _send(control, {"id": order["id"], "error": f"fork: {error.strerror}"})
        return False


def _mind(control: socket.socket, order: dict[str, Any], level: isolation.Isolation, kept: Path | None) -> NoReturn:
    folder = Path(order["folder"])

    def reply(error: str) -> None:
        if control.fileno() >= 0:
            with contextlib.suppress(OSError):  # the server died meanwhile; the workload runs all the same
                _send(control, {"id": order["id"], "error": error})
            control.detach()
            os.close(number)

    number = control.fileno()
    try:
        shim.quiet(folder / "run")
        shim.mind(folder, level, reply, order["secrets"], kept)
    except BaseException as error:
        traceback.print_exc()
        reply(f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(0)  # the end is recorded; taking the interpreter apart would only delay who waits for it


def _send(control: socket.socket, doc: dict[str, Any]) -> None:
    control.sendall(json.dumps(doc).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
