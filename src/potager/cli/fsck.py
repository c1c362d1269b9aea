"""`potager fsck`: what is not as it should be in the data folder of a server that is stopped, and how it is mended."""

from __future__ import annotations

import os
import sys

import click

from potager.cli import folder, keys
from potager.cli.backup import shown
from potager.cli.settings import load, place_options
from potager.kernel.errors import Invalid
from potager.kernel.names import Scope

MENDED, LEFT = 1, 2
"""Exit statuses: all was mended; something is left."""


@click.command("fsck")
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--deep", is_flag=True, help="Read the bytes of every object, and compare them with its digests.")
@place_options
def command(repair: bool, deep: bool, **given: str | None) -> None:
    """Look for orphans, torn or changed bytes, and rows that lead nowhere, in the data folder of a stopped server.

    With --repair, what can be mended is. Rows that lead nowhere and files that are not what they should be are kept in
    the folder `fsck` of the data folder. The exit status is 0 where all is well, 1 where all was mended, 2 where
    something is left.
    """
    from potager.store import fsck
    from potager.store.database import located
    from potager.store.fsck.opening import opener

    settings = load(given, os.environ)
    if not (settings.data / "blobs").is_dir():
        raise Invalid(f"{settings.data} is no data folder: it holds no blobs. Name one with --data.")
    os.umask(0o077)
    counts = {True: 0, False: 0}
    with folder.lock(settings.data):
        secret = keys.read(settings.data).secret if (settings.data / keys.FILE).exists() else None
        told = fsck.check(
            settings.data,
            located(settings.database, settings.data),
            Scope(settings.account_id, settings.region),
            opener(secret),
            repair=repair,
            deep=deep,
            progress=shown(),
        )
        for each in told:
            counts[each.mended] += 1
            said = "mended" if each.mended else "left" if repair or each.finding.mend is None else "can be mended"
            click.echo(_printable(f"{each.finding.where} {each.finding.told}. {said}: {each.remedy}"))
    mended, left = counts[True], counts[False]
    if not mended and not left:
        click.echo(f"{settings.data}: all is well" + ("." if deep else "; --deep reads the bytes as well."))
        return
    click.echo(f"{settings.data}: {mended} mended, {left} left." + ("" if repair else " Mend with --repair."))
    sys.exit(LEFT if left else MENDED)


def _printable(text: str) -> str:
    """One line that means no more to a terminal than to its reader: keys may have any characters."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
