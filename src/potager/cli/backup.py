"""`potager backup` and `potager restore`: all that a server keeps, copied while it runs; a data folder made of that."""

from __future__ import annotations

import os
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from potager.cli.settings import FILE, load, place_options
from potager.kernel.errors import Exists, InUse, Invalid

if TYPE_CHECKING:
    from potager.kernel.settings import Settings
    from potager.store.backup import Manifest, Progress


@click.command("backup")
@click.argument("dest", type=click.Path(file_okay=False, path_type=Path))
@place_options
def command(dest: Path, **given: str | None) -> None:
    """Copy all that a server keeps into the folder DEST, while the server runs or not.

    Into the same DEST again, only what is new is copied; the backup that was there is replaced when the new one is
    whole. DEST holds the keys: keep it as safe as the data folder.
    """
    from potager.store import backup
    from potager.store.database import located

    settings = load(given, os.environ)
    os.umask(0o077)
    try:
        made = backup.make(
            settings.data,
            located(settings.database, settings.data),
            dest.absolute(),
            metadata.version("potager"),
            shown(),
        )
    except OSError as error:
        raise Invalid(f"The backup broke off: {error}. What was backed up before is as it was.") from error
    click.echo(f"{dest}: {_told(made)}")
    if made.blobs and _on_one_disk(settings.data, dest):
        click.echo(
            f"{dest} is on the disk of {settings.data} and shares the bytes of objects with it: it guards against "
            "mistakes, not against the disk. Back up to a folder on another disk, or copy this one there.",
            err=True,
        )
    if made.missing:
        raise click.ClickException(
            f"{_many(len(made.missing), 'blob')} not whole in {settings.data}, such as {made.missing[0]}: all else is "
            "backed up. Stop the server and see `potager fsck`."
        )


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--partial", is_flag=True, help="Restore what there is of a backup that lacks some blobs.")
@place_options
def restore(source: Path, partial: bool, **given: str | None) -> None:
    """Make a data folder, which must be empty or not there, out of the backup in the folder SOURCE.

    Every file is compared with its SHA-256. With --database the rows go to that database, wherever they came from.
    """
    from potager.cli import folder
    from potager.store import restore
    from potager.store.database import located

    settings = load(given, os.environ)
    os.umask(0o077)
    if server := folder.running(settings.data):
        raise InUse(
            f"{settings.data}: process {server.pid} serves this folder at {server.url}. Restore into another one."
        )
    try:
        made = restore.restore(
            source.absolute(),
            settings.data,
            lambda data: located(settings.database, data),
            partial=partial,
            progress=shown(),
        )
    except OSError as error:
        raise Exists(f"The restore broke off: {error}. {settings.data} is as it was.") from error
    click.echo(f"{settings.data}: {_told(made)}, as of {made.taken}")
    click.echo(f"Serve it: potager up --data {shlex.quote(str(settings.data))}{_and_database(settings)}", err=True)
    _keep_apart(settings)


def _keep_apart(settings: Settings) -> None:
    """Puts restored settings aside where they name another database than the one that was restored into."""
    own = settings.data / FILE
    restored = load({"data": str(settings.data)}, {}) if own.is_file() else settings
    if restored.database != settings.database:
        own.rename(own.with_name(f"{FILE}.restored"))
        click.echo(
            f"{own} named another database: it is {FILE}.restored now. Look it over before it is used.", err=True
        )


def _told(made: Manifest) -> str:
    rows = made.rows
    objects = rows.get("objects", 0) + rows.get("versions", 0)
    return f"{_many(rows.get('buckets', 0), 'bucket')}, {_many(objects, 'object')}, {_size(made.size)} in files"


def _many(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return _many(count, "byte")


def _on_one_disk(data: Path, dest: Path) -> bool:
    return (data / "blobs").stat().st_dev == dest.stat().st_dev


def _and_database(settings: Settings) -> str:
    """Says that the rows are elsewhere, without the URL: it may hold a password."""
    return "" if settings.database == "sqlite" else " --database URL, with the database that was restored into"


def shown() -> Progress:
    """Says on a terminal how far it is; nothing elsewhere."""
    last = -1

    def progress(done: int, total: int) -> None:
        nonlocal last
        percent = 100 * done // total if total else 100
        if percent != last and sys.stderr.isatty():
            last = percent
            click.echo(f"\r{done / 2**30:,.1f} of {total / 2**30:,.1f} GiB", nl=done >= total, err=True)

    return progress
