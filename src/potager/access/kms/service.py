"""The table of KMS's operations, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid, LimitReached, Unserved, WireError
from potager.store.keyring import (
    PENDING,
    BadCiphertext,
    KeyDisabled,
    KeyPending,
    Keyring,
    NoKey,
    WrongKey,
)
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import Service

Req = dict[str, Any]
Output = Mapping[str, Any]
T = TypeVar("T")

MOST = 100
"""Items of a page that does not say."""

service = Service(
    "kms",
    {
        KeyDisabled: ("DisabledException",),
        KeyPending: ("KMSInvalidStateException",),
        NoKey: ("NotFoundException",),
        BadCiphertext: ("InvalidCiphertextException",),
        WrongKey: ("IncorrectKeyException",),
        Exists: ("AlreadyExistsException",),
        LimitReached: ("LimitExceededException",),
        Invalid: ("ValidationException",),
    },
)


def named(ctx: Context, tx: Tx, key: str) -> Row:
    """A key by its id or ARN: many operations take no alias."""
    if key.startswith("alias/") or ":alias/" in key:
        raise NoKey(f"Invalid keyId {key}")
    return ctx[Keyring].find(tx, ctx.scope, key)


def lasting(row: Row) -> Row:
    """The key, unless it is to be deleted: then nothing of it is changed any more."""
    if row.status == PENDING:
        raise KeyPending(f"{row.arn} is pending deletion.")
    return row


def own(row: Row) -> Row:
    """The key, unless S3 manages it: then its holder cannot change it."""
    if row.doc["KeyManager"] != "CUSTOMER":
        raise WireError("AccessDeniedException", f"{row.arn} is an AWS managed key. Create one of your own.", 400)
    return row


async def change(ctx: Context, key: str, doc: Callable[[Row], Mapping[str, Any]], status: str | None = None) -> Row:
    """Changes some members of a key of one's own that is not to be deleted; `doc` may raise."""

    def write(tx: Tx) -> Row:
        row = own(lasting(named(ctx, tx, key)))
        return tx.update(row, doc={**row.doc, **doc(row)}, status=status)

    return await ctx[Rows].write(write)


def page(req: Req, found: Sequence[T], name: Callable[[T], str]) -> tuple[Sequence[T], dict[str, Any]]:
    """The page of things, in the order of their names, that a request wants, and what its answer says of the rest."""
    after: str = req.get("Marker", "")
    limit: int = req.get("Limit", MOST)
    left = sorted((each for each in found if name(each) > after), key=name)
    more = {"Truncated": len(left) > limit}
    return left[:limit], more | ({"NextMarker": name(left[limit - 1])} if len(left) > limit else {})


def refuse(req: Req) -> None:
    """Raises for what a request asks and nobody here does; `DryRunOperationException` for one that only asks."""
    for member in ("GrantTokens", "Recipient", "DryRunModifiers"):
        if req.get(member):
            raise Unserved(f"Potager's KMS has no grants and no enclaves. Leave out {member}.")


def dry(req: Req) -> None:
    """Ends a request that only asks whether it would succeed."""
    if req.get("DryRun"):
        raise WireError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
