"""`potager mount` and `potager unmount`: a bucket that is a folder, or a bucket of a real object store.

They write the data folder's `mounts.json`; a server that is up reads it before its next request.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from potager.cli.folder import locked, make, running, write_atomically
from potager.cli.settings import data_option, folder
from potager.kernel.errors import Exists, Fault, Invalid, NotFound


@click.command("mount")
@click.argument("bucket", required=False)
@click.argument("where", required=False)
@click.option("--read-only", is_flag=True, help="Refuse every change.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="What to tell of an object store: endpoint, region, access_key_id, secret_access_key, ... Credentials that "
    "are not given come from the server's environment. The file that keeps them is readable by its owner alone.",
)
@data_option
def command(bucket: str | None, where: str | None, read_only: bool, options: tuple[str, ...], data: str | None) -> None:
    """Make BUCKET be WHERE: a folder of this machine, or s3://, gs:// or az:// and a bucket's name and prefix.

    Nothing is copied. Without arguments, list what is mounted.
    """
    place = folder({"data": data}, os.environ)
    if bucket is None or where is None:
        if bucket is not None:
            raise click.UsageError("Say where the bucket is: a folder, or a URL such as s3://my-bucket/prefix.")
        _list(place)
        return
    said = _said(where, read_only, options)
    _check(bucket, said)
    _check_free(place, bucket)

    def add(mounts: dict[str, Any]) -> None:
        if bucket in mounts and mounts[bucket] != said:
            raise Exists(f"The bucket '{bucket}' is mounted already. First: potager unmount {bucket}")
        mounts[bucket] = said

    _change(place, add)
    click.echo(f"{bucket}: {where}{' (read-only)' if read_only else ''}")


@click.command("unmount")
@click.argument("bucket")
@data_option
def unmount(bucket: str, data: str | None) -> None:
    """Take a mounted BUCKET away. What it was mounted from stays as it is."""

    def drop(mounts: dict[str, Any]) -> None:
        if mounts.pop(bucket, None) is None:
            raise NotFound(f"No bucket '{bucket}' is mounted. `potager mount` lists those that are.")

    _change(folder({"data": data}, os.environ), drop)
    click.echo(f"{bucket}: no longer mounted")


def _said(where: str, read_only: bool, options: tuple[str, ...]) -> dict[str, Any]:
    pairs = {name: value for name, _, value in (option.partition("=") for option in options)}
    if any(not name or not value for name, value in pairs.items()):
        raise click.UsageError("An option is NAME=VALUE, such as --option region=eu-west-1.")
    if "://" in where:
        return {"url": where, "read_only": read_only, "options": pairs}
    if pairs:
        raise click.UsageError("A folder takes no --option.")
    return {"folder": str(Path(where).expanduser().resolve()), "read_only": read_only}


def _check(bucket: str, said: dict[str, Any]) -> None:
    """`Invalid` for what cannot be mounted, as far as can be told from here."""
    from potager.collect.s3 import naming
    from potager.store.mounts.remote import opened

    try:
        naming.bucket(bucket)
    except Fault as error:
        raise Invalid(
            f"'{bucket}' is no name for a bucket: 3 to 63 lower-case letters, digits, '.' and '-', as S3 has them. "
            "First the bucket, then where it is: potager mount claims /srv/claims"
        ) from error
    if "url" in said:
        opened(said["url"], said["options"])
        return
    if not Path(said["folder"]).is_dir():
        raise Invalid(f"{said['folder']} is no folder. Make it first, or name another.")


def _check_free(data: Path, bucket: str) -> None:
    """`Exists` where the server that is up has a bucket of that name; without a server its log will say so."""
    from potager.store.mounts.declared import FILE, read

    if running(data) is None or bucket in read(data / FILE):
        return
    from botocore.exceptions import BotoCoreError, ClientError

    from potager.cli import environment
    from potager.cli.session import session

    env = environment.of(data)
    clients: Any = session(env, env["AWS_DEFAULT_REGION"])
    try:
        clients.client("s3").head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError):  # it has none, or is going away
        return
    raise Exists(f"There is a bucket '{bucket}' already. Mount under another name, or delete that bucket first.")


def _change(data: Path, change: Callable[[dict[str, Any]], None]) -> None:
    from potager.store.mounts.declared import FILE, read

    make(data)
    with locked(data):
        said = read(data / FILE)
        change(said)
        write_atomically(data / FILE, json.dumps(said, indent=2, sort_keys=True) + "\n", mode=0o600)


def _list(data: Path) -> None:
    from potager.store.mounts.declared import FILE, read

    for bucket, said in sorted(read(data / FILE).items()):
        click.echo(f"{bucket}: {said.get('folder') or said['url']}{' (read-only)' if said.get('read_only') else ''}")
