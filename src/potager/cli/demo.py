"""`potager demo`: the whole road on insurance claims, on a private server.

The road itself is a plain boto3 program (`examples/fraud/road.py`) that knows nothing of Potager.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from potager.cli import environment, folder, machine, workloads
from potager.cli.child import Child
from potager.cli.run import execute
from potager.cli.settings import data_option
from potager.cli.settings import folder as data_folder
from potager.kernel import examples
from potager.kernel.errors import NotFound

ROAD = "road.py"


@click.command("demo")
@data_option
@click.option(
    "--csv", metavar="FILE", help="Your own table, a header line first. [default: claims made up on the spot]"
)
@click.option("--target", metavar="COLUMN", help="The column of your table to predict: two values, such as Y and N.")
@click.option("--drop", metavar="COLUMN", multiple=True, help="A column of your table to leave out; repeatable.")
@click.option("--report", metavar="FILE", help="Where to write the report. [default: fraud-report.html]")
@click.option("--keep", is_flag=True, help="Leave everything that the demo made, to look at.")
def command(
    data: str | None, csv: str | None, target: str | None, drop: tuple[str, ...], report: str | None, keep: bool
) -> None:
    """Walk the whole road, from raw claims to a report on a deployed model.

    Uses the server of the data folder if one is named and up; else a private one in a temporary folder.
    """
    if (csv is None) != (target is None):
        raise click.UsageError("--csv and --target go together: a table, and its column to predict.")
    if absent := machine.missing("demo"):
        raise NotFound(f"The demo needs {', '.join(absent)}. Install with: pip install 'potager[demo]'")
    options = [word for column in drop for word in ("--drop", column)] + ["--keep"] * keep
    options += [*_given("--csv", csv), *_given("--target", target), *_given("--report", report)]
    with _served(data, keep=keep) as where:
        environ = environment.applied(os.environ, environment.of(where))
        status = execute([sys.executable, str(road()), *options], environ)
    sys.exit(status)


def _given(option: str, value: str | None) -> list[str]:
    return [] if value is None else [option, value]


def road() -> Path:
    """The program."""
    return examples.folder("fraud") / ROAD


@contextlib.contextmanager
def _served(data: str | None, *, keep: bool) -> Iterator[Path]:
    where = data_folder({"data": data}, os.environ) if data is not None else None
    if where is not None and folder.running(where):
        yield where
        return
    temporary = where is None
    where = where or Path(tempfile.mkdtemp(prefix="potager-demo-"))
    child = Child(where, ["--host", "127.0.0.1", "--port", "0"], temporary=temporary and not keep)
    try:
        child.start()
        yield where
    finally:
        child.stop()
        workloads.end(where)
        if temporary and not keep:
            shutil.rmtree(where, ignore_errors=True)  # where the server could not: it never came up, or was cut off
        if temporary and keep:
            click.echo(f"Kept in {where}. To look at it: potager up --data {where}", err=True)
