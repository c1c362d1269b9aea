"""The house's own door (`Context.call`): an operation run for a room, without the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.kernel.context import Context
from potager.wire import model
from potager.wire.project import project
from potager.wire.service import Registry
from potager.wire.validate import validate


class Inside:
    """Runs what a registry holds, as the caller of the context that is given."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def call(self, ctx: Context, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a client would get; faults are raised as they are."""
        handler = self.registry.find(service, operation)
        shapes = model.operation(service, operation)
        result = await handler(ctx, validate(shapes.input_shape, params))
        return project(shapes.output_shape, result or {})
