"""Checksums that clients send, in a header or a trailer, and those that we send back.

A request names an algorithm (`ChecksumAlgorithm`), or a value (`ChecksumCRC32`), or announces a trailer that will hold
it. What arrives must match what was computed while the bytes passed: `BadDigest` otherwise, and nothing is kept.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from potager.collect.s3.faults import fault
from potager.kernel import digests
from potager.kernel.errors import Unserved

SERVED = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5")
_SAID = [(name, f"Checksum{name}", f"x-amz-checksum-{name.lower()}") for name in SERVED]
UNSERVED = ("XXHASH64", "XXHASH3", "XXHASH128")
FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
TYPES = {
    name: (FULL_OBJECT,) if name == "CRC64NVME" else (COMPOSITE, FULL_OBJECT)
    for name in ("CRC64NVME", "CRC32", "CRC32C")
}
"""Which types a multipart upload may have by algorithm, the default first; hashes are always composite."""


def algorithm(req: Mapping[str, Any], trailers: Mapping[str, str]) -> str | None:
    """The algorithm of a request's checksum; None without one, `InvalidRequest` for several."""
    given = {name for name, member, trailer in _SAID if member in req or trailer in trailers}
    if len(given) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise fault("InvalidRequest", text)
    return served(next(iter(given), None) or req.get("ChecksumAlgorithm") or _refused(req))


def _refused(req: Mapping[str, Any]) -> str | None:
    return next((name for name in UNSERVED if f"Checksum{name}" in req), None)


def served(name: str | None) -> str | None:
    """The algorithm, if we compute it."""
    if name in UNSERVED:
        raise Unserved(f"Potager does not serve checksums by {name}. Use CRC64NVME, or leave the choice to the SDK.")
    if name is not None and name not in SERVED:
        raise fault("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with a valid one.")
    return name


def names(*algorithms: str | None) -> tuple[str, ...]:
    """What is to be computed for an ETag and these algorithms, by the names of `potager.kernel.digests`."""
    return tuple(dict.fromkeys(["md5", *(each.lower() for each in algorithms if each)]))


def verify(req: Mapping[str, Any], trailers: Mapping[str, str], computed: Mapping[str, bytes]) -> None:
    """Holds the digests that a client gave against those of the bytes that arrived."""
    if (given := req.get("ContentMD5")) is not None and _raw(given, 16, "InvalidDigest") != computed["md5"]:
        raise fault("BadDigest", ExpectedDigest=given, CalculatedDigest=text(computed["md5"]))
    for name in SERVED:
        value = req.get(f"Checksum{name}") or trailers.get(f"x-amz-checksum-{name.lower()}")
        if value is not None and name.lower() in computed:
            _verify(name, value, computed[name.lower()])


def _verify(name: str, given: str, computed: bytes) -> None:
    if _raw(given, len(computed), "InvalidRequest", name) != computed:
        raise fault("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def _raw(value: str, size: int, code: str, name: str = "") -> bytes:
    try:
        raw = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        raise fault(code, f"Value for x-amz-checksum-{name.lower()} header is invalid." if name else None)
    return raw


def text(value: bytes) -> str:
    """A digest as it travels."""
    return b64encode(value).decode()


def trailing(promised: Iterable[str], trailers: Mapping[str, str]) -> dict[str, bytes]:
    """The digests that came behind the body, which the wire has computed and verified."""
    return {name: b64decode(trailers[f"x-amz-checksum-{name}"]) for name in promised}


def members(name: str | None, computed: Mapping[str, bytes]) -> dict[str, str]:
    """The computed checksum as the member of an output; none without an algorithm."""
    return {f"Checksum{name}": text(computed[name.lower()])} if name else {}


def of(doc: Mapping[str, Any]) -> dict[str, Any]:
    """The checksum members of a stored document."""
    return {key: value for key, value in doc.items() if key.startswith("Checksum")}


def of_part(doc: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """The checksum of one part of an object, with the type of the object's own; none where it has none."""
    found = of(part)
    return found | {"ChecksumType": doc["ChecksumType"]} if found and "ChecksumType" in doc else {}


def upload_type(name: str | None, given: str | None) -> str | None:
    """The type of a multipart upload's checksum: the one given, or the algorithm's default."""
    if name is None:
        return None
    possible = TYPES.get(name, (COMPOSITE,))
    if given is not None and given not in possible:
        raise fault(
            "InvalidRequest", f"The {given} checksum type cannot be used with the {name.lower()} checksum algorithm."
        )
    return given or possible[0]


def whole(name: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of a multipart object, from each part's checksum and size."""
    raw = [(b64decode(value), size) for value, size in parts]
    if kind == FULL_OBJECT:
        return text(digests.combined(name.lower(), raw))
    joined = b"".join(value for value, _ in raw)
    return f"{text(digests.of(joined, [name.lower()])[name.lower()])}-{len(parts)}"
