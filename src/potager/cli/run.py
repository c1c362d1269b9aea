"""`potager run`: any command, its AWS calls landing here.

the command ──AWS_ENDPOINT_URL──────────────────────────────► server
            └─HTTPS_PROXY──► proxy ──amazonaws.com──────────► server
                                   └─everything else────────► the world, as the environment has it
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import click

from potager.cli import certificates, environment, folder
from potager.cli.child import Child, NotStarted
from potager.cli.settings import data_option
from potager.cli.settings import folder as data_folder
from potager.kernel import hosts

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)

PATIENCE = 30.0
"""Seconds to wait for a server that somebody else starts on the same folder."""

QUIET_SDK = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@data_option
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND [ARGS]...")
def command(data: str | None, argv: tuple[str, ...]) -> None:
    """Run a command, its AWS calls landing on the server of the data folder.

    A server is started for the command's lifetime when none is up. The command's exit status is ours. Calls to
    https://*.amazonaws.com land here too, by a proxy that the command is told of; all other traffic goes its way.

    Example: potager run -- python train.py
    """
    logging.basicConfig(level="WARNING", format="potager run: %(message)s")
    where = data_folder({"data": data}, os.environ)
    with _interruptible(), served(where), surroundings(where, os.environ) as environ:
        status = execute(argv, environ)
    sys.exit(status)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Until the command runs, a signal ends us by the way of an exception: what was started is stopped again."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    with _handled(leave, (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)):
        yield


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], numbers: Sequence[signal.Signals]) -> Iterator[None]:
    # What is ignored stays ignored, by us and by the command: `nohup`, and `&` in a shell's script, mean it.
    before = {number: known for number in numbers if (known := signal.getsignal(number)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


@contextlib.contextmanager
def served(data: Path) -> Iterator[None]:
    """A server on the data folder: the one that is up, else one for the length of the block."""
    child = _started(data) if folder.running(data) is None else None
    try:
        yield
    finally:
        if child is not None:
            child.stop()


def _started(data: Path) -> Child | None:
    child = Child(data, ["--host", "127.0.0.1", "--port", "0"])
    try:
        child.start()
    except NotStarted:
        # Somebody else may have been first; then theirs serves us as well.
        if not _appeared(data):
            raise
        return None
    except BaseException:
        child.stop()
        raise
    return child


def _appeared(data: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while folder.running(data) is None:
        if not folder.held(data) or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def surroundings(data: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which AWS's host names lead to the server of the data folder."""
    from potager.cli.authority import Authority
    from potager.cli.proxy import Proxy, in_thread
    from potager.cli.trust import variables
    from potager.cli.upstream import Upstream

    ours = environment.of(data, environ)
    authority = Authority.of(data)

    def inner() -> ssl.SSLContext:
        return certificates.client_context(certificates.trusted(data))

    proxy = Proxy(ours["AWS_ENDPOINT_URL"], authority, Upstream(environ), inner=inner)
    with tempfile.TemporaryDirectory(prefix="potager-run-") as files, in_thread(proxy) as url:
        trust = variables(authority.certificate, Path(files), {**environ, **ours})
        yield environment.applied(environ, ours | trust | _proxied(url, environ) | _quiet(Path(files), environ))


def _proxied(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    exempt = ",".join(hosts.exemptions(environ.get("no_proxy") or environ.get("NO_PROXY") or ""))
    return {"HTTPS_PROXY": url, "https_proxy": url, "NO_PROXY": exempt, "no_proxy": exempt}


def _quiet(files: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Has the sagemaker SDK not report home, unless its user has a configuration of their own."""
    name = "SAGEMAKER_USER_CONFIG_OVERRIDE"
    config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = (config / "sagemaker/config.yaml", Path.home() / "Library/Application Support/sagemaker/config.yaml")
    if environ.get(name) or any(path.exists() for path in own):
        return {}
    path = files / "sagemaker.yaml"
    path.write_text(QUIET_SDK)
    return {name: str(path)}


def execute(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command to its end, signals passed on to it; its exit status as a shell tells it."""
    try:
        process = subprocess.Popen(argv, env=environ)  # noqa: S603  the user's own command
    except FileNotFoundError as error:
        click.echo(f"potager run: {argv[0]}: no such command.", err=True)
        raise SystemExit(127) from error
    except OSError as error:
        click.echo(f"potager run: {argv[0]}: {error.strerror}.", err=True)
        raise SystemExit(126) from error
    with _handled(_forward(process), FORWARDED):
        status = process.wait()
    return status if status >= 0 else 128 - status


def _forward(process: subprocess.Popen[bytes]) -> Callable[[int, FrameType | None], None]:
    def forward(number: int, _: FrameType | None) -> None:
        # The terminal sends a Ctrl-C to the command itself too; twice would be once too often.
        if number not in FROM_TERMINAL or not _in_foreground():
            process.send_signal(number)

    return forward


def _in_foreground() -> bool:
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
