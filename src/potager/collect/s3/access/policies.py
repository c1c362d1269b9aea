"""Bucket policies and the public access block: put, shown and deleted.

A policy is kept as the text that was given, once it has been found to be one that fits its bucket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.access import circumstances, permissions, publicity
from potager.collect.s3.access.authorization import arn
from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.globs import glob, matches
from potager.kernel.policy import Malformed, Policy, Statement, fits, read
from potager.store.objects import Bucket, Objects

LONGEST = 20 * 1024
"""Bytes of a policy."""

_PRINCIPALS = {
    "*": re.compile(r"\*"),
    "AWS": re.compile(
        r"\*|[0-9]{12}|A[A-Z0-9]{15,127}|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[\w+=,.@/-]+)"
        r"|arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)"
        r"|arn:aws[a-z-]*:iam::cloudfront:user/[\w +=,.@/-]+"
    ),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
    "Service": re.compile(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)|[a-z0-9.-]+"),
    "Federated": re.compile(r"[\w./:-]+"),
}


@operation
async def put_bucket_policy(ctx: Context, req: Req) -> None:
    """Gives a bucket a policy; `MalformedPolicy` for a bad one, `AccessDenied` for a public one where blocked."""
    text = req["Policy"]

    def change(bucket: Bucket) -> Bucket:
        policy = checked(text, bucket)
        if publicity.block(bucket).policy and publicity.is_public(policy):
            why = (
                f'User: {ctx.caller.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{arn(bucket)}" '
                "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
            )
            raise fault("AccessDenied", why)
        return replace(bucket, doc={**bucket.doc, publicity.POLICY: text})

    await ctx[Objects].configure(req["Bucket"], change)


@operation
async def get_bucket_policy(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The policy's text as it was given."""
    return {"Policy": (await _with_policy(ctx, req)).doc[publicity.POLICY]}


@operation
async def delete_bucket_policy(ctx: Context, req: Req) -> None:
    """Takes the policy away; a bucket without one stays as it is."""
    await ctx[Objects].configure(req["Bucket"], lambda bucket: without(bucket, publicity.POLICY))


@operation
async def get_bucket_policy_status(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Whether the policy makes its bucket public."""
    bucket = await _with_policy(ctx, req)
    return {"PolicyStatus": {"IsPublic": publicity.is_public(publicity.policy(bucket))}}


async def _with_policy(ctx: Context, req: Req) -> Bucket:
    bucket = await ctx[Objects].bucket(req["Bucket"])
    if publicity.POLICY not in bucket.doc:
        raise fault("NoSuchBucketPolicy", BucketName=bucket.name)
    return bucket


def without(bucket: Bucket, name: str) -> Bucket:
    """A bucket that is no more configured in one respect."""
    return replace(bucket, doc={key: value for key, value in bucket.doc.items() if key != name})


def checked(text: str, bucket: Bucket) -> Policy:
    """The policy, if it fits its bucket; else `MalformedPolicy`."""
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise fault("MalformedPolicy", "Policy exceeds the maximum allowed document size.")
    try:
        policy = read(text)
        for statement in policy.statements:
            _check(statement, bucket)
    except Malformed as error:
        raise fault("MalformedPolicy", str(error)) from error
    return policy


def _check(statement: Statement, bucket: Bucket) -> None:
    for kind, name in statement.principals or ():
        if not _PRINCIPALS[kind].fullmatch(name):
            raise Malformed("Invalid principal in policy")
    kinds = [_kinds(pattern, bucket) for pattern in statement.resources or ()]
    of_buckets, of_objects = any(each[0] for each in kinds), any(each[1] for each in kinds)
    for pattern in statement.actions:
        on_buckets = any(fits(pattern, f"s3:{action}") for action in permissions.of_buckets())
        on_objects = any(fits(pattern, f"s3:{action}") for action in permissions.of_objects())
        if not (on_buckets or on_objects):
            raise Malformed("Policy has invalid action")
        if statement.not_action or statement.not_resource:
            continue
        if not ((on_buckets and of_buckets) or (on_objects and of_objects)):
            raise Malformed("Action does not apply to any resource(s) in statement")
    for condition in statement.conditions:
        _check_key(condition.key.lower())


def _kinds(pattern: str, bucket: Bucket) -> tuple[bool, bool]:
    """Whether a resource may be the bucket, and whether it may be objects of it."""
    root = arn(bucket).removesuffix(bucket.name)
    name, slash, _ = pattern.removeprefix(root).partition("/")
    found = glob(name, None)
    if not pattern.startswith(root) or found is None:
        raise Malformed("Policy has invalid resource")
    beyond = name.endswith("*") and not slash
    if not matches(found, bucket.name):
        raise Malformed("Policy has invalid resource")
    return not slash, bool(slash) or beyond


def _check_key(key: str) -> None:
    if key.startswith("aws:") or key in circumstances.known() or key.startswith(circumstances.FAMILIES):
        return
    raise Malformed("Policy has an invalid condition key")


@operation
async def put_public_access_block(ctx: Context, req: Req) -> None:
    """Sets the four blocks; those that are not named are off."""
    given = req["PublicAccessBlockConfiguration"]
    if not given:
        raise fault("InvalidRequest", "Must specify at least one configuration.")
    kept = {name: bool(given.get(name, False)) for name in publicity.MEMBERS}
    await _block(ctx, req, kept)


@operation
async def get_public_access_block(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The four blocks. `NoSuchPublicAccessBlockConfiguration` (404) once they were deleted."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    if bucket.doc.get(publicity.BLOCK) == {}:
        raise fault("NoSuchPublicAccessBlockConfiguration", BucketName=bucket.name)
    block = publicity.block(bucket)
    on = (block.acls, block.ignore_acls, block.policy, block.restrict_buckets)
    return {"PublicAccessBlockConfiguration": dict(zip(publicity.MEMBERS, on, strict=True))}


@operation
async def delete_public_access_block(ctx: Context, req: Req) -> None:
    """Turns all four blocks off."""
    await _block(ctx, req, {})


async def _block(ctx: Context, req: Req, kept: Mapping[str, bool]) -> None:
    def change(bucket: Bucket) -> Bucket:
        return replace(bucket, doc={**bucket.doc, publicity.BLOCK: dict(kept)})

    await ctx[Objects].configure(req["Bucket"], change)
