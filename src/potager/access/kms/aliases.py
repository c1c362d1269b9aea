"""Names for keys. `alias/aws/...` are names of AWS's own; of these there is `alias/aws/s3`, once S3 has used it."""

from __future__ import annotations

from potager.access.kms.service import Output, Req, lasting, named, page, service
from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid, WireError
from potager.kernel.names import arn
from potager.store.keyring import ALIAS, Keyring, NoKey
from potager.store.rows import Row, Rows, Tx

LEAD, RESERVED = "alias/", "alias/aws/"


@service.operation
async def create_alias(ctx: Context, req: Req) -> None:
    """Gives a key another name."""
    name = _checked(req["AliasName"])

    def write(tx: Tx) -> None:
        key = lasting(_target(ctx, tx, req["TargetKeyId"]))
        if tx.get(ALIAS, ctx.scope, name) is not None:
            raise Exists(f"An alias with the name {arn('kms', ctx.scope, name)} already exists")
        ctx[Keyring].name(tx, ctx.scope, name, key)

    await ctx[Rows].write(write)


@service.operation
async def update_alias(ctx: Context, req: Req) -> None:
    """Has an alias name another key."""
    name = _checked(req["AliasName"])

    def write(tx: Tx) -> None:
        alias, key = _alias(ctx, tx, name), lasting(_target(ctx, tx, req["TargetKeyId"]))
        tx.update(alias, doc={**alias.doc, "TargetKeyId": key.name, "LastUpdatedDate": clock.now()})

    await ctx[Rows].write(write)


@service.operation
async def delete_alias(ctx: Context, req: Req) -> None:
    """Takes a name away; its key stays."""
    name = _checked(req["AliasName"])
    await ctx[Rows].write(lambda tx: tx.delete(_alias(ctx, tx, name)))


@service.operation
async def list_aliases(ctx: Context, req: Req) -> Output:
    """The aliases of the account in this region, or of one key, by name."""

    def read(tx: Tx) -> list[Row]:
        key = named(ctx, tx, req["KeyId"]).name if "KeyId" in req else None
        return ctx[Keyring].aliases(tx, ctx.scope, key)

    shown, more = page(req, await ctx[Rows].read(read), lambda row: row.name)
    return {"Aliases": [{"AliasName": row.name, "AliasArn": row.arn, **row.doc} for row in shown], **more}


def _checked(name: str) -> str:
    if not name.startswith(LEAD) or name == LEAD:
        raise Invalid("Invalid identifier")
    if name.startswith(RESERVED):
        raise WireError("NotAuthorizedException", f"Aliases that begin with {RESERVED} are reserved.", 400)
    if ":" in name:
        raise Invalid(f"{name} contains invalid characters for an alias")
    return name


def _target(ctx: Context, tx: Tx, key: str) -> Row:
    if key.startswith(LEAD):
        raise Invalid("Aliases must refer to keys. Not aliases")
    return named(ctx, tx, key)


def _alias(ctx: Context, tx: Tx, name: str) -> Row:
    found = tx.get(ALIAS, ctx.scope, name)
    if found is None:
        raise NoKey(f"Alias {arn('kms', ctx.scope, name)} is not found.")
    return found
