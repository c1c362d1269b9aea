"""Files that are sent from a browser, streamed into S3 as they arrive.

    small   PUT /upload?key=                                                          PutObject
    large   POST /uploads?key=   PUT /uploads/part?key=&upload=&number=   POST /uploads/complete   multipart

`static/upload.js` sends them. What is there already is refused (412) unless `&replace=yes` says otherwise: before the
bytes of a large file are sent, and again, for somebody else may be quicker, in the operation that makes the object.
"""

from __future__ import annotations

import mimetypes
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.pages.data.addresses import bucket_of, key_of

MOST_PARTS = 10_000
MOST_HEARD = 64 * 2**20
"""Bytes of a refused body that are read all the same."""


async def put(request: Request) -> Response:
    """Keeps the request's body as an object."""
    body = _body(request)
    asked = asking(request)("s3", "PutObject", **_named(request), **_described(request), Body=body)
    return await _heard(body, await _told(asked))


async def begin(request: Request) -> Response:
    """Begins a large object; its `UploadId`."""
    ask, named = asking(request), _named(request)
    if not _replacing(request) and await _there(ask, named):
        return _refused(WireError("PreconditionFailed", "An object of that name is there already.", 412))
    kind = {name: value for name, value in _described(request).items() if name != "IfNoneMatch"}
    return await _told(ask("s3", "CreateMultipartUpload", **named, **kind), "UploadId")


async def part(request: Request) -> Response:
    """Keeps the request's body as a part; its `ETag`."""
    number = request.query_params.get("number", "")
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:6]) <= MOST_PARTS):
        return _refused(WireError("InvalidArgument", f"A part's number is between 1 and {MOST_PARTS}."))
    place = {**_named(request), "UploadId": _upload(request), "PartNumber": int(number)}
    body = _body(request)
    return await _heard(body, await _told(asking(request)("s3", "UploadPart", **place, Body=body), "ETag"))


async def complete(request: Request) -> Response:
    """Makes the parts the object. The body: `{"parts": [etag, ...]}`, in their order."""
    try:
        etags: list[Any] = (await request.json())["parts"]
        parts = [{"PartNumber": number, "ETag": str(etag)} for number, etag in enumerate(etags, 1)]
    except (ValueError, LookupError, TypeError):
        return _refused(WireError("InvalidRequest", 'The body is `{"parts": [etag, ...]}`.'))
    place = {**_named(request), "UploadId": _upload(request), **_condition(request)}
    return await _told(asking(request)("s3", "CompleteMultipartUpload", **place, MultipartUpload={"Parts": parts}))


async def abort(request: Request) -> Response:
    """Ends a large object that nobody wants any more."""
    return await _told(
        asking(request)("s3", "AbortMultipartUpload", **_named(request), UploadId=_upload(request)),
    )


def _named(request: Request) -> dict[str, Any]:
    return {"Bucket": bucket_of(request), "Key": key_of(request)}


def _upload(request: Request) -> str:
    return request.query_params.get("upload", "")


def _replacing(request: Request) -> bool:
    return request.query_params.get("replace") == "yes"


def _condition(request: Request) -> dict[str, Any]:
    return {} if _replacing(request) else {"IfNoneMatch": "*"}


def _described(request: Request) -> dict[str, Any]:
    """The content type that the browser knows, else what the name says, and the condition."""
    said = request.headers.get("x-content-type", "")
    known = said or mimetypes.guess_type(key_of(request))[0] or "application/octet-stream"
    return {"ContentType": known, **_condition(request)}


def _body(request: Request) -> Body:
    """What is being sent, chunk by chunk; its length is that which the browser announced."""
    length = request.headers.get("content-length", "")
    return Body(aiter(request.stream()), int(length) if length.isdigit() else None)


async def _heard(body: Body, answer: Response) -> Response:
    """The answer, once what was still being sent has come: a browser reads none before, and would see a lost line."""
    left = MOST_HEARD if answer.status_code >= 400 else 0
    if left:
        async for chunk in body:
            left -= len(chunk)
            if left < 0:
                break
    return answer


async def _there(ask: Asking, named: dict[str, Any]) -> bool:
    try:
        await ask("s3", "HeadObject", **named)
    except WireError as error:
        if error.status != 404 or error.code == "NoSuchBucket":
            raise
        return False
    return True


async def _told(asked: Any, *members: str) -> Response:
    """What the operation answers of these members, or what is wrong, as JSON."""
    try:
        found = await asked
    except WireError as error:
        return _refused(error)
    return JSONResponse({name: found[name] for name in members})


def _refused(error: WireError) -> Response:
    text = "An object of that name is there already." if error.code == "PreconditionFailed" else error.message
    return JSONResponse({"code": error.code, "message": text}, error.status)


ROUTES = [
    Route("/data/{bucket}/upload", put, methods=["PUT"]),
    Route("/data/{bucket}/uploads", begin, methods=["POST"]),
    Route("/data/{bucket}/uploads", abort, methods=["DELETE"]),
    Route("/data/{bucket}/uploads/part", part, methods=["PUT"]),
    Route("/data/{bucket}/uploads/complete", complete, methods=["POST"]),
]
