"""An operation where rights are looked at first: all of it or nothing, but for DeleteObjects.

There each object has rights of its own, and those that stay are told beside the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from potager.collect.s3 import naming
from potager.collect.s3.access.authorization import Guard, admit
from potager.collect.s3.faults import fault
from potager.kernel.context import Context

Handler = Callable[[Context, dict[str, Any]], Awaitable[Mapping[str, Any] | None]]
MOST_KEYS = 1000
"""Keys of one DeleteObjects."""
BATCH = 10
"""Keys that are asked about before another request has its turn."""


async def admitted(guard: Guard, req: dict[str, Any], handler: Handler) -> Mapping[str, Any] | None:
    """What the operation answers; `AccessDenied` where the caller may not do it."""
    if guard.operation == "DeleteObjects":
        return await _deleted(guard, req, handler)
    await admit(guard)
    return await handler(guard.ctx, req)


async def _deleted(guard: Guard, req: Mapping[str, Any], handler: Handler) -> Mapping[str, Any]:
    wanted: Sequence[Mapping[str, Any]] = req["Delete"].get("Objects", ())
    if not 0 < len(wanted) <= MOST_KEYS:
        raise fault("MalformedXML")
    kept, refused = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
    for number, each in enumerate(wanted):
        if number % BATCH == 0:
            await asyncio.sleep(0)  # a policy may be long, and nothing else in here waits
        why = await guard.allows(_action(each), naming.key(each["Key"]), each.get("VersionId"))
        (refused if why else kept).append(each)
    done: Mapping[str, Any] = {}
    if kept:
        done = await handler(guard.ctx, {**req, "Delete": {**req["Delete"], "Objects": kept}}) or {}
    denied = fault("AccessDenied")
    errors = [{**_place(each), "Code": denied.code, "Message": denied.message} for each in refused]
    return {**done, "Errors": [*done.get("Errors", ()), *errors]}


def _action(wanted: Mapping[str, Any]) -> str:
    return "DeleteObjectVersion" if "VersionId" in wanted else "DeleteObject"


def _place(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: wanted[name] for name in ("Key", "VersionId") if name in wanted}
