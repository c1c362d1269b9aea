"""A server in a process of its own, which ends when we do: for `potager run`, `potager demo` and `potager.local()`.

Its standard input is a pipe from us: when we go, however we go, the pipe ends and so does the server. What it says
on standard error goes to `server.log` in its data folder, and into the error when it does not come up.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from potager.cli import folder
from potager.kernel.errors import Fault

LOG = "server.log"

PROGRAM = (sys.executable, "-P", "-m", "potager")
"""`-P`: a `click.py` in the folder that we happen to stand in is not ours to import."""


class NotStarted(Fault):
    """The server did not come up; the message holds what it said."""


class Child:
    """A server that this process starts, and can start again on the same folder.

    Parameters
    ----------
    data : its data folder.
    options : further options of `potager up`.
    environ : its environment.
    temporary : whether it ends its jobs and removes the folder when it stops.
    """

    def __init__(
        self,
        data: Path,
        options: Sequence[str] = (),
        *,
        environ: Mapping[str, str] | None = None,
        temporary: bool = False,
    ) -> None:
        self.data = data
        self.url = ""
        self._argv = [*PROGRAM, "up", "--data", str(data), "--parent-pipe", *options]
        if temporary:
            self._argv.append("--temporary")
        self._environ = dict(os.environ if environ is None else environ)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return self._process.pid if self._process else None

    def start(self, timeout: float = 60) -> str:
        """Starts it and gives its URL once it answers; `NotStarted` after `timeout` seconds or when it ends before.

        Started again, it listens where it did before, so that clients of the first one find it.
        """
        folder.make(self.data)
        with (self.data / LOG).open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [*self._argv, *(["--port", str(self._port)] if self._port else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environ,
                start_new_session=True,  # a Ctrl-C in the terminal is for the command beside it
            )
        assert self._process.stdout
        try:
            line = _line(self._process.stdout, timeout)
        except BaseException:  # Ctrl-C
            self.kill()
            raise
        if not line.startswith("ready "):
            raise self._failed(begin)
        self.url = line.split()[1]
        self._port = urlsplit(self.url).port
        return self.url

    def _failed(self, begin: int) -> NotStarted:
        self.kill()
        said = (self.data / LOG).read_bytes()[begin:].decode(errors="replace").strip()
        return NotStarted(f"The server did not start. It said:\n{said[-4000:] or '(nothing)'}")

    def stop(self, timeout: float = 30) -> int:
        """Stops it cleanly (SIGTERM) and gives its exit status; kills it after `timeout` seconds."""
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._ended(self._process)

    def kill(self) -> None:
        """Ends it at once, with SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._ended(self._process)

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        status = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self._process = None
        return status


def _line(pipe: IO[bytes], timeout: float) -> str:
    """The first line of a pipe, "" when it ends or the time is up."""
    deadline = time.monotonic() + timeout
    said = b""
    while b"\n" not in said:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return ""
        chunk = os.read(pipe.fileno(), 4096)
        if not chunk:
            return ""
        said += chunk
    return said.split(b"\n")[0].decode(errors="replace")
