"""`potager studio`: a link that signs in to the pages of the server that is up on a data folder."""

from __future__ import annotations

import os
import webbrowser

import click

from potager.cli import environment, keys
from potager.cli.settings import data_option, folder, load
from potager.studio.front import WAY_IN
from potager.studio.signin import SignIn


@click.command("studio")
@data_option
@click.option("--open", "opened", is_flag=True, help="Open it in this machine's browser, too.")
def command(data: str | None, opened: bool) -> None:
    """Print a link that opens Studio, the web pages, signed in. It is good once, and for ten minutes."""
    where = folder({"data": data}, os.environ)
    url = environment.of(where)["AWS_ENDPOINT_URL"]
    pair = keys.settle(load({"data": str(where)}, os.environ))
    link = url + WAY_IN + SignIn(pair).link()
    click.echo(link)
    if opened:
        webbrowser.open(link)
