"""`potager up`: one server on one data folder, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from potager.cli import folder, keys
from potager.cli.settings import load, options
from potager.kernel.hosts import is_loopback
from potager.kernel.settings import Keys, Settings

if TYPE_CHECKING:
    from potager.cli.passage import Passage
    from potager.gateway.app import App
    from potager.studio.front import Front


@click.command("up")
@options
@click.option("--parent-pipe", is_flag=True, hidden=True, help="Stop when standard input ends: the parent is gone.")
@click.option("--temporary", is_flag=True, hidden=True, help="At the end, stop all jobs and remove the data folder.")
def command(parent_pipe: bool, temporary: bool, **given: str | None) -> None:
    """Serve AWS clients from a data folder until SIGTERM or SIGINT.

    Prints `ready http://127.0.0.1:8484` (https with --tls) on standard output once requests are answered. Jobs that
    run when the server stops go on, and the next `up` on the same folder takes them over.
    """
    settings = load(given, os.environ)
    os.umask(0o077)  # what the server writes is its owner's, even in a folder that others can look into
    _log(settings.log_level)
    with folder.lock(settings.data):
        served = _serve(settings, pipe=sys.stdin.fileno() if parent_pipe else None)
        if temporary and served:  # else whoever started us still has to read what we said
            _remove(settings)
    if not served:
        raise click.ClickException("The server could not start; the log above says why.")


def _serve(settings: Settings, pipe: int | None) -> bool:
    # Imported here: `potager up --help`, a bad setting and a taken port need no server.
    from potager.cli import certificates, machine
    from potager.cli.passage import Passage
    from potager.cli.serve import listen, serve, url
    from potager.studio.front import Front

    machine.raise_file_limit()
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(listen(settings.host, settings.port))
        pair = _keys(settings)
        tls = certificates.of(settings)
        where = url(sock, tls)
        server = folder.Running(where, os.getpid(), time.time(), settings.account_id, settings.region)
        passage = Passage(settings.data, where)
        studio = Front(settings, pair)
        app = _app(settings, pair, where, passage, studio)
        apart = machine.isolation(settings.isolation)  # before there are threads

        def ready() -> None:
            stack.enter_context(folder.announced(settings.data, server))
            _greet(settings, where, apart, studio.link(where))

        return serve(app, sock, ready, pipe=pipe, tunnel=passage.client, tls=tls, connections=settings.connections)


def _keys(settings: Settings) -> Keys:
    try:
        return keys.settle(settings)
    except OSError as error:
        raise click.ClickException(
            f"{settings.data}: cannot write keys.json: {error.strerror}. Free some space."
        ) from error


def _app(settings: Settings, pair: Keys, where: str, passage: Passage, studio: Front) -> App:
    from potager.gateway.app import create

    app = create(settings, keys=pair, url=where, trust=passage, pages=studio)
    passage.open(app.admits)
    return app


def _greet(settings: Settings, where: str, apart: str, link: str) -> None:
    if not settings.secure and not is_loopback(settings.host):
        click.echo(f"warning: {settings.host} lets other machines in, by plain http: start with --tls.", err=True)
    program = "potager" if shutil.which("potager") else str(Path(sys.executable).with_name("potager"))
    chosen = "" if settings.data == settings.data.home() / ".potager" else f" --data {shlex.quote(str(settings.data))}"
    click.echo(
        f"  data       {settings.data}\n"
        f"  isolation  {apart}\n"
        f'  reach it   eval "$({program} env{chosen})"\n'
        f"  Studio     {link}\n"
        f"  stop it    Ctrl-C, or kill {os.getpid()}",
        err=True,
    )
    with contextlib.suppress(BrokenPipeError):  # whoever started us may be gone; we are told to stop soon then
        click.echo(f"ready {where}")  # last, and flushed: whoever waits for it finds everything said


def _remove(settings: Settings) -> None:
    from potager.cli.workloads import end

    end(settings.data)
    shutil.rmtree(settings.data, ignore_errors=True)


def _log(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    if level != "debug":
        for noisy in ("botocore", "boto3", "alembic", "asyncio"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
