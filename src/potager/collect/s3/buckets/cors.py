"""CORS: a bucket's configuration, a browser's preflight, and the headers of answers to pages of other origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.access.policies import without
from potager.collect.s3.buckets import sharing
from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation, service
from potager.kernel.context import Context, House
from potager.kernel.errors import NotFound, WireError
from potager.store.objects import Bucket, Objects
from potager.wire.message import Request, Response
from potager.wire.route import Target
from potager.wire.service import Visit

NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


@operation
async def put_bucket_cors(ctx: Context, req: Req) -> None:
    """Sets which pages may use a bucket."""
    rules = sharing.checked(req["CORSConfiguration"].get("CORSRules", ()))

    def change(bucket: Bucket) -> Bucket:
        return replace(bucket, doc={**bucket.doc, sharing.CORS: {"CORSRules": rules}})

    await ctx[Objects].configure(req["Bucket"], change)


@operation
async def get_bucket_cors(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The rules as they were given. `NoSuchCORSConfiguration` (404) where there are none."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    if not sharing.rules(bucket):
        raise fault("NoSuchCORSConfiguration", BucketName=bucket.name)
    return {"CORSRules": sharing.rules(bucket)}


@operation
async def delete_bucket_cors(ctx: Context, req: Req) -> None:
    """Has no page of another origin use a bucket."""
    await ctx[Objects].configure(req["Bucket"], lambda bucket: without(bucket, sharing.CORS))


@service.unmodelled("PreflightRequest")
async def preflight(visit: Visit) -> Response:
    """What a browser asks before it lets a page send a request: whether a rule fits. Nobody signs that."""
    headers = visit.request.headers
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if not origin:
        raise WireError("BadRequest", "Insufficient information. Origin request header needed.", 400)
    if method not in sharing.METHODS:
        raise WireError("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}", 400)
    kind = "OBJECT" if visit.target.labels.get("Key") else "BUCKET"
    try:
        bucket = await visit.house[Objects].bucket(visit.target.labels["Bucket"])
    except NotFound as error:
        raise _forbidden("CORSResponse: Bucket not found", method, "BUCKET") from error
    if not sharing.rules(bucket):
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method, kind)
    found = sharing.allowed(bucket, origin, method, sharing.names(headers.get("access-control-request-headers")))
    if found is None:
        raise _forbidden(NOT_ALLOWED, method, kind)
    return visit.respond(200, found)


def _forbidden(text: str, method: str, kind: str) -> WireError:
    return WireError("AccessForbidden", text, 403, fields={"Method": method, "ResourceType": kind})


@service.finishing
async def shared(house: House, request: Request, target: Target, response: Response) -> None:
    """Tells a browser whether a page of another origin may read an answer, a good or a bad one."""
    origin, name = request.headers.get("origin"), target.labels.get("Bucket")
    if not origin or not name or request.method == "OPTIONS":
        return
    try:
        bucket = await house[Objects].bucket(name)
    except NotFound:
        return
    if sharing.rules(bucket):
        method = request.headers.get("access-control-request-method", request.method)
        response.headers += sharing.allowed(bucket, origin, method) or ()
