"""Folders and objects of a bucket, as its keys make them, and deleting several."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.pages.data.addresses import address, bucket_of, keys_of, name_in, trail
from potager.studio.pages.data.configuration import known
from potager.studio.views import page, wanted

PAGE = 100
"""Folders and objects of a page."""
BATCH = 1000
"""Keys of one DeleteObjects."""
MOST = 20_000
"""Objects that one deletion of folders deletes; what is left is told."""


async def show(request: Request) -> Response:
    """A page of what is in a folder: `?prefix=2024/&starts=jan&next=...`."""
    bucket, query, ask = bucket_of(request), request.query_params, asking(request)
    folder, starts = query.get("prefix", ""), query.get("starts", "")
    found, settled = await asyncio.gather(
        ask(
            "s3",
            "ListObjectsV2",
            Bucket=bucket,
            Prefix=folder + starts,
            Delimiter="/",
            MaxKeys=PAGE,
            ContinuationToken=query.get("next"),
        ),
        known(ask, bucket),
    )
    following = found.get("NextContinuationToken")
    listed: dict[str, Any] = {
        "bucket": bucket,
        "known": settled,
        "folder": folder,
        "starts": starts,
        "folders": [
            (address(bucket, prefix=each["Prefix"]), each["Prefix"], name_in(each["Prefix"], folder))
            for each in found["CommonPrefixes"]
        ],
        "objects": [
            (address(bucket, "object", key=each["Key"]), name_in(each["Key"], folder), each)
            for each in found["Contents"]
        ],
        "next": following and address(bucket, prefix=folder, starts=starts, next=following),
        "first": address(bucket, prefix=folder, starts=starts) if query.get("next") else "",
        "removal": address(bucket, "remove", prefix=folder),
    }
    if wanted(request):
        return page(request, "data/rows.html", **listed)
    return page(
        request,
        "data/bucket.html",
        **listed,
        here=address(bucket, prefix=folder),
        top=address(bucket),
        settings=address(bucket, "settings"),
        train=folder and f"/new/training-job?train={quote(f's3://{bucket}/{folder}', safe='')}",
        trail=[(address(bucket, prefix=each), name) for each, name in trail(folder)],
        left=query.get("left"),
        most=MOST,
    )


async def remove(request: Request) -> Response:
    """Deletes the objects that the form names, and all that is in the folders that it names."""
    bucket, ask, form = bucket_of(request), asking(request), await request.form()
    folder = request.query_params.get("prefix")
    await _deleted(ask, bucket, keys_of(form, "key"))
    left = await _emptied(ask, bucket, keys_of(form, "folder"))
    return RedirectResponse(address(bucket, prefix=folder, left="yes" if left else None), 303)


async def _emptied(ask: Asking, bucket: str, folders: Sequence[str]) -> bool:
    """Deletes what is in the folders, up to `MOST`; whether there is more."""
    done = 0
    for folder in folders:
        while done < MOST:
            found = await ask("s3", "ListObjectsV2", Bucket=bucket, Prefix=folder, MaxKeys=BATCH)
            await _deleted(ask, bucket, [each["Key"] for each in found["Contents"]])
            done += len(found["Contents"])
            if not found["IsTruncated"]:
                break
        else:
            return True
    return False


async def _deleted(ask: Asking, bucket: str, keys: Sequence[str]) -> None:
    """Deletes objects; the first that cannot be deleted is told of."""
    for start in range(0, len(keys), BATCH):
        wanted_keys = [{"Key": key} for key in keys[start : start + BATCH]]
        found = await ask("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": wanted_keys, "Quiet": True})
        for error in found.get("Errors", ()):
            text = f"{error['Key']} was not deleted: {error.get('Message', '')}"
            raise WireError(error.get("Code", "InternalError"), text)


ROUTES = [Route("/data/{bucket}", show), Route("/data/{bucket}/remove", remove, methods=["POST"])]
