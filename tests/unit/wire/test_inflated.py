"""Bodies that their clients compressed."""

from __future__ import annotations

import gzip

import pytest

from potager.kernel.errors import WireError
from potager.wire.message import Request
from potager.wire.payload import inflated

GZIP = Request("POST", "/", "", {"content-encoding": "gzip"})


def test_a_compressed_body_is_inflated_and_any_other_left_alone() -> None:
    assert inflated(GZIP, gzip.compress(b"a" * 1000, mtime=0), 1000) == b"a" * 1000
    assert inflated(Request("POST", "/", "", {}), b"plain", 3) == b"plain"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (gzip.compress(b"a" * 1001, mtime=0), "RequestEntityTooLarge"),
        (gzip.compress(bytes(10**8), mtime=0), "RequestEntityTooLarge"),
        (gzip.compress(b"abc", mtime=0)[:-5], "MalformedInput"),
        (b"no gzip", "MalformedInput"),
    ],
)
def test_what_is_too_large_or_no_gzip_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(WireError) as refused:
        inflated(GZIP, body, 1000)
    assert refused.value.code == code
