"""PostObject: an object put by an HTML form.

    form ─► who signed its policy ─► policy ─► PutObject, by the same door that clients use ─► 204, 201 or a redirect

A form without a policy is nobody's: the bucket says whether nobody may put. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import encryption, forms
from potager.collect.s3.objects.receiving import LARGEST
from potager.collect.s3.service import service
from potager.kernel import clock
from potager.kernel.body import Body
from potager.kernel.context import Context
from potager.wire import formdata, formsign, model
from potager.wire.message import Request, Response
from potager.wire.protocols import element, rest_xml, xml
from potager.wire.protocols.shapes import Mistyped
from potager.wire.service import Visit

HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
)
"""Fields that are PutObject's headers of the same name, as those that begin with `x-amz-`."""
SIGNING = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature")
STATUSES = ("200", "201", "204")


@service.unmodelled("PostObject")
async def post_object(visit: Visit) -> Response:
    """Puts the file of a form."""
    form = await _read(visit.request)
    fields, bucket = dict(form.fields), visit.target.labels["Bucket"]
    if "key" not in fields:
        raise formsign.missing("key")
    if form.file is None:
        text = "POST requires exactly one file upload per request."
        raise fault("InvalidArgument", text, ArgumentName="file", ArgumentValue="0")
    fields["key"] = fields["key"].replace("${filename}", re.split(r"[/\\]", form.filename)[-1])
    ctx = await _signed(visit, fields)
    size = (0, LARGEST)
    if "policy" in fields:
        policy = forms.read(fields["policy"])
        policy.check({**fields, "bucket": bucket}, datetime.fromtimestamp(clock.now(), UTC))
        size = policy.size or size
    file = Body(_bounded(form.file, *size), framed=True)
    put = await ctx.call("s3", "PutObject", _members(fields, bucket, file))
    return _answer(visit, ctx, fields, bucket, put)


async def _read(request: Request) -> formdata.Form:
    mark = formdata.boundary(request.headers.get("content-type", ""))
    if mark is None:
        text = "Bucket POST must be of the enclosure-type multipart/form-data"
        raise fault("PreconditionFailed", Condition=text)
    try:
        return await formdata.read(request, mark)
    except formdata.Malformed as error:
        raise fault("MalformedPOSTRequest") from error
    except formdata.TooLarge as error:
        raise fault("MaxPostPreDataLengthExceededError") from error


async def _signed(visit: Visit, fields: Mapping[str, str]) -> Context:
    """The surroundings of whoever signed the form."""
    ctx = await visit.context(formsign.verify(fields, visit.secret_of))
    authentication = "POST" if ctx.account else ""
    return replace(ctx, origin=replace(ctx.origin, authentication=authentication))


def _members(fields: Mapping[str, str], bucket: str, file: Body) -> dict[str, Any]:
    """PutObject's members out of a form's fields, by the model."""
    headers = {
        name: value
        for name, value in fields.items()
        if (name in HEADERS or name.startswith("x-amz-")) and name not in SIGNING
    }
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tags(fields["tagging"])
    key = _text(fields["key"])
    labels = {"Bucket": bucket, "Key": key}
    return rest_xml.parse(model.operation("s3", "PutObject"), Request("PUT", "/", "", headers), file, labels)


def _text(value: str) -> str:
    """A field as UTF-8, whose bytes it carries."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise fault("InvalidArgument", "The field is not UTF-8.", ArgumentName="key", ArgumentValue=value) from error


def _tags(document: str) -> str:
    """The tags of a form's document as PutObject's header has them."""
    shape = model.operation("s3", "PutObjectTagging").input_shape
    read: dict[str, Any] = {}
    try:
        read = element.read(shape.members["Tagging"], xml.loads(document.encode("latin-1"))) if shape else read
    except (xml.NotXml, Mistyped) as error:
        raise fault("MalformedXML") from error
    return urlencode([(each.get("Key", ""), each.get("Value", "")) for each in read.get("TagSet", ())])


async def _bounded(file: Body, least: int, most: int) -> AsyncIterator[bytes]:
    """The file's bytes; raises as soon as they are more than the policy allows, or at the end when less."""
    size = 0
    try:
        async for chunk in file:
            size += len(chunk)
            if size > most:
                raise fault("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=most)
            yield chunk
    except formdata.Malformed as error:
        raise fault("MalformedPOSTRequest") from error
    if size < least:
        raise fault("EntityTooSmall", ProposedSize=size, MinSizeAllowed=least)


def _answer(visit: Visit, ctx: Context, fields: Mapping[str, str], bucket: str, put: Mapping[str, Any]) -> Response:
    key, etag = _text(fields["key"]), str(put["ETag"])
    place = f"{ctx.url}/{bucket}/{quote(key)}"
    headers = [("ETag", etag), ("Location", place), *encryption.headers(put)]
    if put.get("VersionId"):
        headers.append(("x-amz-version-id", str(put["VersionId"])))
    if target := _redirect(fields.get("success_action_redirect") or fields.get("redirect") or ""):
        query = urlencode({"bucket": bucket, "key": key, "etag": etag})
        return visit.respond(303, [("ETag", etag), ("Location", f"{target}{'&' if '?' in target else '?'}{query}")])
    status = fields.get("success_action_status", "")
    status = status if status in STATUSES else "204"
    return visit.respond(int(status), headers, _document(place, bucket, key, etag) if status == "201" else b"")


def _redirect(url: str) -> str:
    """Where a browser is sent, "" where that is no address of the web."""
    try:
        known = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return ""
    return url if known and url.isascii() and url.isprintable() else ""


def _document(place: str, bucket: str, key: str, etag: str) -> bytes:
    said = {"Location": place, "Bucket": bucket, "Key": key, "ETag": etag}
    inner = "".join(f"<{name}>{xml.escape(value)}</{name}>" for name, value in said.items())
    return f"{xml.DECLARATION}<PostResponse>{inner}</PostResponse>".encode("utf-8", "replace")
