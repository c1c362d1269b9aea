"""How an older database gets to the present schema, by Alembic. One file a step, in `versions/`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine


def config(engine: Engine) -> Config:
    """What Alembic needs to know, with the database that it shall work on."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["engine"] = engine
    return made


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Brings a database to a revision, in one transaction."""
    command.upgrade(config(engine), revision)
