"""Checksums and digests through boto3, in headers and in trailers."""

from __future__ import annotations

import hashlib
import os
import uuid
import zlib
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError

from potager.kernel import digests

ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def text(raw: bytes) -> str:
    return b64encode(raw).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_a_checksum_is_verified_kept_and_given_back(s3: Any, bucket: str, algorithm: str, size: int) -> None:
    body = os.urandom(size)
    expected = text(digests.of(body, [algorithm.lower()])[algorithm.lower()])
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, **{f"Checksum{algorithm}": expected})
    assert put[f"Checksum{algorithm}"] == expected
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[f"Checksum{algorithm}"], head["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="enabled")[f"Checksum{algorithm}"]  # C++'s SDK
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ([algorithm], "FULL_OBJECT")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_that_does_not_match_keeps_nothing(s3: Any, bucket: str, algorithm: str) -> None:
    wrong = text(digests.of(b"other", [algorithm.lower()])[algorithm.lower()])
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"this", **{f"Checksum{algorithm}": wrong})
    assert caught.value.response["Error"]["Code"] == "BadDigest"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_content_md5_is_verified(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=text(hashlib.md5(b"x").digest()))
    for given, expected in ((text(hashlib.md5(b"y").digest()), "BadDigest"), ("bm9uZQ==", "InvalidDigest")):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="bad", Body=b"x", ContentMD5=given)
        assert caught.value.response["Error"]["Code"] == expected


def test_a_part_of_an_object_comes_without_the_checksum_of_the_whole(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-3", ChecksumMode="ENABLED")
    assert "ChecksumCRC32" not in got
    assert got["Body"].read() == b"0123"


def test_a_copy_can_be_given_another_checksum(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    made = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"}, ChecksumAlgorithm="SHA256")
    assert made["CopyObjectResult"]["ChecksumSHA256"] == text(hashlib.sha256(b"x").digest())
    head = s3.head_object(Bucket=bucket, Key="c", ChecksumMode="ENABLED")
    assert "ChecksumCRC32" not in head
    kept = s3.copy_object(Bucket=bucket, Key="d", CopySource={"Bucket": bucket, "Key": "k"})
    assert kept["CopyObjectResult"]["ChecksumCRC32"] == text(zlib.crc32(b"x").to_bytes(4, "big"))


@pytest.mark.parametrize("many", [True, False])
def test_a_body_in_chunks_with_a_trailing_checksum_is_taken(server: Any, bucket: str, many: bool) -> None:
    """What boto3 sends over https; over http it is made to by hand."""
    import http.client
    from datetime import UTC, datetime
    from urllib.parse import urlsplit

    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    data = os.urandom(200_000)
    crc = text(zlib.crc32(data).to_bytes(4, "big"))
    half = len(data) // 2
    chunks = [data[:half], data[half:]] if many else [data]
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    body += f"0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    url = f"{server.url}/{bucket}/chunked"
    headers = {
        "Content-Encoding": "gzip,aws-chunked" if many else "aws-chunked",
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(len(data)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "Content-Length": str(len(body)),
        "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
    }
    request = AWSRequest("PUT", url, headers=headers, data=body)
    auth = S3SigV4Auth(server.session().get_credentials(), "s3", "us-east-1")
    auth.payload = lambda request: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"  # pyright: ignore[reportAttributeAccessIssue]
    auth.add_auth(request)
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    connection.request("PUT", place.path, body, dict(request.headers.items()))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    head = server.client("s3", region="us-east-1").head_object(Bucket=bucket, Key="chunked", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumCRC32"]) == (len(data), crc)
    assert head.get("ContentEncoding") == ("gzip" if many else None)
