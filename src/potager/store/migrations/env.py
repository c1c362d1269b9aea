"""Run by Alembic, never imported: the migrations against the engine that `potager.store.migrations` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Engine

from potager.store import schema

engine: Engine = context.config.attributes["engine"]

with engine.connect().execution_options(potager_writes=True) as connection:
    context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
