"""Manifests: objects that list the objects of a channel, and augmented ones that describe each of their records.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from potager.kernel import uris
from potager.kernel.errors import Fault, Invalid
from potager.store.objects import Objects

MAX_MANIFEST = 64 * 2**20
"""Bytes of a manifest that are read."""
REFERENCE = "-ref"
"""How an attribute's name ends whose value is the URI of an object, which is sent in its place."""


class BadInput(Fault):
    """The user's data or its description is at fault; the text follows `ClientError: ` in FailureReason."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an S3 URI; `BadInput` for anything else."""
    try:
        return uris.s3(uri)
    except Invalid as fault:
        raise BadInput(fault.message) from fault


async def fetch(objects: Objects, uri: str) -> bytes:
    """A manifest's bytes."""
    entry = await objects.head(*split_uri(uri))
    if entry.size > MAX_MANIFEST:
        raise BadInput(f"The manifest {uri} has {entry.size} bytes; at most {MAX_MANIFEST} are read.")
    return b"".join([chunk async for chunk in objects.read(entry)])


def manifest(uri: str, data: bytes) -> tuple[str, list[str]]:
    """The prefix and the relative names in a manifest, `[{"prefix": "s3://..."}, "name", ...]`."""
    try:
        head, *names = json.loads(data)
        base = head["prefix"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        message = f'The manifest {uri} is not a JSON list of {{"prefix": "s3://..."}} followed by names: {error}.'
        raise BadInput(message) from error
    bad = [name for name in names if not isinstance(name, str)]
    if bad or not isinstance(base, str):
        raise BadInput(f"The manifest {uri} holds {bad[:1] or base!r} where a text was expected.")
    return base, names


def record(uri: str, number: int, line: bytes, names: Sequence[str]) -> list[tuple[str, str]]:
    """The attributes called `names` in line `number` of an augmented manifest: each an object's URI or a text.

    A pair's first is "of" for a URI, "text" for anything else. A text is sent as it is, other values as JSON.
    """
    where = f"Line {number} of the augmented manifest {uri}"
    try:
        doc = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is not a JSON object: {error}.") from error
    if not isinstance(doc, dict):
        raise BadInput(f"{where} is not a JSON object.")
    attributes = cast("dict[str, Any]", doc)
    return [_attribute(where, attributes, name) for name in names]


def _attribute(where: str, doc: Mapping[str, Any], name: str) -> tuple[str, str]:
    if name not in doc:
        raise BadInput(f"{where} has no attribute '{name}', which AttributeNames asks for.")
    value = doc[name]
    if name.endswith(REFERENCE):
        if not isinstance(value, str):
            raise BadInput(f"{where}: the attribute '{name}' is {value!r}; its name says that it is an S3 URI.")
        return "of", value
    return "text", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
