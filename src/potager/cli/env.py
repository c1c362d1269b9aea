"""`potager env`: what an AWS client needs to reach the server, for a shell, a file or a program."""

from __future__ import annotations

import os

import click

from potager.cli import environment
from potager.cli.settings import data_option, folder
from potager.kernel.errors import Fault


@click.command("env")
@data_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["shell", "dotenv", "json"]),
    default="shell",
    show_default=True,
    help="For `eval` in a shell, for an .env file, or for a program.",
)
def command(data: str | None, form: str) -> None:
    """Print what an AWS client needs to reach the server that is up on the data folder.

    In a shell: eval "$(potager env)"
    """
    where = folder({"data": data}, os.environ)
    try:
        found = environment.of(where)
    except Fault:
        if form == "shell":
            click.echo("false")  # so that `eval` fails too, and `set -e` stops before a call reaches AWS itself
        raise
    ours = found | environment.direct(os.environ)
    click.echo(environment.text(ours, form, os.environ))
