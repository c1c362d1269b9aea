"""GetObjectAttributes through boto3, and what S3 says to requests that are no such thing."""

from __future__ import annotations

import hashlib
import os
import uuid
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
MIB = 2**20


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def upload(s3: Any, bucket: str, bodies: list[bytes], **more: Any) -> list[dict[str, Any]]:
    begun = {"Bucket": bucket, "Key": "k"}
    begun["UploadId"] = s3.create_multipart_upload(**begun, **more)["UploadId"]
    parts: list[dict[str, Any]] = []
    for number, data in enumerate(bodies, 1):
        sent = s3.upload_part(**begun, PartNumber=number, Body=data, **(more and {"ChecksumAlgorithm": "SHA256"}))
        sums = {name: value for name, value in sent.items() if name == "ChecksumSHA256"}
        parts.append({"PartNumber": number, "ETag": sent["ETag"], **sums})
    s3.complete_multipart_upload(**begun, MultipartUpload={"Parts": parts})
    return parts


def test_of_a_plain_object_all_is_told_that_it_has(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=ALL)
    assert found["ETag"] == hashlib.md5(b"x").hexdigest()
    assert (found["ObjectSize"], found["StorageClass"]) == (1, "STANDARD_IA")
    assert found["Checksum"] == {
        "ChecksumSHA256": b64encode(hashlib.sha256(b"x").digest()).decode(),
        "ChecksumType": "FULL_OBJECT",
    }
    assert "ObjectParts" not in found
    assert found["LastModified"] == s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    few = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])
    assert {name for name in ALL if name in few} == {"ObjectSize"}


def test_parts_that_have_checksums_are_told_page_by_page(s3: Any, bucket: str) -> None:
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    parts = upload(s3, bucket, bodies, ChecksumAlgorithm="SHA256")
    first = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=ALL, MaxParts=2)
    pages = [first["ObjectParts"]]
    assert (pages[0]["TotalPartsCount"], pages[0]["IsTruncated"], pages[0]["NextPartNumberMarker"]) == (3, True, 2)
    more = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"], PartNumberMarker=2)
    pages.append(more["ObjectParts"])
    assert not pages[1]["IsTruncated"]
    assert [part for page in pages for part in page["Parts"]] == [
        {"PartNumber": part["PartNumber"], "Size": len(data), "ChecksumSHA256": part["ChecksumSHA256"]}
        for part, data in zip(parts, bodies, strict=True)
    ]
    assert first["Checksum"]["ChecksumType"] == "COMPOSITE"
    assert "-" not in first["Checksum"]["ChecksumSHA256"]


def test_of_parts_without_checksums_their_number_is_told(s3: Any, bucket: str) -> None:
    upload(s3, bucket, [b"x"])
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])
    assert found["ObjectParts"]["TotalPartsCount"] == 1


def test_a_version_has_attributes_and_a_marker_has_none(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"22")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", VersionId=version, ObjectAttributes=["ObjectSize"])
    assert (found["ObjectSize"], found["VersionId"]) == (1, version)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for named, code in (({}, "NoSuchKey"), ({"VersionId": marker}, "MethodNotAllowed")):
        with pytest.raises(ClientError) as caught:
            s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag"], **named)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"


def test_a_request_that_names_no_attribute_or_an_unknown_one_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for given, code in (([], "InvalidRequest"), (["Colour"], "InvalidArgument")):
        with pytest.raises(ClientError) as caught:
            s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=given)
        assert caught.value.response["Error"]["Code"] == code


def test_a_storage_class_that_is_none_and_a_document_that_does_not_fit_have_codes_of_their_own(
    s3: Any, bucket: str
) -> None:
    calls = [
        (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="COLD"), "InvalidStorageClass"),
        (
            lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "On"}),
            "MalformedXML",
        ),
    ]
    for call, code in calls:
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
