"""The table of S3's operations."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from potager.collect.s3 import naming
from potager.collect.s3.access import acls, admission, authorization, grants, permissions
from potager.collect.s3.buckets.records import acting
from potager.collect.s3.faults import fault, translated
from potager.collect.s3.objects import encryption
from potager.collect.s3.owners import owner as owner
from potager.kernel.context import Context
from potager.kernel.errors import Fault, Invalid, LimitReached, NotFound, Unserved, WireError
from potager.store.objects import Objects
from potager.wire.service import Service, operation_names

Req = dict[str, Any]
Output = Mapping[str, Any] | None
Handler = Callable[[Context, Req], Awaitable[Output]]

NOT_MOUNTED = frozenset(
    (
        "PutBucketVersioning",
        "PutBucketEncryption",
        "DeleteBucketEncryption",
        "PutBucketLifecycleConfiguration",
        "DeleteBucketLifecycle",
        "PutBucketNotificationConfiguration",
        "PutObjectTagging",
        "DeleteObjectTagging",
        "PutObjectAcl",
    )
)
"""Operations that a bucket which is mounted does not have: what they keep would have to lie beside the objects."""

service = Service("s3", {Invalid: ("InvalidArgument",)})


def operation(handler: Handler) -> Handler:
    """Registers an operation of S3, for those who may do it; what the store raises in it becomes S3's own error."""
    name = operation_names("s3").get(handler.__name__.rstrip("_"), "")
    handle = _with_lists(handler) if name in permissions.WRITES else handler

    method = handler.__name__.partition("_")[0].upper()
    other = name in NOT_MOUNTED

    @functools.wraps(handler)
    async def guarding(ctx: Context, req: Req) -> Output:
        guard, before = None, acting.set(ctx)
        try:
            if "Key" in req:
                naming.key(req["Key"])
            guard = await authorization.guard(ctx, name, req)
            if "ExpectedBucketOwner" in req:
                await check_owner(ctx, req["Bucket"], req["ExpectedBucketOwner"])
            if other:
                await _not_mounted(ctx, req["Bucket"], name)
            encryption.confidential(ctx, req)
            return await (handle(ctx, req) if guard is None else admission.admitted(guard, req, handle))
        except Fault as error:
            shown = translated(error, req, method)
            if not ctx.account:
                await _discreet(ctx, req, error, shown)
            raise (shown if guard is None else await guard.hidden(shown)) from error
        finally:
            acting.reset(before)

    return service.operation(guarding)


async def _discreet(ctx: Context, req: Req, error: Fault, shown: Fault) -> None:
    """Takes out of what a stranger is told where this server keeps things: folders, other stores, what these said."""
    if isinstance(error, LimitReached):
        shown.message = "There is no room for that."
    elif not isinstance(error, (WireError, NotFound)) and await ctx[Objects].mount(req.get("Bucket", "")) is not None:
        shown.message = "The place that the bucket is mounted from does not do that."


def _with_lists(handler: Handler) -> Handler:
    """The handler of what makes objects; it is told their ACL where the request gives one."""

    async def handle(ctx: Context, req: Req) -> Output:
        if not ctx.account:
            encryption.signed(ctx, (await ctx[Objects].bucket(req["Bucket"])).doc, req)
        if not grants.MEMBERS.isdisjoint(req):
            req = await grants.of_object(ctx, req)
        if acls.OF_OBJECT in req or req.get("Tagging"):
            await _not_mounted(ctx, req["Bucket"], "an object's ACL" if acls.OF_OBJECT in req else "an object's tags")
        return await handler(ctx, req)

    return handle


async def _not_mounted(ctx: Context, bucket: str, what: str) -> None:
    """`Unserved` where the bucket is mounted: there is no place for that beside its objects."""
    if (mount := await ctx[Objects].mount(bucket)) is not None:
        raise Unserved(f"The bucket '{bucket}' is {mount.where}, mounted: {what} is not for it.")


async def check_owner(ctx: Context, bucket: str, account: str) -> None:
    """`AccessDenied` when the bucket is another account's than the client expects."""
    if (await ctx[Objects].bucket(bucket)).account != account:
        raise fault("AccessDenied")
