"""A server that is killed and started again, many times a minute (`launcher.py`)."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from potager.cli import environment, folder

PATIENCE = 60.0
"""Seconds that anything of it may take."""


class Mortal:
    """One server on one data folder, at one address for all its lives."""

    def __init__(self, data: Path, options: Sequence[str] = (), **settings: str) -> None:
        self.data = data
        self.steps: list[str] = []
        """Where it killed itself."""
        self._argv = ["--data", str(data), "--isolation", "none", *options]
        self._port = 0
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pid: int | None = None
        folder.make(data)
        self._clock = data / "clock"
        self.set_clock(0)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POTAGER_")}
        self._launcher = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("launcher.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept | settings,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._line() == "imported"

    def start(self, step: int | None = None) -> bool:
        """Starts it; whether it came up before it reached the step at which it kills itself."""
        argv = [*self._argv, "--port", str(self._port)]
        order = {"argv": argv, "log": str(self.data / "server.log"), "step": step, "clock": str(self._clock)}
        assert self._launcher.stdin
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()
        self._pid = int(self._line().removeprefix("pid "))
        line = self._line()
        if line.startswith("ready "):
            self._port = urlsplit(line.split()[1]).port or 0
            self.env = environment.of(self.data)
            return True
        assert step is not None, f"it said {line!r} and its log {(self.data / 'server.log').read_text()[-2000:]}"
        self._bury(line)
        return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Its process, None while it does not run."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether nothing has been heard of its end."""
        return self._pid is not None and self._lines.empty()

    def kill(self) -> None:
        """Ends it by SIGKILL, where it has not done that itself."""
        assert self._pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._bury(self._line())

    def stop(self) -> None:
        """Ends it by SIGTERM."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGTERM)
        self._bury(self._line())

    def set_clock(self, wrong: float) -> None:
        """Has its clock be wrong by so many seconds from now on."""
        new = self._clock.with_suffix(".new")
        new.write_text(str(wrong))
        new.rename(self._clock)

    def close(self) -> None:
        """Ends the launcher and whatever lives of it."""
        assert self._launcher.stdin
        assert self._launcher.stdout
        if self._pid is not None:
            self.kill()
        self._launcher.stdin.close()
        self._launcher.wait(PATIENCE)
        self._launcher.stdout.close()

    def _bury(self, line: str) -> None:
        if line.startswith("step "):
            self.steps.append(line.removeprefix("step "))
            line = self._line()
        assert line.startswith("ended "), line
        self._pid = None

    def _line(self) -> str:
        return self._lines.get(timeout=PATIENCE)

    def _listen(self) -> None:
        assert self._launcher.stdout
        for line in self._launcher.stdout:
            self._lines.put(line.rstrip("\n"))
