"""S3's pure rules: names, ranges, conditions, checksums."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.collect.s3 import naming
from potager.collect.s3.faults import TABLE, fault
from potager.collect.s3.objects import attributes, checksums, conditions, copying, ranges
from potager.kernel import digests
from potager.kernel.errors import Unserved, WireError
from potager.store.objects import Entry

ENTRY = Entry("b", "k", "id", 10, "abc", 1000.5)


@pytest.mark.parametrize("name", ["abc", "a.b-c", "0" * 63, "sagemaker-us-east-1-000000000000"])
def test_a_good_bucket_name_is_taken(name: str) -> None:
    assert naming.bucket(name) == name


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", "a..b", "10.0.0.1", "xn--ab", "ab-s3alias", "a/b", "abc\n", "äbc"],
)
def test_a_bad_bucket_name_is_refused(name: str) -> None:
    with pytest.raises(WireError) as caught:
        naming.bucket(name)
    assert caught.value.code == "InvalidBucketName"


def test_a_key_is_measured_in_bytes() -> None:
    assert naming.key("ü" * 512)
    for key in ("ü" * 513, "x" * 1025):
        with pytest.raises(WireError):
            naming.key(key)


@given(first=st.none() | st.integers(0, 30), last=st.none() | st.integers(0, 30), size=st.integers(0, 20))
def test_a_range_takes_the_bytes_that_slicing_takes(first: int | None, last: int | None, size: int) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    data = bytes(range(size))
    suffix = data[-last:] if last else b""
    expected = suffix if first is None else data[first : None if last is None else last + 1]
    try:
        found = ranges.span(header, size)
    except WireError as error:
        assert (error.status, error.headers["Content-Range"], expected) == (416, f"bytes */{size}", b"")
        return
    if found is None:
        assert (first, last) == (None, None) or (first is not None and last is not None and last < first)
    else:
        assert data[found[0] : found[1]] == expected != b""


@pytest.mark.parametrize("header", [None, "", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "items=1-2"])
def test_a_range_that_is_none_is_passed_over(header: str | None) -> None:
    assert ranges.span(header, 10) is None


def test_a_number_that_python_would_not_read_is_a_place_like_any_other() -> None:
    far = "9" * 5000
    assert ranges.span(f"bytes=2-{far}", 10) == (2, 10)
    assert ranges.span(f"bytes=-{far}", 10) == (0, 10)
    assert ranges.span(f"bytes={'0' * 5000}2-4", 10) == (2, 5)
    for refused, code in (
        (lambda: ranges.span(f"bytes={far}-", 10), "InvalidRange"),
        (lambda: ranges.copied(f"bytes=0-{far}", 10), "InvalidArgument"),
    ):
        with pytest.raises(WireError) as caught:
            refused()
        assert caught.value.code == code


@pytest.mark.parametrize("header", ["bytes=1-", "bytes=-5", "bytes=5-1", "1-5"])
def test_a_copied_range_must_be_said_in_full(header: str) -> None:
    with pytest.raises(WireError) as caught:
        ranges.copied(header, 10)
    assert caught.value.code == "InvalidArgument"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("conditional", "status"),
    [
        ({}, 200),
        ({"IfMatch": '"abc"'}, 200),
        ({"IfMatch": '"x", "abc"'}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": '"x"'}, 412),
        ({"IfNoneMatch": '"x"'}, 200),
        ({"IfNoneMatch": 'W/"abc"'}, 304),
        ({"IfModifiedSince": at(1000)}, 304),
        ({"IfModifiedSince": at(999)}, 200),
        ({"IfUnmodifiedSince": at(1000)}, 200),
        ({"IfUnmodifiedSince": at(999)}, 412),
        ({"IfMatch": '"abc"', "IfUnmodifiedSince": at(1)}, 200),
        ({"IfNoneMatch": '"x"', "IfModifiedSince": at(5000)}, 200),
        ({"IfNoneMatch": '"abc"', "IfModifiedSince": at(1)}, 304),
    ],
)
def test_conditions_are_held_in_their_order(conditional: dict[str, Any], status: int) -> None:
    for prefix in ("", "CopySource"):
        given = {prefix + name: value for name, value in conditional.items()}
        expected = 412 if prefix and status == 304 else status
        if expected == 200:
            conditions.readable(given, ENTRY, prefix)
            continue
        with pytest.raises(WireError) as caught:
            conditions.readable(given, ENTRY, prefix)
        assert caught.value.status == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/b/k", ("b", "k", None)),
        ("b/a/b//c", ("b", "a/b//c", None)),
        ("b/%C3%BC%20%2B%3FversionId%3D1", ("b", "ü +?versionId=1", None)),
        ("b/k+l", ("b", "k+l", None)),
        ("b/k?versionId=null", ("b", "k", "null")),
    ],
)
def test_a_copy_source_is_bucket_and_key_and_version(source: str, expected: tuple[str, str, str | None]) -> None:
    assert copying.origin(source) == expected


@pytest.mark.parametrize("source", ["", "/", "b", "b/", "/b", "arn:aws:s3:us-east-1:1:accesspoint/x/object/k"])
def test_a_copy_source_without_a_key_is_refused(source: str) -> None:
    with pytest.raises(WireError) as caught:
        copying.origin(source)
    assert caught.value.code == "InvalidArgument"


def test_metadata_that_is_not_ascii_goes_out_as_rfc_2047_has_it() -> None:
    """However it came: as the bytes of UTF-8, which the wire reads as Latin-1, or as characters."""
    for sent in ("Zoë".encode().decode("latin-1"), "Zoë"):
        kept = attributes.described({"Metadata": {"name": sent}})["Metadata"]
        assert (kept["name"], attributes.shown(kept["name"])) == ("Zoë", "=?UTF-8?B?Wm/Dqw==?=")
    assert attributes.shown("plain") == "plain"


def test_a_request_says_one_checksum_or_none() -> None:
    assert checksums.algorithm({}, {}) is None
    assert checksums.algorithm({"ChecksumAlgorithm": "SHA1"}, {}) == "SHA1"
    assert checksums.algorithm({"ChecksumCRC32": "x", "ChecksumAlgorithm": "CRC32"}, {}) == "CRC32"
    assert checksums.algorithm({}, {"x-amz-checksum-crc64nvme": ""}) == "CRC64NVME"
    with pytest.raises(WireError):
        checksums.algorithm({"ChecksumCRC32": "x", "ChecksumSHA1": "y"}, {})
    with pytest.raises(Unserved):
        checksums.algorithm({"ChecksumXXHASH64": "x"}, {})


def test_a_trailer_is_verified_like_a_header() -> None:
    computed = digests.of(b"x", ["md5", "crc32"])
    good = b64encode(computed["crc32"]).decode()
    checksums.verify({}, {"x-amz-checksum-crc32": good}, computed)
    for bad, code in (("AAAAAA==", "BadDigest"), ("AAAA", "InvalidRequest"), ("?", "InvalidRequest")):
        with pytest.raises(WireError) as caught:
            checksums.verify({}, {"x-amz-checksum-crc32": bad}, computed)
        assert caught.value.code == code


@pytest.mark.parametrize("name", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_full_checksum_of_parts_is_that_of_the_whole(name: str) -> None:
    parts = [b"one", b"", b"three"]
    summed = [(checksums.text(digests.of(part, [name.lower()])[name.lower()]), len(part)) for part in parts]
    whole = checksums.text(digests.of(b"".join(parts), [name.lower()])[name.lower()])
    assert checksums.whole(name, "FULL_OBJECT", summed) == whole


def test_a_hash_of_parts_is_composite() -> None:
    assert checksums.upload_type("SHA256", None) == "COMPOSITE"
    assert checksums.upload_type("CRC64NVME", None) == "FULL_OBJECT"
    assert checksums.upload_type(None, None) is None
    for name, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        with pytest.raises(WireError):
            checksums.upload_type(name, kind)


def test_an_object_carries_what_was_said_and_no_empty_words() -> None:
    doc = attributes.described(
        {"ContentEncoding": "gzip, aws-chunked", "CacheControl": "", "Metadata": {}, "ACL": "private"}
    )
    assert doc == {"ContentEncoding": "gzip", "ContentType": "binary/octet-stream"}
    assert "ContentEncoding" not in attributes.described({"ContentEncoding": "aws-chunked"})
    assert "ServerSideEncryption" not in attributes.described({"ServerSideEncryption": "aws:kms"})


def test_metadata_in_utf_8_is_read_as_such() -> None:
    sent = "Kürbis/コード".encode().decode("latin-1")  # as the gateway reads a header's bytes
    doc = attributes.described({"Metadata": {"a": sent, "b": "ü"}, "ContentDisposition": f'inline; filename="{sent}"'})
    assert doc["Metadata"] == {"a": "Kürbis/コード", "b": "ü"}
    assert doc["ContentDisposition"] == 'inline; filename="Kürbis/コード"'


def test_every_error_has_a_text_and_a_status_of_its_kind() -> None:
    for code, (status, text) in TABLE.items():
        assert 304 <= status <= 507
        assert text
        assert fault(code).code == code
