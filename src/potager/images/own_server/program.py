"""The user's program as a child of the worker: how it is started, and what its end means."""

from __future__ import annotations

import atexit
import os
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

PORT = 8080
"""Where SageMaker asks for predictions, and where programs listen that were written for it."""


class Unstartable(Exception):
    """The program cannot be started, or does not come up; the message says why."""


class Program:
    """A running program. It gets SIGTERM when the worker ends, and its own end ends the worker."""

    def __init__(self, path: Path, port: int) -> None:
        self.path, self.port = path, port
        self._leaving = False
        surroundings = os.environ | {
            "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath))),
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }
        try:
            # A session of its own: SIGTERM is for the worker, which answers the request in hand before it passes it on.
            self._process = subprocess.Popen(  # noqa: S603 - the user's own program, inside of its walls
                command(path), cwd=path.parent, env=surroundings, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise Unstartable(f"{path.name} cannot be executed: {error.strerror}. Does it begin with #!?") from error

    @property
    def ended(self) -> str:
        """How it ended, "" while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        return f"{self.path.name} ended " + (f"with exit code {code}" if code >= 0 else f"by signal {-code}")

    def tie(self) -> None:
        """Ties the worker's life to the program's, and the other way round."""
        threading.Thread(target=self._watch, daemon=True).start()
        atexit.register(self._end)

    def _watch(self) -> None:
        self._process.wait()
        if not self._leaving:
            print(f"{self.ended}; the worker ends with it.", file=sys.stderr, flush=True)
            os._exit(1)

    def _end(self) -> None:
        """Asks it to end and waits; whoever told the worker to end kills both when that takes too long."""
        self._leaving = True
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()


def command(path: Path) -> list[str]:
    """What starts a file: the file; or what its first line names, where it may not be executed.

    A program of another name than `serve` gets `serve` as its argument, as in `docker run IMAGE serve`.
    """
    more = [] if path.name == "serve" else ["serve"]
    if os.access(path, os.X_OK):
        return [str(path), *more]
    with path.open("rb") as file:
        first = file.readline(1024).decode("utf-8", "replace")
    if not first.startswith("#!"):
        raise Unstartable(f"{path.name} is not executable and does not begin with #!. Run chmod +x before you pack it.")
    return [*shlex.split(first[2:]), str(path), *more]


def port(model: Path) -> int:
    """The port for a program: SageMaker's inside of walls, where nobody else is; elsewhere a free one."""
    if model == Path("/opt/ml/model"):
        return PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
