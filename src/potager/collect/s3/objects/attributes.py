"""What an object carries beside its bytes: its headers and the user's metadata, and what we refuse to carry."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from potager.collect.s3.access import acls
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import tags
from potager.kernel.errors import Unserved

HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
CARRIED = (*HEADERS, "Metadata", "WebsiteRedirectLocation")
UNSERVED = {
    "WriteOffsetBytes": "appending to objects",
    "ObjectLockMode": "object lock",
    "ObjectLockRetainUntilDate": "object lock",
    "ObjectLockLegalHoldStatus": "object lock",
}
MOST_METADATA = 2048
"""Bytes of the user's metadata, keys and values."""


def described(req: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a request that its object carries."""
    refuse(req)
    doc = {name: _read(req[name]) for name in CARRIED if req.get(name) not in (None, "", {})}
    doc.setdefault("ContentType", "binary/octet-stream")
    if "ContentEncoding" in doc:
        _without_chunking(doc)
    if "Metadata" in doc:
        _check_metadata(doc["Metadata"])
    if req.get("StorageClass", "STANDARD") != "STANDARD":
        doc["StorageClass"] = req["StorageClass"]
    if acls.OF_OBJECT in req:
        doc[acls.OF_OBJECT] = req[acls.OF_OBJECT]
    return tags.put(doc, tags.of_header(req.get("Tagging")))


def _read(value: Any) -> Any:
    """A header's text. It was read byte by byte as Latin-1; bytes that are UTF-8 are meant as that, and go out so."""
    if isinstance(value, Mapping):
        return {name: _read(each) for name, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, str) and not value.isascii():
        with suppress(UnicodeError):
            return value.encode("latin-1").decode()
    return value


def shown(value: str) -> str:
    """A value of the user's metadata as it goes out: one that is not ASCII in the way of RFC 2047, as on S3."""
    return value if value.isascii() else f"=?UTF-8?B?{b64encode(value.encode('utf-8', 'surrogatepass')).decode()}?="


def refuse(req: Mapping[str, Any]) -> None:
    """Raises for what a request asks of an object and we do not do."""
    for member, what in UNSERVED.items():
        if req.get(member):
            raise Unserved(f"Potager does not serve {what}. Leave out {member}.")


def _without_chunking(doc: dict[str, Any]) -> None:
    """`aws-chunked` is how the bytes travelled, not what they are."""
    codings = [each.strip() for each in doc["ContentEncoding"].split(",")]
    kept = ",".join(each for each in codings if each and each != "aws-chunked")
    if kept:
        doc["ContentEncoding"] = kept
    else:
        del doc["ContentEncoding"]


def _check_metadata(metadata: Mapping[str, str]) -> None:
    size = sum(len(key.encode()) + len(value.encode("utf-8", "surrogatepass")) for key, value in metadata.items())
    if size > MOST_METADATA:
        raise fault("MetadataTooLarge", Size=size, MaxSizeAllowed=MOST_METADATA)
