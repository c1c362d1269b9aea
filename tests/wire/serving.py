"""A server of nothing but the operations that a test brings: the real pipeline behind the real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import boto3
from botocore.config import Config

from potager.gateway.app import App
from potager.gateway.connection import Clients, Connection
from potager.gateway.exchange import Answer
from potager.gateway.pipeline import Pipeline
from potager.kernel.context import House
from potager.kernel.sessions import Sessions
from potager.kernel.settings import Keys, Settings
from potager.store.rows import Rows
from potager.wire.service import Registry, Service

KEYS = Keys("AKID", "the-secret", b"s" * 32)


@asynccontextmanager
async def served(*services: Service) -> AsyncIterator[int]:
    """The port of a server that has these operations, and no store behind them."""
    house = House()
    house.add(Rows, cast(Any, object()))
    house.add(Sessions, Sessions(KEYS.secret, "http://127.0.0.1", None))
    registry = Registry()
    for service in services:
        registry.add(service)
    app = App(Settings(), KEYS, "http://127.0.0.1")
    app._pipeline = Pipeline(house, registry, Settings(), KEYS)
    async with listening(app.answer) as port:
        yield port


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """The port at which an app is served in this loop."""
    clients = Clients(answer)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(clients), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(clients.connections):
            cast(Connection, connection).transport.abort()


def client(service: str, port: int, **config: Any) -> Any:
    """boto3's client for a server of a test; call it in a thread."""
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )
