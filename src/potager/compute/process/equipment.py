"""What a program needs installed before it starts: found to be there, taken from what is kept, or installed now.

    unmet(requirements.txt)? ── no ──► nothing to do: the fast path
             │ yes
    kept under its key? ── yes ──► used
             │ no
    somebody else makes it? ── yes ──► waited for, then used
             │ no
    pip, in the program's own walls and within its limits ──► kept, then used

pip runs the `setup.py` of strangers, so it runs as the program would: with its view of the machine, its network, its
memory and its time, but without its credentials. Its lines go to the program's log. A package of the user's
(`Workload.package`), and what requirements use where it lies (`-e`), is installed for this program alone.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from potager.compute.process import layers, mounts, requirements, venv
from potager.compute.workload import Exited, Reason, Workload
from potager.kernel import remains

_BOUNDS = {"PIP_RETRIES": "1", "PIP_TIMEOUT": "15"}
"""How long pip tries to reach an index, unless it is told: its own bounds add up to minutes."""
_QUIET = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
_PIP = "import os, runpy, sys; os.chdir(sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__', alter_sys=True)"
_UNREACHED = re.compile(r"connection broken|Could not fetch URL|Max retries exceeded|ProxyError|name resolution")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_LONGEST = 2**20
"""Bytes of a pyproject.toml that are read."""
_SHOWN = 12
"""Requirements that a message names."""

Say = Callable[[str], None]
Run = Callable[[Workload], tuple[Exited, str]]
Pause = Callable[[], None]


class NotInstalled(Exception):
    """What the program needs could not be installed; the text is a FailureReason."""


class Ended(Exception):
    """The workload has to end, for this reason, before it began."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Equipment:
    """Gets one workload ready.

    Parameters
    ----------
    kept : where environments are kept, None where they are not.
    say : writes a line to the program's log.
    run : runs a workload in this one's folder, walls and limits; its end, and the last of what it said.
    pause : waits a moment; raises `Ended` when the workload has to end.
    """

    def __init__(self, work: Workload, kept: Path | None, say: Say, run: Run, pause: Pause) -> None:
        self._config = venv.configured(os.environ) if work.network else ""
        told = venv.told(os.environ) if work.network else {}
        readable = venv.named_files(told, self._config)  # what the program's own variables name is not opened to it
        self._told = {**told, **work.environment}
        programs = (layers.programs(kept),) if kept else ()
        self._work = replace(work, read_only=(*work.read_only, *readable, *programs), programs=programs)
        self._kept = kept
        self._say = say
        self._run = run
        self._pause = pause
        self.home = work.folder / "tmp" / venv.NAME

    def ready(self) -> Workload:
        """The workload with all that it needs; `NotInstalled` says what could not be had, `Ended` that it must end."""
        self._require()
        if self._work.package is not None:
            self._make()
            asked = [*_isolation(self._work.ml, self._work.package), "."]
            pip = self._pip(self._work.package, asked, self._told)
            self._install("the source", pip, "InstallModuleError")
        if self._work.argv or self._work.kind == "server":
            self._make()
        return self._work

    def _make(self, *below: Path) -> None:
        if not os.path.lexists(self.home):
            venv.make(self.home, below, self._config)

    def _require(self) -> None:
        """Has the requirements met; a workload without unmet ones has none any more."""
        file = self._work.requirements
        if file is None or not file.is_file():
            self._work = replace(self._work, requirements=None)
            return
        lines = requirements.read(file)
        unmet = requirements.unmet(lines)
        if not unmet:
            self._work = replace(self._work, requirements=None)
            self._say(f"{file.name}: everything that it asks for is installed already")
        elif self._kept is None or requirements.editable(lines) or layers.private(lines, self._own()):
            self._make()
            self._install_file(file, unmet, self._told)
        else:
            self._use(self._slot(self._kept, file, lines, unmet))

    def _own(self) -> dict[str, str]:
        """The program's variables, without those that name what every program here reads and none can change."""
        common = [path for path in self._work.read_only if not path.is_relative_to(self._work.folder)]
        return {
            name: text
            for name, text in self._work.environment.items()
            if not any(Path(os.path.normpath(text)).is_relative_to(path) for path in common)
        }

    def _use(self, slot: layers.Slot) -> None:
        work = self._work
        self._work = replace(work, programs=(slot.path / "bin", *work.programs), read_only=(*work.read_only, slot.path))
        self._make(slot.path)

    def _slot(self, kept: Path, file: Path, lines: Sequence[str], unmet: Sequence[str]) -> layers.Slot:
        """The kept environment, in use by this process; made here and now if need be."""
        seen = layers.seen(lines, self._told)
        name = layers.key(lines, file.parent, seen, self._config)
        slot, since, waits = layers.Slot(kept, name), time.time(), False
        while not slot.used():
            if (why := slot.failure(since)) is not None:
                raise NotInstalled(why)
            if slot.mine():
                self._build(slot, file, unmet, seen)
                self._say(f"{file.name}: kept as environment {name[:12]}")
                return slot
            if not waits:
                self._say(f"{file.name}: waiting for another job that installs the same as environment {name[:12]}")
                waits = True
            self._pause()
        self._say(f"{file.name}: found installed, in environment {name[:12]}")
        return slot

    def _build(self, slot: layers.Slot, file: Path, unmet: Sequence[str], seen: Mapping[str, str]) -> None:
        self._make()
        try:
            self._install_file(file, unmet, seen)
        except NotInstalled as fault:
            slot.failed(str(fault))
            raise
        try:
            slot.keep(self.home)
        except OSError as error:
            raise NotInstalled(f"AlgorithmError: InstallRequirementsError: {file.name}: {error}") from error
        slot.used()

    def _install_file(self, file: Path, unmet: Sequence[str], seen: Mapping[str, str]) -> None:
        shown = ", ".join([_redacted(line) for line in unmet[:_SHOWN]] + ["..."] * (len(unmet) > _SHOWN))
        self._say(f"{file.name}: installing {shown}")
        self._install(file.name, self._pip(file.parent, ["-r", file.name], seen), "InstallRequirementsError", unmet)

    def _install(self, what: str, pip: Workload, kind: str, unmet: Sequence[str] = ()) -> None:
        """Runs pip; `NotInstalled` when it fails."""
        began = time.monotonic()
        end, said = self._run(pip)
        if end.reason not in ("exited", "killed"):
            raise Ended(end.reason)
        if end.code != 0:
            text = f"AlgorithmError: {kind}: {what} could not be installed: {_error(said)}."
            raise NotInstalled(f"{text} {_remedy(said, unmet, network=self._work.network)}")
        self._say(f"{what}: installed in {time.monotonic() - began:.1f} s")

    def _pip(self, folder: Path, asked: list[str], seen: Mapping[str, str]) -> Workload:
        """`pip install` in a folder, with variables that it sees."""
        inside = mounts.ML / folder.relative_to(self._work.ml)
        environment = {name: text for name, text in seen.items() if not name.startswith("PYTHON")}
        return replace(
            self._work,
            kind="job",
            entry="",
            argv=("python", "-I", "-c", _PIP, str(inside), "install", *asked),
            environment=_BOUNDS | environment | _QUIET,
            secrets={},
            hosts=(),
            requirements=None,
            package=None,
        )


def _isolation(ml: Path, package: Path) -> list[str]:
    """pip's option for building a package with what is installed here, where that is what the package asks for."""
    needs: Any = ["setuptools"]
    try:
        file = str(package.relative_to(ml) / "pyproject.toml")  # what its requirements ran may have put anything there
        needs = tomllib.loads(remains.text(ml, file, _LONGEST))["build-system"]["requires"]
    except KeyError:
        pass
    except ValueError:
        return []
    return [] if requirements.unmet([str(line) for line in needs]) else ["--no-build-isolation"]


def _error(said: str) -> str:
    """The line of pip's output that says what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for start in ("ERROR:", "error:", ""):
        for line in reversed(lines):
            if line.startswith(start) and not line.startswith(("note:", "hint:", "[notice]", "WARNING:")):
                return _redacted(line)[:400].rstrip(".")
    return "pip said nothing"


def _remedy(said: str, unmet: Sequence[str], *, network: bool) -> str:
    install = f"pip install {' '.join(repr(_redacted(line)) for line in unmet[:_SHOWN])}" if unmet else ""
    own = f"install into Potager's environment: {install or 'what it is built with'}"
    if not network:
        return f"The job may not use the network (EnableNetworkIsolation). Allow it, or {own}"
    if _UNREACHED.search(said):
        return f"No package index answered. Let pip reach one (PIP_INDEX_URL, pip.conf) where Potager runs, or {own}"
    return f"The log says more. Correct it, or {own}"


def _redacted(line: str) -> str:
    """A line without the credentials that a URL in it may hold."""
    return _CREDENTIALS.sub("****@", line)
