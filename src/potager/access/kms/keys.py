"""Keys: made, described, listed, turned off and on, deleted after a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from potager.access.kms.details import checked_policy, checked_tags
from potager.access.kms.service import Output, Req, change, named, own, page, service
from potager.access.kms.tending import Tending
from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, Unserved, WireError
from potager.store.keyring import DISABLED, ENABLED, PENDING, Keyring
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

ONLY = {
    "KeyUsage": "ENCRYPT_DECRYPT",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "Origin": "AWS_KMS",
    "MultiRegion": False,
}
"""Members of CreateKey, and the one value that is served."""
DAY = 86400
SHORTEST, LONGEST = 7, 30
"""Days that a key waits for its deletion."""


@service.operation
@partly("symmetric keys for Encrypt and Decrypt; key policies are kept and not asked")
async def create_key(ctx: Context, req: Req) -> Output:
    """A new symmetric key."""
    for member, value in ONLY.items():
        if req.get(member, value) != value:
            raise Unserved(f"Potager's KMS does not serve {member} {req[member]}. Use {json.dumps(value)}.")
    for member in ("CustomKeyStoreId", "XksKeyId"):
        if req.get(member):
            raise Unserved(f"Potager's KMS has no custom key stores. Leave out {member}.")
    tags = checked_tags(req.get("Tags", ()))
    doc: dict[str, Any] = {"Description": req.get("Description", "")}
    if "Policy" in req:
        doc["_policy"] = checked_policy(req["Policy"])

    def write(tx: Tx) -> Row:
        row = ctx[Keyring].create(tx, ctx.scope, doc)
        tx.tag(row.arn, tags)
        return row

    return {"KeyMetadata": metadata(await ctx[Rows].write(write))}


def metadata(row: Row) -> Mapping[str, Any]:
    """What is shown of a key."""
    shown = {name: value for name, value in row.doc.items() if not name.startswith("_")}
    return {**shown, "KeyState": row.status, "Enabled": row.status == ENABLED}


@service.operation
async def describe_key(ctx: Context, req: Req) -> Output:
    """One key, by its id, its ARN or an alias."""
    return {"KeyMetadata": metadata(await ctx[Keyring].known(ctx.scope, req["KeyId"]))}


@service.operation
async def list_keys(ctx: Context, req: Req) -> Output:
    """The keys of the account in this region, by their ids."""
    found = await ctx[Rows].read(lambda tx: ctx[Keyring].all(tx, ctx.scope))
    shown, more = page(req, found, lambda row: row.name)
    return {"Keys": [{"KeyId": row.name, "KeyArn": row.arn} for row in shown], **more}


@service.operation
async def enable_key(ctx: Context, req: Req) -> None:
    """Has a key work again."""
    await change(ctx, req["KeyId"], lambda row: {}, ENABLED)


@service.operation
async def disable_key(ctx: Context, req: Req) -> None:
    """Has a key do nothing until it is enabled: what is encrypted under it cannot be read meanwhile."""
    await change(ctx, req["KeyId"], lambda row: {}, DISABLED)


@service.operation
async def update_key_description(ctx: Context, req: Req) -> None:
    """Describes a key anew."""
    await change(ctx, req["KeyId"], lambda row: {"Description": req["Description"]})


@service.operation
async def schedule_key_deletion(ctx: Context, req: Req) -> Output:
    """Has a key deleted after 7 to 30 days, for ever; it does nothing from now on."""
    days = req.get("PendingWindowInDays", LONGEST)
    if not SHORTEST <= days <= LONGEST:
        raise Invalid(f"PendingWindowInDays is {days}: a key waits for {SHORTEST} to {LONGEST} days.")
    until = clock.now() + days * DAY
    row = await change(ctx, req["KeyId"], lambda row: {"DeletionDate": until}, PENDING)
    ctx[Tending].wake()
    return {"KeyId": row.arn, "DeletionDate": until, "KeyState": PENDING, "PendingWindowInDays": days}


@service.operation
async def cancel_key_deletion(ctx: Context, req: Req) -> Output:
    """Keeps a key that was to be deleted; it is disabled then."""

    def write(tx: Tx) -> Row:
        row = own(named(ctx, tx, req["KeyId"]))
        if row.status != PENDING:
            raise WireError("KMSInvalidStateException", f"{row.arn} is not pending deletion.")
        kept = {name: value for name, value in row.doc.items() if name != "DeletionDate"}
        return tx.update(row, doc=kept, status=DISABLED)

    return {"KeyId": (await ctx[Rows].write(write)).arn}
