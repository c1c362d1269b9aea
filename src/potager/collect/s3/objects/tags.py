"""Tags of objects: what may be said in them, in a header or a document, and where they are kept.

They rest under `_tags` in an object's document, by key, and go along with a copy unless it says otherwise.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from potager.collect.s3.faults import fault

KEPT = "_tags"
MOST = 10
LONGEST_KEY, LONGEST_VALUE = 128, 256
_SIGNS = frozenset("_.:/=+-@")
_HEADER = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
    "duplicates."
)


def of(doc: Mapping[str, Any]) -> Mapping[str, str]:
    """The tags in a stored document."""
    return doc.get(KEPT, {})


def put(doc: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """The document with these tags and no others."""
    kept = {name: value for name, value in doc.items() if name != KEPT}
    return {**kept, KEPT: dict(tags)} if tags else kept


def of_header(header: str | None) -> dict[str, str]:
    """The tags of an `x-amz-tagging` header, which is written like a query."""
    pairs: list[tuple[str, str]] = []
    for pair in (header or "").split("&"):
        name, _, value = pair.partition("=")
        try:
            pairs += [(unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))] if pair else []
        except UnicodeDecodeError:
            pairs.append(("", ""))
    if len({name for name, _ in pairs}) < len(pairs) or any(not name for name, _ in pairs):
        raise fault("InvalidArgument", _HEADER, ArgumentName="x-amz-tagging", ArgumentValue=header)
    return checked(pairs)


def of_set(tags: Iterable[Mapping[str, str]], most: int = MOST, *texts: str) -> dict[str, str]:
    """The tags of a `TagSet`; `most` and `texts` are other than an object's for other things."""
    return checked([(tag["Key"], tag["Value"]) for tag in tags], most, *texts)


def checked(
    pairs: list[tuple[str, str]],
    most: int = MOST,
    what: str = "Object tags cannot",
    reserved: str = "Your TagKey cannot be prefixed with aws:",
) -> dict[str, str]:
    """The tags, if S3 takes them; else `BadRequest` for too many and `InvalidTag` for all else."""
    if len(pairs) > most:
        raise fault("BadRequest", f"{what} be greater than {most}")
    found: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= LONGEST_KEY or not _fits(key):
            raise fault("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > LONGEST_VALUE or not _fits(value):
            raise fault("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.lower().startswith("aws:"):
            raise fault("InvalidTag", reserved, TagKey=key)
        if key in found:
            raise fault("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        found[key] = value
    return found


def _fits(text: str) -> bool:
    """Letters, digits and spaces of any script, and a few signs."""
    return all(sign.isalnum() or sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ" for sign in text)
