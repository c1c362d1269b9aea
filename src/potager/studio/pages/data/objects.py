"""One object: what is known of it, its versions, and a link to share it."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.kernel.settings import Keys
from potager.studio.asking import Asking, asking
from potager.studio.pages.data.addresses import address, bucket_of, folder_of, key_of, name_in, trail
from potager.studio.pages.data.delivery import filename
from potager.studio.pages.data.kinds import TABLES, kind_of
from potager.studio.views import fragment, page

VERSIONS = 100
"""Versions that are shown, the youngest ones."""
EXPIRIES = ((3600, "an hour"), (86_400, "a day"), (604_800, "a week"))
"""Seconds that a shared link may be good for."""
HEADING = ("ContentLength", "LastModified", "ContentType", "ETag", "VersionId", "Metadata", "ResponseMetadata")
SKIPPED = (*HEADING, "AcceptRanges", "TagCount", "ChecksumType")


async def show(request: Request) -> Response:
    """The page: of the object, or of the version that `?version=` names. One that was deleted has its versions."""
    bucket, key, ask = bucket_of(request), key_of(request), asking(request)
    version = request.query_params.get("version")
    found, versions = await asyncio.gather(_known(ask, bucket, key, version), _versions(ask, bucket, key))
    if found is None and (version or not versions):
        raise WireError("NoSuchKey", f"The bucket '{bucket}' has no object '{key}'.", 404)
    folder = folder_of(key)
    kind = kind_of(key, found["ContentType"]) if found else ""
    uri = f"s3://{bucket}/{key}"
    return page(
        request,
        "data/object.html",
        bucket=bucket,
        key=key,
        uri=uri,
        name=name_in(key, folder),
        found=found,
        others={name: value for name, value in (found or {}).items() if name not in SKIPPED},
        tags=await _tags(ask, bucket, key, version) if found and found.get("TagCount") else {},
        versions=versions,
        shown=version or next((each["VersionId"] for each in versions if each["IsLatest"]), ""),
        trail=[(address(bucket, prefix=each), name) for each, name in trail(folder)],
        top=address(bucket),
        download=address(bucket, "download", key=key, version=version),
        preview=address(bucket, "preview", key=key, version=version),
        profile=address(bucket, "profile", key=key) if kind in TABLES and not version else "",
        train=f"/new/training-job?train={quote(uri, safe='')}" if kind in TABLES and not version else "",
        at=partial(address, bucket, key=key),
        expiries=EXPIRIES,
        programs=programs(bucket, key),
    )


def programs(bucket: str, key: str) -> dict[str, str]:
    """How a program gets the object, by the name of what it uses."""
    file = filename(key)
    return {
        "AWS CLI": f"aws s3api get-object --bucket {bucket} --key {shlex.quote(key)} {shlex.quote(file)}",
        "boto3": f'import boto3\n\ns3 = boto3.client("s3")\ns3.download_file({bucket!r}, {key!r}, {file!r})',
    }


async def _known(ask: Asking, bucket: str, key: str, version: str | None) -> dict[str, Any] | None:
    """What HeadObject tells; None where the object is not there, or is a delete marker."""
    try:
        return await ask("s3", "HeadObject", Bucket=bucket, Key=key, VersionId=version, ChecksumMode="ENABLED")
    except WireError as error:
        if error.status not in (404, 405):
            raise
        if error.code == "NoSuchBucket":
            raise
        return None


async def _tags(ask: Asking, bucket: str, key: str, version: str | None) -> dict[str, str]:
    found = await ask("s3", "GetObjectTagging", Bucket=bucket, Key=key, VersionId=version)
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


async def _versions(ask: Asking, bucket: str, key: str) -> list[dict[str, Any]]:
    """Versions and delete markers of the key, the youngest first; none where the bucket never kept any."""
    if not (await ask("s3", "GetBucketVersioning", Bucket=bucket)).get("Status"):
        return []
    found = await ask("s3", "ListObjectVersions", Bucket=bucket, Prefix=key, MaxKeys=VERSIONS)
    listed = [{**each, "marker": False} for each in found["Versions"]]
    listed += [{**each, "marker": True} for each in found["DeleteMarkers"]]
    own = [each for each in listed if each["Key"] == key]
    return sorted(own, key=lambda each: (each["IsLatest"], each["LastModified"]), reverse=True)


async def restore(request: Request) -> Response:
    """Makes the version that `?version=` names the current one, by a copy of it."""
    bucket, key, ask = bucket_of(request), key_of(request), asking(request)
    version = request.query_params.get("version", "")
    source = f"{bucket}/{quote(key, safe='')}?versionId={version}"
    await ask("s3", "CopyObject", Bucket=bucket, Key=key, CopySource=source)
    return RedirectResponse(address(bucket, "object", key=key), 303)


async def delete(request: Request) -> Response:
    """Deletes the object, or for good the version that `?version=` names."""
    bucket, key, version = bucket_of(request), key_of(request), request.query_params.get("version")
    ask = asking(request)
    await ask("s3", "DeleteObject", Bucket=bucket, Key=key, VersionId=version)
    if version and await _versions(ask, bucket, key):
        return RedirectResponse(address(bucket, "object", key=key), 303)
    return RedirectResponse(address(bucket, prefix=folder_of(key)), 303)


async def share(request: Request) -> Response:
    """A link that lets whoever has it fetch the object for as long as `expires` says, as a fragment."""
    bucket, key = bucket_of(request), key_of(request)
    given = str((await request.form()).get("expires", ""))
    seconds = next((each for each, _ in EXPIRIES if str(each) == given), EXPIRIES[0][0])
    head = await asking(request)("s3", "HeadBucket", Bucket=bucket)
    url = presigned(
        request.app.state.keys, str(request.base_url).rstrip("/"), head["BucketRegion"], bucket, key, seconds
    )
    dotted = bool({".", ".."} & set(key.split("/")))
    return Response(fragment(request, "data/shared.html", url=url, dotted=dotted), media_type="text/html")


def presigned(keys: Keys, server: str, region: str, bucket: str, key: str, seconds: int) -> str:
    """A URL of GetObject, signed with the server's keys. server : its URL."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("GET", f"{server}/{bucket}/{quote(key, safe='/~')}")
    signer = S3SigV4QueryAuth(Credentials(keys.access_key_id, keys.secret_access_key), "s3", region, expires=seconds)
    signer.add_auth(request)
    return str(request.url)


ROUTES = [
    Route("/data/{bucket}/object", show),
    Route("/data/{bucket}/restore", restore, methods=["POST"]),
    Route("/data/{bucket}/delete", delete, methods=["POST"]),
    Route("/data/{bucket}/share", share, methods=["POST"]),
]
