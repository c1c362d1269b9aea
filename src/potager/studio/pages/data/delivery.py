"""An object's bytes for the reader: to keep, or inside a page of ours.

Whatever an object says that it is, no browser takes it for a page: it comes as an attachment, or as a picture or a
sound, never sniffed, and in a sandbox in which nothing runs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import s3
from potager.studio.asking import Asking, asking
from potager.studio.pages.data.addresses import bucket_of, key_of

SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every answer with a user's bytes carries."""


async def download(request: Request) -> Response:
    """The object, or the version of it that `?version=` names, or the bytes of it that a Range header names."""
    said_of = await found(request)
    name = filename(key_of(request), said_of.get("ContentEncoding", ""))
    said = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return answer(said_of, "application/octet-stream", said)


async def found(request: Request) -> dict[str, Any]:
    """What GetObject answers; the range is passed over where it is of another state of the object (`If-Range`)."""
    ask, asked = asking(request), _asked(request)
    span, same = request.headers.get("range"), request.headers.get("if-range")
    if span is None or (same is not None and not same.startswith('"')):
        return await ask("s3", "GetObject", **asked)
    try:
        return await ask("s3", "GetObject", **asked, Range=span, IfMatch=same)
    except WireError as error:
        if error.code != "PreconditionFailed":
            raise
        return await ask("s3", "GetObject", **asked)


def _asked(request: Request) -> dict[str, Any]:
    return {"Bucket": bucket_of(request), "Key": key_of(request), "VersionId": request.query_params.get("version")}


def answer(got: dict[str, Any], kind: str, said: dict[str, str]) -> Response:
    """An answer with the bytes that GetObject gave. kind : the content type."""
    headers = {
        **SAFE,
        **said,
        "Content-Type": kind,
        "Content-Length": str(got["ContentLength"]),
        "Accept-Ranges": "bytes",
        "ETag": got["ETag"],
        "Last-Modified": _http(got["LastModified"]),
    }
    if "ContentRange" in got:
        headers["Content-Range"] = got["ContentRange"]
    return StreamingResponse(s3.sent(got["Body"]), 206 if "ContentRange" in got else 200, headers)


def _http(moment: Any) -> str:
    at = moment if isinstance(moment, datetime) else datetime.fromtimestamp(float(moment), UTC)
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def filename(key: str, encoding: str = "") -> str:
    """What a downloaded object is called: the last part of its key that is not empty."""
    name = next((part for part in reversed(key.split("/")) if part.strip(". ")), "object")
    return f"{name}.gz" if encoding == "gzip" and not name.endswith(".gz") else name


async def begin(ask: Asking, asked: dict[str, Any], size: int, most: int) -> bytes:
    """The first bytes of an object, `most` of them at most. size : the object's."""
    if not size:
        return b""
    found = await ask("s3", "GetObject", **asked, Range=f"bytes=0-{min(size, most) - 1}")
    return await s3.collected(found["Body"])


ROUTES = [Route("/data/{bucket}/download", download)]
