"""Forks `potager up`, imported once, as often as it is told to, and has it kill itself at a chosen step of the store.

    python launcher.py

One JSON a line on standard input, `{"argv", "log", "step", "clock"}`, is a server to start, none while another one
lives; `clock` is a file that says by how many seconds its clock is wrong. On standard output come the server's own
lines, `step NAME` when it reached the step, the how-manieth it was told to end at by SIGKILL, and `ended STATUS`. A
step is a change that the store makes on the disk, counted before and after.
When standard input ends, so do the server and the launcher.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = ("open", "write", "pwrite", "fdatasync", "fsync", "rename", "unlink", "chmod", "link", "copy_file_range")
"""What the store changes the disk with, each by its name in `os`."""
IMPORTED = (
    "httptools",
    "uvloop",
    "potager.cli.machine",
    "potager.cli.passage",
    "potager.cli.serve",
    "potager.cli.up",
    "potager.gateway.app",
)

_left = 0
"""Steps until the end; none is to come at 0."""


def _step(name: str) -> None:
    global _left
    if _left:
        _left -= 1
        if not _left:
            _say(f"step {name}")
            os.kill(os.getpid(), signal.SIGKILL)


def _say(line: str) -> None:
    """One write, as two processes say things here."""
    os.writev(1, [line.encode() + b"\n"])


def _counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def counting(*args: Any, **more: Any) -> Any:
        if name == "open" and not args[1] & os.O_CREAT:
            return call(*args, **more)
        _step(f"before {name}")
        try:
            return call(*args, **more)
        finally:
            _step(f"after {name}")

    return counting


def _watch() -> None:
    """Puts the steps in, before anybody has taken hold of the calls."""
    for name in CALLS:
        if hasattr(os, name):
            setattr(os, name, _counted(name, getattr(os, name)))
    from sqlalchemy import Engine, event

    from potager.store import batches

    @event.listens_for(Engine, "commit")
    def _(_: Any) -> None:
        _step("before commit")

    settle = batches.settle

    def committed(*args: Any) -> None:
        _step("after commit")
        settle(*args)

    batches.settle = committed


def _set(wrong: Path) -> None:
    """Has the house's clock go wrong by what a file says, as soon as it says so."""
    from potager.kernel import clock

    clock.now = lambda: time.time() + float(wrong.read_text())


def _spare() -> None:
    """Starts no parent of workers: they have nothing to do, and their imports would cost more than all the rest."""
    from potager.compute.process.parent import Parent

    async def opened(parent: Parent) -> None:
        """None is needed."""

    Parent.open = opened


def _import() -> None:
    """All that a server imports, and what it reads of S3's model when it is first asked."""
    for name in IMPORTED:
        importlib.import_module(name)
    from potager.gateway.house import registry
    from potager.wire import model

    registry()
    for name in model.names("s3"):
        model.operation("s3", name)


def _serve(argv: list[str], log: str, pipe: int) -> None:
    """Becomes the server; returns never."""
    from potager.cli.main import main

    os.setsid()
    os.dup2(pipe, 0)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    try:
        main(["up", "--parent-pipe", *argv], prog_name="potager")
    finally:
        sys.stdout.flush()
        os._exit(1)


def _run(order: dict[str, Any]) -> int:
    """Starts a server and gives its exit status, once it has ended."""
    global _left
    pipe, held = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(held)
        _left = order["step"] or 0
        _set(Path(order["clock"]))
        _serve(order["argv"], order["log"], pipe)
    os.close(pipe)
    _say(f"pid {pid}")
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(held)


def main() -> None:
    _watch()
    _spare()
    _import()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _say("imported")
    for line in sys.stdin:
        _say(f"ended {_run(json.loads(line))}")


if __name__ == "__main__":
    main()
