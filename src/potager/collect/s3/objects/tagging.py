"""Tags of objects, read and written apart from their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import tags, versions
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Entry, NoObject, Objects


@operation
async def get_object_tagging(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The tags of an object or of one version of it."""
    entry = await _found(ctx, req, "GET")
    shown = [{"Key": key, "Value": value} for key, value in tags.of(entry.doc).items()]
    return {"TagSet": shown, **await _version(ctx, req, entry)}


@operation
async def put_object_tagging(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Gives an object these tags and no others."""
    return await _tagged(ctx, req, tags.of_set(req["Tagging"]["TagSet"]), "PUT")


@operation
async def delete_object_tagging(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Takes all tags from an object."""
    return await _tagged(ctx, req, {}, "DELETE")


async def _tagged(ctx: Context, req: Req, wanted: Mapping[str, str], method: str) -> Mapping[str, Any]:
    version = versions.asked(req)
    try:
        entry = await ctx[Objects].describe(
            req["Bucket"],
            req["Key"],
            version,
            lambda found: replace(found, doc=tags.put(found.doc, wanted)),
            f"ObjectTagging:{method.capitalize()}",
        )
    except NoObject as error:
        raise _refused(error, method) from error
    return await _version(ctx, req, entry)


async def _found(ctx: Context, req: Req, method: str) -> Entry:
    try:
        return await ctx[Objects].head(req["Bucket"], req["Key"], versions.asked(req))
    except NoObject as error:
        raise _refused(error, method) from error


def _refused(error: NoObject, method: str) -> Exception:
    """A delete marker is there, and has no tags: S3 says that even to a request that names no version."""
    if error.marker is None:
        return error
    headers = {"Allow": "DELETE", "x-amz-delete-marker": "true", "x-amz-version-id": versions.name(error.marker)}
    return fault("MethodNotAllowed", Method=method, ResourceType="DeleteMarker", headers=headers)


async def _version(ctx: Context, req: Req, entry: Entry) -> dict[str, str]:
    return versions.shown(await ctx[Objects].bucket(req["Bucket"]), entry)
