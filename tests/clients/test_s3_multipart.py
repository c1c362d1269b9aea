"""Multipart uploads through boto3."""

from __future__ import annotations

import hashlib
import io
import os
import time
import uuid
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.clients.road import until

MIB = 2**20


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def begin(s3: Any, bucket: str, key: str = "k", **more: Any) -> dict[str, str]:
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)
    return {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}


def part(s3: Any, upload: dict[str, str], number: int, body: bytes, **more: Any) -> dict[str, Any]:
    sent = s3.upload_part(**upload, PartNumber=number, Body=body, **more)
    return {"PartNumber": number, "ETag": sent["ETag"]}


def complete(s3: Any, upload: dict[str, str], parts: list[dict[str, Any]], **more: Any) -> Any:
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **more)


def test_a_big_file_goes_up_in_parts_and_comes_back_whole(s3: Any, bucket: str) -> None:
    data = os.urandom(20 * MIB + 17)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(data), bucket, "big", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
    head = s3.head_object(Bucket=bucket, Key="big")
    assert (head["ContentLength"], head["Metadata"], head["ETag"][-3:]) == (len(data), {"a": "b"}, '-5"')
    target = io.BytesIO()
    s3.download_fileobj(bucket, "big", target, Config=config)
    assert target.getvalue() == data
    span = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={5 * MIB - 3}-{10 * MIB + 3}")
    assert span["Body"].read() == data[5 * MIB - 3 : 10 * MIB + 4]


def test_the_etag_is_the_digest_of_the_parts_digests(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, ContentType="text/csv")
    first, second = os.urandom(5 * MIB), b"end"
    done = complete(s3, upload, [part(s3, upload, 1, first), part(s3, upload, 7, second)])
    joined = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(second).digest()).hexdigest()
    assert done["ETag"] == f'"{joined}-2"'
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/csv"
    last = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (last["Body"].read(), last["PartsCount"]) == (b"end", 2)
    assert last["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_completing_again_is_answered_alike(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    parts = [part(s3, upload, 1, b"x")]
    assert complete(s3, upload, parts)["ETag"] == complete(s3, upload, parts)["ETag"]


def test_a_part_sent_again_replaces_the_first_one_and_parts_left_out_are_gone(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    part(s3, upload, 1, b"old")
    part(s3, upload, 2, b"left out")
    complete(s3, upload, [part(s3, upload, 1, b"new")])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_parts_that_do_not_fit_are_refused(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    one, two = part(s3, upload, 1, b"small"), part(s3, upload, 2, b"last")
    refused = [
        ([two, one], "InvalidPartOrder"),
        ([one, one], "InvalidPartOrder"),
        ([{**one, "ETag": '"' + "0" * 32 + '"'}], "InvalidPart"),
        ([{**one, "PartNumber": 3}], "InvalidPart"),
        ([one, two], "EntityTooSmall"),
        ([], "MalformedXML"),
    ]
    for parts, expected in refused:
        with pytest.raises(ClientError) as caught:
            complete(s3, upload, parts)
        assert code(caught) == (expected, 400)
    with pytest.raises(ClientError) as caught:
        part(s3, upload, 10_001, b"x")
    assert code(caught) == ("InvalidArgument", 400)


def test_an_aborted_upload_is_gone(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    one = part(s3, upload, 1, b"x")
    assert s3.abort_multipart_upload(**upload)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for ask in (
        lambda: part(s3, upload, 2, b"y"),
        lambda: complete(s3, upload, [one]),
        lambda: s3.list_parts(**upload),
        lambda: s3.abort_multipart_upload(**upload),
    ):
        with pytest.raises(ClientError) as caught:
            ask()
        assert code(caught) == ("NoSuchUpload", 404)


def test_parts_and_uploads_are_listed_in_pages(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, "a/1")
    for number in (1, 2, 5):
        part(s3, upload, number, b"x" * number)
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [(each["PartNumber"], each["Size"]) for page in pages for each in page["Parts"]] == [(1, 1), (2, 2), (5, 5)]
    begin(s3, bucket, "a/1")
    begin(s3, bucket, "b")
    paginator = s3.get_paginator("list_multipart_uploads")
    found = [
        each for page in paginator.paginate(Bucket=bucket, PaginationConfig={"PageSize": 1}) for each in page["Uploads"]
    ]
    assert [each["Key"] for each in found] == ["a/1", "a/1", "b"]
    assert len({each["UploadId"] for each in found}) == 3
    folded = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in folded["CommonPrefixes"]] == ["a/"]
    assert [each["Key"] for each in folded["Uploads"]] == ["b"]


def test_a_page_of_no_parts_and_no_uploads_is_the_last_one(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    part(s3, upload, 1, b"x")
    assert not s3.list_parts(**upload, MaxParts=0)["IsTruncated"]
    assert not s3.list_multipart_uploads(Bucket=bucket, MaxUploads=0)["IsTruncated"]


def test_a_part_with_another_checksum_than_its_upload_leaves_no_file_after_the_upload(
    server: Any, s3: Any, bucket: str
) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    body = os.urandom(1000)
    with pytest.raises(ClientError) as caught:
        s3.upload_part(**upload, PartNumber=1, Body=body, ChecksumSHA1=b64encode(hashlib.sha1(body).digest()).decode())
    assert code(caught) == ("InvalidRequest", 400)
    s3.abort_multipart_upload(**upload)
    deadline = time.monotonic() + 5
    while body in (path.read_bytes() for path in (server.data / "blobs").glob("??/*")):
        assert time.monotonic() < deadline


def blob_files(server: Any) -> set[str]:
    return {path.name for path in (server.data / "blobs").glob("??/*")}


def test_an_object_of_parts_is_one_file_as_soon_as_it_is_complete(fresh_server: Any, tmp_path: Path) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="large")
    data = os.urandom(5 * 8 * MIB + 12345)
    (tmp_path / "large").write_bytes(data)
    s3.upload_file(str(tmp_path / "large"), "large", "k")
    until(lambda: len(blob_files(fresh_server)) == 1, "the removal of a last part that came first")
    (name,) = blob_files(fresh_server)
    path = fresh_server.data / "blobs" / name[:2] / name
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o444
    assert s3.get_object(Bucket="large", Key="k", PartNumber=6)["Body"].read() == data[-12345:]
    s3.copy({"Bucket": "large", "Key": "k"}, "large", "copy")
    until(lambda: blob_files(fresh_server) == {name}, "the removal of the empty file that the copy began with")
    s3.delete_object(Bucket="large", Key="k")
    assert s3.get_object(Bucket="large", Key="copy")["Body"].read() == data
    s3.delete_object(Bucket="large", Key="copy")
    until(lambda: not blob_files(fresh_server), "the removal of the file")


def test_a_server_killed_during_an_upload_loses_no_part(fresh_server: Any) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="large")
    data = os.urandom(15 * MIB + 7)
    upload = begin(s3, "large")
    done = [part(s3, upload, number, data[(number - 1) * 5 * MIB : number * 5 * MIB]) for number in (3, 1)]
    fresh_server.kill()
    fresh_server.start()
    done += [part(s3, upload, number, data[(number - 1) * 5 * MIB : number * 5 * MIB]) for number in (2, 4)]
    complete(s3, upload, sorted(done, key=lambda each: each["PartNumber"]))
    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == data
    s3.delete_object(Bucket="large", Key="k")
    until(lambda: not blob_files(fresh_server), "the removal of the files")


def test_parts_can_be_copied_from_objects_even_from_those_made_of_parts(s3: Any, bucket: str) -> None:
    data = os.urandom(12 * MIB)
    first = begin(s3, bucket, "source")
    complete(s3, first, [part(s3, first, 1, data[: 6 * MIB]), part(s3, first, 2, data[6 * MIB :])])
    upload = begin(s3, bucket, "target")
    source = {"Bucket": bucket, "Key": "source"}
    middle = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource=source, CopySourceRange=f"bytes={5 * MIB}-{11 * MIB - 1}"
    )
    whole = s3.upload_part_copy(**upload, PartNumber=2, CopySource=source)
    parts = [
        {"PartNumber": 1, "ETag": middle["CopyPartResult"]["ETag"]},
        {"PartNumber": 2, "ETag": whole["CopyPartResult"]["ETag"]},
    ]
    assert parts[1]["ETag"] == '"' + hashlib.md5(data).hexdigest() + '"'
    s3.delete_object(Bucket=bucket, Key="source")
    complete(s3, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="target")["Body"].read() == data[5 * MIB : 11 * MIB] + data
    with pytest.raises(ClientError) as caught:
        s3.upload_part_copy(
            **begin(s3, bucket),
            PartNumber=1,
            CopySource={"Bucket": bucket, "Key": "target"},
            CopySourceRange="bytes=0-99999999",
        )
    assert code(caught) == ("InvalidArgument", 400)


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_the_checksum_of_a_whole_upload_is_made_of_its_parts(s3: Any, bucket: str, kind: str) -> None:
    import zlib

    data = [os.urandom(5 * MIB), os.urandom(1000)]
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    parts: list[dict[str, Any]] = []
    for number, body in enumerate(data, 1):
        sent = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
    sums = b"".join(zlib.crc32(body).to_bytes(4, "big") for body in data)
    full = b64encode(zlib.crc32(b"".join(data)).to_bytes(4, "big")).decode()
    composite = b64encode(zlib.crc32(sums).to_bytes(4, "big")).decode() + "-2"
    done = complete(s3, upload, parts)
    assert done["ChecksumCRC32"] == (full if kind == "FULL_OBJECT" else composite)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (done["ChecksumCRC32"], kind)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(data)
    for number, sent in enumerate(parts, 1):
        one = s3.get_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        assert (one["ChecksumCRC32"], one["ChecksumType"]) == (sent["ChecksumCRC32"], kind)
        assert one["Body"].read() == data[number - 1]
