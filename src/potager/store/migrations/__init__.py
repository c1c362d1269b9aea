"""How an older database gets to the present schema, by Alembic. One file a step, in `versions/`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from potager.kernel.errors import Invalid
from potager.store import schema

_VERSION = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"""
"""As Alembic makes it."""


def migrate(connection: Connection, name: str) -> None:
    """Brings a database to the present schema in the transaction that is open; `Invalid` for one that is not ours.

    Parameters
    ----------
    name : what the database is called in messages.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        schema.metadata.create_all(connection)
        connection.execute(text(_VERSION))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD})
        return
    if "alembic_version" not in tables:
        raise Invalid(
            f"{name} holds tables that are not Potager's, such as '{sorted(tables)[0]}'. Give Potager an empty one."
        )
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == schema.HEAD:
        return
    if version not in versions():
        raise Invalid(
            f"{name} has schema {version}, and this Potager knows those up to {schema.HEAD}: a newer one made it. "
            "Install that version or a later one, or restore a backup that is older."
        )
    upgrade(connection)


def versions() -> list[str]:
    """The schemas there are, by the names of their files: the first migration's first."""
    return sorted(path.name.partition("_")[0] for path in Path(__file__).with_name("versions").glob("[0-9]*.py"))


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Brings a database to a revision, in the transaction that is open: all of it or nothing."""
    from alembic import command  # imported only where there is something to do
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
