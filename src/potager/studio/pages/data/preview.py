"""What is in an object, as far as its beginning tells: tables, text, pictures, sounds. Little is read of any."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import glimpse, parquet, s3
from potager.studio.asking import Asking, asking
from potager.studio.glimpse import Glimpse
from potager.studio.pages.data import delivery
from potager.studio.pages.data.addresses import address, bucket_of, key_of
from potager.studio.pages.data.kinds import kind_of, media_type
from potager.studio.views import page

LARGEST = 32 * 10**6
"""Bytes of a picture that is shown."""
STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"BM",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
    b"OggS",
    b"fLaC",
)
"""How pictures and sounds begin."""


async def show(request: Request) -> Response:
    """A fragment with the beginning of the object, or of the version that `?version=` names."""
    bucket, key, version = bucket_of(request), key_of(request), request.query_params.get("version")
    ask, named = asking(request), {"Bucket": bucket, "Key": key, "VersionId": version}
    head = await ask("s3", "HeadObject", **named)
    size, kind = head["ContentLength"], kind_of(key, head["ContentType"])
    begin = await delivery.begin(ask, named, size, glimpse.TEXT)
    raw = ""
    if kind in ("image", "audio"):
        found = Glimpse(notes=_media_notes(key, kind, begin, size))
        raw = "" if found.notes else address(bucket, "raw", key=key, version=version)
    elif kind == "parquet" and not _is_packed(begin):
        found = await parquet.look(lambda start, end: _bytes(ask, named, start, end), size)
    else:
        found = await asyncio.to_thread(read, begin, len(begin) == size, kind, key)
    return page(request, "data/preview.html", found=found, kind=kind, raw=raw, key=key, size_of=size)


def _media_notes(key: str, kind: str, begin: bytes, size: int) -> list[str]:
    """Why a picture or a sound is not shown."""
    if media_type(key) is None:
        return ["Packed pictures and sounds are not shown. Download it."]
    if not begin.startswith(STARTS) and begin[4:8] != b"ftyp":
        return [f"It does not begin as the {kind} that its name says: it is broken, or something else."]
    return ["It is too large to be shown. Download it."] if kind == "image" and size > LARGEST else []


def _is_packed(begin: bytes) -> bool:
    return begin.startswith(b"\x1f\x8b")


def read(begin: bytes, whole: bool, kind: str, key: str) -> Glimpse:
    """What the beginning of a file shows. whole : whether it is all of the file."""
    if not begin:
        return Glimpse(notes=["It is empty."])
    notes: list[str] = []
    if _is_packed(begin) or key.lower().endswith(".gz"):
        begin, whole, wrong = glimpse.inflated(begin, whole)
        notes += [wrong] if wrong else []
        if not begin:
            return Glimpse(notes=notes or ["It is empty, packed."])
    if kind == "parquet":
        return Glimpse(notes=["Parquet that is packed once more is not shown. Parquet packs by itself."])
    text, how = glimpse.decoded(begin, whole)
    if text is None:
        return Glimpse(notes=[*notes, "It is no text, and nothing that is shown here. Download it."])
    found = _read(text, whole, kind, key)
    found.notes = [*notes, *([how] if how else []), *found.notes]
    return found


def _read(text: str, whole: bool, kind: str, key: str) -> Glimpse:
    if kind == "csv":
        return glimpse.delimited(text, whole, "\t" if ".tsv" in key.lower()[-7:] else "")
    if kind == "jsonl":
        return glimpse.lines(text, whole)
    if kind == "json":
        return glimpse.document(text, whole)
    return Glimpse(text=text, notes=[] if whole else ["Only its beginning is shown."])


async def _bytes(ask: Asking, named: dict[str, Any], start: int, end: int) -> bytes:
    if start == end:
        return b""
    found = await ask("s3", "GetObject", **named, Range=f"bytes={start}-{end - 1}")
    return await s3.collected(found["Body"])


async def raw(request: Request) -> Response:
    """A picture's or a sound's bytes, for a page of ours: by its ending's content type, and in a sandbox."""
    kind = media_type(key_of(request))
    if kind is None:
        raise WireError("InvalidRequest", "Only pictures and sounds are shown as they are. Download the object.")
    return delivery.answer(await delivery.found(request), kind, {"Content-Disposition": "inline"})


ROUTES = [Route("/data/{bucket}/preview", show), Route("/data/{bucket}/raw", raw)]
