"""Tags of objects through boto3."""

from __future__ import annotations

import uuid
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


def tag_set(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags(s3: Any, bucket: str, key: str, **more: Any) -> dict[str, str]:
    found = s3.get_object_tagging(Bucket=bucket, Key=key, **more)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def refused(call: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error.get("Message", "")


def test_tags_are_put_read_counted_and_taken_away(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "b"})["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert tags(s3, bucket, "k") == {}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(stage="raw", empty=""))
    assert tags(s3, bucket, "k") == {"stage": "raw", "empty": ""}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(owner="ü 1+1=2 :/@_-."))
    assert tags(s3, bucket, "k") == {"owner": "ü 1+1=2 :/@_-."}
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["TagCount"], got["Metadata"], got["ETag"], got["LastModified"]) == (1, {"a": "b"}, etag, modified)
    done = s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags(s3, bucket, "k") == {}
    assert "TagCount" not in s3.get_object(Bucket=bucket, Key="k")


def test_tags_come_with_an_object_and_go_along_with_its_copies(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b%20c=%C3%BC%2B&d")
    assert tags(s3, bucket, "k") == {"a": "1", "b c": "ü+", "d": ""}
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="described", CopySource=source, MetadataDirective="REPLACE", Metadata={"x": "y"})
    assert tags(s3, bucket, "kept") == tags(s3, bucket, "described") == tags(s3, bucket, "k")
    s3.copy_object(Bucket=bucket, Key="other", CopySource=source, TaggingDirective="REPLACE", Tagging="e=5")
    s3.copy_object(Bucket=bucket, Key="none", CopySource=source, TaggingDirective="REPLACE")
    assert (tags(s3, bucket, "other"), tags(s3, bucket, "none")) == ({"e": "5"}, {})
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    assert tags(s3, bucket, "k") == {}


def test_an_upload_in_parts_brings_tags(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Tagging="a=1")["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert tags(s3, bucket, "k") == {"a": "1"}


def test_each_version_has_tags_of_its_own(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging=f"n={n}")["VersionId"] for n in (1, 2))
    done = s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tag_set(n="one"))
    assert done["VersionId"] == first
    assert tags(s3, bucket, "k") == {"n": "2"}
    assert tags(s3, bucket, "k", VersionId=first) == {"n": "one"}
    assert s3.delete_object_tagging(Bucket=bucket, Key="k")["VersionId"] == second
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for version in ({}, {"VersionId": marker}):
        assert refused(lambda version=version: s3.get_object_tagging(Bucket=bucket, Key="k", **version))[:2] == (
            "MethodNotAllowed",
            405,
        )


def test_tags_beyond_the_limits_are_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    wrong: list[tuple[dict[str, str], str, str]] = [
        ({str(n): "" for n in range(11)}, "BadRequest", "Object tags cannot be greater than 10"),
        ({"k" * 129: ""}, "InvalidTag", "The TagKey you have provided is invalid"),
        ({"k": "v" * 257}, "InvalidTag", "The TagValue you have provided is invalid"),
        ({"k?": ""}, "InvalidTag", "The TagKey you have provided is invalid"),
        ({"aws:k": ""}, "InvalidTag", "Your TagKey cannot be prefixed with aws:"),
    ]
    for given, code, text in wrong:
        assert refused(lambda given=given: s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(**given))) == (
            code,
            400,
            text,
        )
    twice = {"TagSet": [{"Key": "k", "Value": value} for value in ("1", "2")]}
    assert refused(lambda: s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=twice))[2] == (
        "Cannot provide multiple Tags with the same key"
    )
    for header in ("a=1&a=2", "=1", "a=%FF"):
        found = refused(lambda header=header: s3.put_object(Bucket=bucket, Key="k", Body=b"y", Tagging=header))
        assert found[:2] == ("InvalidArgument", 400)
    assert (
        refused(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"y", Tagging="&".join(f"{n}=" for n in range(11))))[
            0
        ]
        == "BadRequest"
    )
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(**{"k" * 128: "v" * 256}))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_tags_of_what_is_not_there(s3: Any, bucket: str) -> None:
    for call in (
        lambda: s3.get_object_tagging(Bucket=bucket, Key="no"),
        lambda: s3.put_object_tagging(Bucket=bucket, Key="no", Tagging=tag_set(a="b")),
        lambda: s3.delete_object_tagging(Bucket=bucket, Key="no"),
    ):
        assert refused(call)[:2] == ("NoSuchKey", 404)
