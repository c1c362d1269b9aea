"""Conditions on writes, copies and deletions through boto3, to the letter."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def outcome(call: Any) -> tuple[str, int, str | None]:
    """Code, status and the condition that an answer names; `("", status, None)` for success."""
    try:
        return "", call()["ResponseMetadata"]["HTTPStatusCode"], None
    except ClientError as error:
        response: Any = error.response
        named = response["Error"].get("Condition") or response["Error"].get("Header")
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], named


def writes(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    """The three ways to write an object, each under conditions that are given to it."""

    def complete(**conditions: Any) -> Any:
        upload = {"Bucket": bucket, "Key": key}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        return s3.complete_multipart_upload(**upload, MultipartUpload=parts, **conditions)

    s3.put_object(Bucket=bucket, Key="source", Body=b"y")
    return {
        "put": lambda **more: s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more),
        "copy": lambda **more: s3.copy_object(
            Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "source"}, **more
        ),
        "complete": complete,
    }


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("way", ["put", "copy", "complete"])
def test_every_write_holds_its_conditions(s3: Any, bucket: str, way: str, versioned: bool) -> None:
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    write = writes(s3, bucket, "k")[way]
    assert outcome(lambda: write(IfMatch='"0"')) == ("NoSuchKey", 404, None)
    assert outcome(lambda: write(IfNoneMatch="*"))[:2] == ("", 200)
    assert outcome(lambda: write(IfNoneMatch="*")) == ("PreconditionFailed", 412, "If-None-Match")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert outcome(lambda: write(IfMatch='"0"')) == ("PreconditionFailed", 412, "If-Match")
    assert outcome(lambda: write(IfMatch=etag.strip('"')))[:2] == ("", 200)
    for wrong, header in (
        ({"IfNoneMatch": etag}, "If-None-Match"),
        ({"IfMatch": "*"}, "If-Match"),
        ({"IfMatch": etag, "IfNoneMatch": "*"}, "If-Match,If-None-Match"),
    ):
        assert outcome(lambda wrong=wrong: write(**wrong)) == ("NotImplemented", 501, header)
    s3.delete_object(Bucket=bucket, Key="k")
    assert outcome(lambda: write(IfMatch=etag))[:2] == ("NoSuchKey", 404)
    assert outcome(lambda: write(IfNoneMatch="*"))[:2] == ("", 200)


def test_an_upload_whose_object_came_or_went_meanwhile_is_in_conflict(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    uploads: list[tuple[dict[str, str], dict[str, Any]]] = []
    for _ in range(2):
        upload = {"Bucket": bucket, "Key": "k"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
        uploads.append((upload, {"Parts": [{"PartNumber": 1, "ETag": etag}]}))
    s3.delete_object(Bucket=bucket, Key="k")
    (upload, parts), (other, others) = uploads
    went = outcome(lambda: s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*"))
    assert went == ("ConditionalRequestConflict", 409, "If-None-Match")
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"new")["ETag"]
    came = outcome(lambda: s3.complete_multipart_upload(**other, MultipartUpload=others, IfMatch=etag))
    assert came == ("ConditionalRequestConflict", 409, "If-Match")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_a_deletion_holds_its_conditions(s3: Any, bucket: str) -> None:
    def delete(**more: Any) -> tuple[str, int, str | None]:
        return outcome(lambda: s3.delete_object(Bucket=bucket, Key="k", **more))

    assert delete(IfMatch="*") == ("PreconditionFailed", 412, "If-Match")
    assert delete(IfMatch='"0"') == ("NoSuchKey", 404, None)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert delete(IfMatch='"0"') == ("PreconditionFailed", 412, "If-Match")
    assert delete(IfMatchSize=2)[0] == "PreconditionFailed"
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert delete(IfMatchLastModifiedTime=modified - timedelta(days=1))[0] == "PreconditionFailed"
    assert delete(IfMatch=etag, IfMatchSize=1, IfMatchLastModifiedTime=modified) == ("", 204, None)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert delete(IfMatch="*") == ("", 204, None)


def test_a_copy_holds_the_conditions_on_its_source(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = modified - timedelta(days=1), modified + timedelta(days=1)
    source = {"Bucket": bucket, "Key": "k"}

    def copy(**more: Any) -> tuple[str, int, str | None]:
        return outcome(lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=source, **more))

    assert copy(CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=before) == ("", 200, None)
    assert copy(CopySourceIfNoneMatch='"0"') == ("", 200, None)
    assert copy(CopySourceIfModifiedSince=before) == ("", 200, None)
    for name, wrong in (
        ("If-Match", {"CopySourceIfMatch": '"0"'}),
        ("If-None-Match", {"CopySourceIfNoneMatch": etag}),
        ("If-Unmodified-Since", {"CopySourceIfUnmodifiedSince": before}),
        ("If-Modified-Since", {"CopySourceIfModifiedSince": after}),
        ("If-None-Match", {"CopySourceIfNoneMatch": etag, "CopySourceIfModifiedSince": before}),
    ):
        assert copy(**wrong) == ("PreconditionFailed", 412, f"x-amz-copy-source-{name}")
