"""Multipart uploads: begun, fed with parts, completed or aborted."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from potager.collect.s3 import naming
from potager.collect.s3.access import acls, authorization
from potager.collect.s3.buckets import expiry
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import attributes, checksums, conditions, encryption, ranges, tags, versions
from potager.collect.s3.objects.copying import origin, original
from potager.collect.s3.objects.receiving import LARGEST, announced, receive
from potager.collect.s3.service import Req, check_owner, operation
from potager.kernel import clock
from potager.kernel.context import Context
from potager.store import sealing
from potager.store.blobs import Blobs
from potager.store.objects import Entry, NoObject, Objects
from potager.store.seals import is_sealed
from potager.store.sites import SMALLEST
from potager.store.uploads import NoUpload, Part, Upload

LAST_NUMBER = 10_000
REPLACES = "_replaces"
"""In an upload's document: whether an object was there when it was begun, for conditions on its completion."""


@operation
async def create_multipart_upload(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Begins an upload. What is said of the object is said here."""
    if (mount := await ctx[Objects].mount(req["Bucket"])) is not None:
        mount.writable()
        mount.check_key(req["Key"])
    algorithm = checksums.served(req.get("ChecksumAlgorithm"))
    kind = checksums.upload_type(algorithm, req.get("ChecksumType"))
    doc = attributes.described(req)
    if algorithm:
        doc |= {"_algorithm": algorithm, "ChecksumType": kind}
    key = naming.key(req["Key"])
    wish = encryption.permitted(await ctx[Objects].bucket(req["Bucket"]), encryption.wish(req))
    doc |= sealing.member(await ctx[Objects].seal(req["Bucket"], key, wish))
    if await _there(ctx, req) is not None:
        doc[REPLACES] = True
    upload = await ctx[Objects].uploads.create(req["Bucket"], key, doc)
    described = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    described |= encryption.shown(req, doc) | encryption.context(req)
    return {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id, **described}


@operation
async def upload_part(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Keeps a part, in the place of an older one of that number."""
    upload = await found(ctx, req)
    attributes.refuse(req)
    number = _number(req)
    expected = upload.doc.get("_algorithm")
    uploads = ctx[Objects].uploads
    seal = await uploads.seal(upload, encryption.continuing(req, upload))
    with uploads.placing(upload, number, announced(req)) as place:
        write = functools.partial(ctx[Blobs].write, place=place, seal=seal)
        blob, given = await receive(ctx, req, expected, write=lambda chunks, digests: write(chunks, digests=digests))
        if expected and given not in (None, expected):
            ctx[Blobs].drop(blob)
            text = f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            raise fault("InvalidRequest", text + f"actual checksum Type: {str(given).lower()}")
        sums = checksums.members(expected or given, blob.digests)
        part = await uploads.put_part(upload, number, blob, sums)
    return {"ETag": f'"{part.etag}"', **sums, **encryption.shown(req, upload.doc)}


@operation
async def upload_part_copy(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Makes bytes of an object a part; they are read once for their digest, and not copied where both are plain."""
    upload = await found(ctx, req)
    bucket, key, version = origin(req["CopySource"])
    await authorization.reading(ctx, bucket, key, version, req)
    if "ExpectedSourceBucketOwner" in req:
        await check_owner(ctx, bucket, req["ExpectedSourceBucketOwner"])
    source = await original(ctx, bucket, key, version)
    conditions.readable(req, source, "CopySource")
    start, end = ranges.copied(req.get("CopySourceRange"), source.size)
    if end - start > LARGEST:
        raise fault("EntityTooLarge", ProposedSize=end - start, MaxSizeAllowed=LARGEST)
    algorithm = upload.doc.get("_algorithm")
    names = checksums.names(algorithm)
    customer, uploads = encryption.opening(req, source, "CopySource"), ctx[Objects].uploads
    seal = await uploads.seal(upload, encryption.continuing(req, upload))
    if seal is not None or is_sealed(source.blob) or await ctx[Objects].mount(bucket) is not None:
        content = await ctx[Objects].open(source, start, end, customer)
        blob = await ctx[Blobs].write(content, digests=names, seal=seal)
        part = await uploads.put_part(upload, _number(req), blob, checksums.members(algorithm, blob.digests))
    else:
        part = await uploads.copy_part(
            upload, _number(req), source, start, end, names, lambda digests: checksums.members(algorithm, digests)
        )
    return {
        "CopyPartResult": {"ETag": f'"{part.etag}"', "LastModified": part.modified, **part.doc},
        **encryption.shown(req, upload.doc),
        **versions.shown(await ctx[Objects].bucket(bucket), source, "CopySourceVersionId"),
    }


@operation
async def complete_multipart_upload(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Makes the listed parts the object, in one transaction. Completing again what is completed is answered alike."""
    conditional = conditions.conditional(req)
    try:
        upload = await found(ctx, req)
        entry = await ctx[Objects].complete(
            upload,
            lambda there: assembled(req, upload, there),
            functools.partial(_completable, req, upload) if conditional else None,
        )
    except NoUpload:
        entry = await _completed(ctx, req)
    place = {"Bucket": entry.bucket, "Key": entry.key, "Location": f"{ctx.url}/{entry.bucket}/{quote(entry.key)}"}
    version = {} if entry.version is None else {"VersionId": entry.version}
    told = {**checksums.of(entry.doc), **encryption.shown({}, entry.doc, customers=False), **version}
    return {**place, "ETag": f'"{entry.etag}"', **told, **await expiry.announced(ctx, entry)}


def _completable(req: Req, upload: Upload, there: Entry | None) -> None:
    conditions.completable(req, there, upload.initiated, upload.doc.get(REPLACES, False))


async def _completed(ctx: Context, req: Req) -> Entry:
    """The object that the upload has become: a client repeats a request whose answer it did not get."""
    entry = await _there(ctx, req)
    if entry is None or entry.doc.get("_upload") != req["UploadId"]:
        raise fault("NoSuchUpload", UploadId=req["UploadId"])
    return entry


async def _there(ctx: Context, req: Req) -> Entry | None:
    """The object that is there now."""
    try:
        return await ctx[Objects].head(req["Bucket"], req["Key"])
    except NoObject:
        return None


@operation
async def abort_multipart_upload(ctx: Context, req: Req) -> None:
    """Ends an upload without an object."""
    await ctx[Objects].uploads.abort(await found(ctx, req))


async def found(ctx: Context, req: Req) -> Upload:
    """The upload that a request is about."""
    return await ctx[Objects].uploads.find(req["Bucket"], req["Key"], req["UploadId"])


def _number(req: Req) -> int:
    if not 1 <= req["PartNumber"] <= LAST_NUMBER:
        text = f"Part number must be an integer between 1 and {LAST_NUMBER}, inclusive"
        raise fault("InvalidArgument", text, ArgumentName="partNumber", ArgumentValue=req["PartNumber"])
    return req["PartNumber"]


def assembled(req: Req, upload: Upload, there: Mapping[int, Part]) -> tuple[list[Part], Entry]:
    """The parts wanted, in order, and the object that they make."""
    wanted: Sequence[Mapping[str, Any]] = req.get("MultipartUpload", {}).get("Parts", ())
    if not wanted:
        raise fault("MalformedXML")
    _check_order([each.get("PartNumber", 0) for each in wanted])
    parts = [_part(upload, each, there) for each in wanted]
    _check_sizes(parts)
    size = sum(part.size for part in parts)
    if req.get("MpuObjectSize", size) != size:
        text = (
            f"The provided 'x-amz-mp-object-size' header value {req['MpuObjectSize']} does not match what was computed"
        )
        raise fault("InvalidRequest", f"{text}: {size}")
    doc, checksum = _summed(req, upload, parts)
    etag = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False).hexdigest()
    listed = [{"PartNumber": part.number, "Size": part.size, **part.doc} for part in parts]
    etag = f"{etag}-{len(parts)}"
    return parts, Entry(upload.bucket, upload.key, "", size, etag, clock.now(), checksum, doc, listed)


def _check_order(numbers: Sequence[int]) -> None:
    if any(after <= before for before, after in pairwise(numbers)):
        raise fault("InvalidPartOrder")


def _part(upload: Upload, wanted: Mapping[str, Any], there: Mapping[int, Part]) -> Part:
    number, etag = wanted.get("PartNumber", 0), wanted.get("ETag", "").strip('"')
    part = there.get(number)
    differs = part is None or part.etag != etag
    if part is None or differs or any(part.doc.get(key, value) != value for key, value in checksums.of(wanted).items()):
        raise fault("InvalidPart", UploadId=upload.id, PartNumber=number, ETag=etag)
    return part


def _check_sizes(parts: Sequence[Part]) -> None:
    for part in parts[:-1]:
        if part.size < SMALLEST:
            raise fault(
                "EntityTooSmall",
                ProposedSize=part.size,
                MinSizeAllowed=SMALLEST,
                PartNumber=part.number,
                ETag=part.etag,
            )


def _summed(req: Req, upload: Upload, parts: Sequence[Part]) -> tuple[dict[str, Any], str | None]:
    """The object's document with its checksum, and what a listing shows of that."""
    doc = {key: value for key, value in upload.doc.items() if not key.startswith(("_", "Checksum"))}
    doc = acls.passed_on(tags.put(doc, tags.of(upload.doc)), upload.doc) | {"_upload": upload.id}
    doc |= {name: upload.doc[name] for name in (sealing.MEMBER,) if name in upload.doc}
    algorithm, kind = upload.doc.get("_algorithm"), upload.doc.get("ChecksumType")
    if not algorithm or not kind:
        return doc, None
    if req.get("ChecksumType", kind) != kind:
        raise fault("InvalidRequest", f"The upload was created with the {kind} checksum type.")
    member = f"Checksum{algorithm}"
    total = checksums.whole(algorithm, kind, [(part.doc[member], part.size) for part in parts])
    if req.get(member, total) != total:
        raise fault("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    return doc | {member: total, "ChecksumType": kind}, f"{algorithm} {kind}"
