"""What buckets and keys may be called.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re

from potager.collect.s3.faults import fault

_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_BUCKET = re.compile(rf"(?=.{{3,63}}\Z){_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

LONGEST_KEY = 1024
"""Bytes of a key in UTF-8."""


def bucket(name: str) -> str:
    """The name, if a new bucket may have it; else `InvalidBucketName`."""
    whole = _BUCKET.fullmatch(name) and not _ADDRESS.fullmatch(name)
    if not whole or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        raise fault("InvalidBucketName", BucketName=name)
    return name


def prefix(text: str) -> str:
    """The beginning of keys, if keys may have it; else `InvalidRequest`."""
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_KEY:
        raise fault("InvalidRequest", f"The maximum size of a prefix is {LONGEST_KEY}.")
    return text


def key(name: str) -> str:
    """The key, if an object may have it; else `KeyTooLongError`."""
    if len(name) * 4 > LONGEST_KEY and (size := len(name.encode("utf-8", "surrogatepass"))) > LONGEST_KEY:
        raise fault("KeyTooLongError", Size=size, MaxSizeAllowed=LONGEST_KEY)
    return name
