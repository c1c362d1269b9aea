"""May this caller do that: the bucket's policy, then who owns it, then its ACLs.

    policy denies ────────────────────────────► no    but the owner may always mend the policy itself
    the bucket is the caller's account's ─────► yes
    policy allows ────────────────────────────► yes   unless it is public and the bucket restricts public policies
    an ACL allows ────────────────────────────► yes   unless the bucket ignores public ACLs, or has none
    nobody says anything ─────────────────────► no

A bucket's owner whose bucket has no policy passes before any of this is looked at. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from potager.collect.s3.access import acls, circumstances, permissions, publicity
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import tags
from potager.collect.s3.owners import canonical
from potager.kernel.context import Caller, Context
from potager.kernel.errors import Fault, NotFound, WireError
from potager.kernel.names import partition_of
from potager.kernel.policy import Asked, Decision, Principal
from potager.store.objects import Bucket, Entry, Objects

MENDING = frozenset(("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"))
"""What no policy can take from a bucket's owner."""
HIDING = {"NoSuchKey": "ListBucket", "NoSuchVersion": "ListBucketVersions"}
"""Answers that tell what a bucket does not hold, and the action that lets one know."""

EXPLICITLY = "with an explicit deny in a resource-based policy"


@dataclass(frozen=True)
class Guard:
    """One request about a bucket whose rights have to be looked at."""

    ctx: Context
    bucket: Bucket
    operation: str
    req: Mapping[str, Any]

    @cached_property
    def principal(self) -> Principal:
        return principal(self.ctx.caller)

    async def allows(self, action: str, key: str | None = None, version: str | None = None) -> str:
        """Why the caller may not do something to the bucket or to an object of it; "" when they may."""
        entry = await self._entry(action, key, version)
        owner, policy = self.ctx.account == self.bucket.account, publicity.policy(self.bucket)
        decision = policy.decide(self._asked(action, key, entry)) if policy else Decision.NONE
        if decision is Decision.DENY and not (owner and action in MENDING):
            return EXPLICITLY
        restricted = publicity.block(self.bucket).restrict_buckets and publicity.is_public(policy)
        if owner or (decision is Decision.ALLOW and not restricted):
            return ""
        if acls.allows(self.bucket, entry, action, self.principal):
            return ""
        return "because no resource-based policy allows the s3:" + action + " action"

    async def require(self, action: str, key: str | None = None, version: str | None = None) -> None:
        """`AccessDenied` when the caller may not do something."""
        why = await self.allows(action, key, version)
        if why and why != EXPLICITLY and key is not None and acls.decides(self.bucket, action):
            await self._tell_missing(key, version)
        if why:
            self.deny(action, key, why)

    async def _tell_missing(self, key: str, version: str | None) -> None:
        """`NoObject` to those who may know that the object, and with it its list, is not there."""
        if not await self.allows("ListBucket"):
            await self.ctx[Objects].head(self.bucket.name, key, version)

    def deny(self, action: str, key: str | None, why: str) -> NoReturn:
        """Raises `AccessDenied`, which says more to somebody of the bucket's own account."""
        if self.ctx.account != self.bucket.account:
            raise fault("AccessDenied")
        who, what = self.ctx.caller.arn, arn(self.bucket, key)
        raise fault(
            "AccessDenied", f'User: {who} is not authorized to perform: s3:{action} on resource: "{what}" {why}'
        )

    async def hidden(self, error: Fault) -> Fault:
        """The error, or `AccessDenied` where it would tell what the caller may not list."""
        action = HIDING.get(error.code) if isinstance(error, WireError) else None
        return fault("AccessDenied") if action and await self.allows(action) else error

    async def _entry(self, action: str, key: str | None, version: str | None) -> Entry | None:
        """The object, where its tags or its ACL decide."""
        policy = publicity.policy(self.bucket)
        tagged = policy is not None and policy.asks_for(circumstances.EXISTING_TAG)
        if key is None or not (tagged or acls.decides(self.bucket, action)):
            return None
        try:
            return await self.ctx[Objects].head(self.bucket.name, key, version)
        except NotFound:
            return None

    def _asked(self, action: str, key: str | None, entry: Entry | None) -> Asked:
        existing = tags.of(entry.doc) if entry else None
        values = circumstances.values(self.ctx, self.bucket, self.operation, self.req, existing)
        return Asked(self.principal, f"s3:{action}", arn(self.bucket, key), values)


def principal(caller: Caller) -> Principal:
    """The caller by all the names that a policy may have for them."""
    if not caller.account:
        return Principal()
    names = (caller.arn, circumstances.role_of(caller), caller.user_id, caller.user_id.partition(":")[0])
    return Principal(caller.account, (*names, canonical(caller.account)))


def arn(bucket: Bucket, key: str | None = None) -> str:
    """The ARN of a bucket or of an object in it."""
    place = bucket.name if key is None else f"{bucket.name}/{key}"
    return f"arn:{partition_of(bucket.region)}:s3:::{place}"


async def guard(ctx: Context, operation: str, req: Mapping[str, Any]) -> Guard | None:
    """What has to be asked before an operation on a bucket; None where its owner asks and nothing limits them.

    `AccessDenied` for an operation on no bucket by somebody who did not sign.
    """
    name = req.get("Bucket")
    if name is None or operation == "CreateBucket":
        if not ctx.account:
            raise fault("AccessDenied")
        return None
    return of(ctx, await ctx[Objects].bucket(name), operation, req)


def of(ctx: Context, bucket: Bucket, operation: str, req: Mapping[str, Any]) -> Guard | None:
    """As `guard`, of a bucket that is at hand."""
    if bucket.account == ctx.account and publicity.POLICY not in bucket.doc:
        return None
    return Guard(ctx, bucket, operation, req)


async def admit(guarded: Guard) -> None:
    """`AccessDenied` unless the caller may do all that an operation needs."""
    for action in permissions.actions(guarded.operation, guarded.req):
        await guarded.require(action, guarded.req.get("Key"), guarded.req.get("VersionId"))


async def reading(ctx: Context, bucket: str, key: str, version: str | None, req: Mapping[str, Any]) -> None:
    """`AccessDenied` unless the caller may read what a copy is made of; also where it is not there to be known."""
    guarded = of(ctx, await ctx[Objects].bucket(bucket), "GetObject", req)
    if guarded is None:
        return
    await guarded.require(permissions.versioned("GetObject") if version else "GetObject", key, version)
    if await guarded.allows("ListBucket"):
        try:
            await ctx[Objects].head(bucket, key, version)
        except NotFound as error:
            raise fault("AccessDenied") from error
