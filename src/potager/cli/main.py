"""The command `potager`. Its subcommands are imported when they run, so that `potager --help` costs next to nothing."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "up": "Serve AWS clients from a data folder until told to stop.",
    "studio": "Print a link that opens Studio, the web pages, signed in.",
    "env": "Print what an AWS client needs to reach the server.",
    "run": "Run any command, its AWS calls landing here.",
    "demo": "Walk the whole road on insurance claims, or on your own file.",
    "mount": "Make a bucket be a folder, or a bucket of a real object store.",
    "unmount": "Take a mounted bucket away.",
    "interrupt": "Take the place of a managed spot job away, to see it resume.",
    "backup": "Copy all that a server keeps, while it runs.",
    "restore": "Make a data folder out of a backup.",
    "fsck": "Find and mend what is broken in the data folder of a stopped server.",
    "doctor": "Tell what this machine offers, and what is missing.",
}
"""Each subcommand lives in the module `potager.cli.<name>`, under the name `command`."""


class Lazy(click.Group):
    """A group that imports a subcommand when somebody runs it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"potager.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            from potager.kernel.errors import Fault

            if isinstance(error, Fault):
                raise click.ClickException(error.message) from error
            raise


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="potager", prog_name="potager")
def main() -> None:
    """Potager runs the machine-learning lifecycle on ground you own, behind the API that SageMaker's users know.

    Start with `potager demo`, or with `potager up` in one terminal and `eval "$(potager env)"` in another.
    """
