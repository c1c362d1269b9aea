"""New material for old keys, each year or when it is asked for; what older material has encrypted stays readable."""

from __future__ import annotations

from typing import Any

from potager.access.kms.service import Output, Req, change, lasting, named, own, page, service
from potager.access.kms.tending import Tending
from potager.kernel import clock
from potager.kernel.context import Context
from potager.store.keyring import DISABLED, KeyDisabled, Keyring
from potager.store.rows import Row, Rows

DAY = 86400
YEAR = 365
"""Days between rotations where a request does not say."""


@service.operation
async def enable_key_rotation(ctx: Context, req: Req) -> None:
    """Has a key's material rotated every so many days."""
    days = req.get("RotationPeriodInDays", YEAR)
    await change(ctx, req["KeyId"], lambda row: _enabled(row, {"_rotation": [days, clock.now() + days * DAY]}))
    ctx[Tending].wake()


@service.operation
async def disable_key_rotation(ctx: Context, req: Req) -> None:
    """Has a key keep its material."""
    await change(ctx, req["KeyId"], lambda row: _enabled(row, {"_rotation": None}))


@service.operation
async def get_key_rotation_status(ctx: Context, req: Req) -> Output:
    """Whether a key's material is rotated, and when next."""
    row = await ctx[Rows].read(lambda tx: named(ctx, tx, req["KeyId"]))
    rotation = row.doc.get("_rotation")
    status: dict[str, Any] = {"KeyId": row.arn, "KeyRotationEnabled": rotation is not None}
    return status | ({"RotationPeriodInDays": rotation[0], "NextRotationDate": rotation[1]} if rotation else {})


@service.operation
async def rotate_key_on_demand(ctx: Context, req: Req) -> Output:
    """Gives a key new material now."""
    row = await change(ctx, req["KeyId"], lambda row: _enabled(row, ctx[Keyring].rotated(row, "ON_DEMAND")))
    return {"KeyId": row.name}


@service.operation
async def list_key_rotations(ctx: Context, req: Req) -> Output:
    """When a key got new material."""
    row = await ctx[Rows].read(lambda tx: lasting(own(named(ctx, tx, req["KeyId"]))))
    material: list[dict[str, Any]] = row.doc["_material"]
    numbered = list(enumerate(material))[1:]
    shown, more = page(req, numbered, lambda each: f"{each[0]:09d}")
    found = [{"KeyId": row.name, "RotationDate": one["since"], "RotationType": one["by"]} for _, one in shown]
    return {"Rotations": found, **more}


def _enabled(row: Row, changes: dict[str, Any]) -> dict[str, Any]:
    if row.status == DISABLED:
        raise KeyDisabled(f"{row.arn} is disabled.")
    return changes
