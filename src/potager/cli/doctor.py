"""`potager doctor`: what this machine offers, and what helps where something is missing."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click

from potager.cli.machine import Finding, examine
from potager.cli.settings import data_option, load


@click.command("doctor")
@data_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(data: str | None, form: str) -> None:
    """Tell what this machine offers: isolation, limits, ports, extras, disk.

    Changes nothing. Each problem comes with its remedy; the exit status is 0 all the same.
    """
    settings = load({"data": data}, os.environ)
    found = examine(settings)
    click.echo(json.dumps([asdict(each) for each in found], indent=2) if form == "json" else text(found))


def text(found: list[Finding]) -> str:
    """The findings for people, the problems once more at the end."""
    width = max(len(each.name) for each in found)
    lines = [f"{'!' if each.problem else ' '} {each.name:<{width}}  {each.value}" for each in found]
    problems = [f"! {each.name}: {each.problem}" for each in found if each.problem]
    return "\n".join([*lines, "", *(problems or ["No problems found."])])
