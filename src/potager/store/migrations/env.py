"""Run by Alembic, never imported: the migrations in the transaction that `potager.store.migrations` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from potager.store import schema

connection: Connection = context.config.attributes["connection"]

context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
