"""Versions of objects through boto3: kept, listed, deleted, brought back."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

UNKNOWN = "A" * 32


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def plain(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def bucket(s3: Any, plain: str) -> str:
    versioning(s3, plain, "Enabled")
    return plain


def versioning(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3: Any, bucket: str, key: str, *bodies: bytes) -> list[str]:
    return [s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"] for body in bodies]


def body(s3: Any, bucket: str, key: str, **more: Any) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def refused(call: Any, *, code: str, status: int) -> Any:
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    return response


def headers(response: Any) -> dict[str, str]:
    return response["ResponseMetadata"]["HTTPHeaders"]


def listed(s3: Any, bucket: str, **more: Any) -> list[tuple[str, str, bool, bool]]:
    """Key, version, whether it is the latest, whether it is a marker: in the order of the pages, objects first."""
    found: list[tuple[str, str, bool, bool]] = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **more):
        for kind in ("Versions", "DeleteMarkers"):
            found += [
                (each["Key"], each["VersionId"], each["IsLatest"], kind == "DeleteMarkers")
                for each in page.get(kind, ())
            ]
    return found


def test_a_bucket_tells_whether_it_keeps_versions(s3: Any, plain: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=plain)
    for status in ("Enabled", "Suspended", "Enabled"):
        versioning(s3, plain, status)
        assert s3.get_bucket_versioning(Bucket=plain)["Status"] == status
    refused(
        lambda: s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration={}),
        code="IllegalVersioningConfigurationException",
        status=400,
    )
    wanted = {"Status": "Enabled", "MFADelete": "Enabled"}
    refused(
        lambda: s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration=wanted),
        code="NotImplemented",
        status=501,
    )


def test_each_version_is_read_by_its_id(s3: Any, bucket: str) -> None:
    first, second = put(s3, bucket, "k", b"1", b"22")
    assert first != second
    assert body(s3, bucket, "k") == b"22"
    for version, expected in ((first, b"1"), (second, b"22")):
        got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"]) == (expected, version)
        head = s3.head_object(Bucket=bucket, Key="k", VersionId=version)
        assert (head["ContentLength"], head["VersionId"]) == (len(expected), version)
    assert listed(s3, bucket) == [("k", second, True, False), ("k", first, False, False)]


def test_a_version_that_is_not_there_and_one_that_cannot_be(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"1")
    for ask in (s3.get_object,):
        found = refused(
            lambda ask=ask: ask(Bucket=bucket, Key="k", VersionId=UNKNOWN), code="NoSuchVersion", status=404
        )
        assert found["Error"]["VersionId"] == UNKNOWN
    refused(lambda: s3.head_object(Bucket=bucket, Key="k", VersionId=UNKNOWN), code="404", status=404)
    found = refused(
        lambda: s3.get_object(Bucket=bucket, Key="k", VersionId="no id"), code="InvalidArgument", status=400
    )
    assert found["Error"]["Message"] == "Invalid version id specified"
    assert found["Error"]["ArgumentName"] == "versionId"
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId=UNKNOWN)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused(lambda: s3.delete_object(Bucket=bucket, Key="k", VersionId="x"), code="InvalidArgument", status=400)


def test_deleting_leaves_a_marker_and_deleting_that_brings_the_object_back(s3: Any, bucket: str) -> None:
    (version,) = put(s3, bucket, "k", b"1")
    done = s3.delete_object(Bucket=bucket, Key="k")
    marker = done["VersionId"]
    assert done["DeleteMarker"] is True
    for ask, code in ((s3.get_object, "NoSuchKey"), (s3.head_object, "404")):
        found = refused(lambda ask=ask: ask(Bucket=bucket, Key="k"), code=code, status=404)
        assert (headers(found)["x-amz-delete-marker"], headers(found)["x-amz-version-id"]) == ("true", marker)
    for ask, code in ((s3.get_object, "MethodNotAllowed"), (s3.head_object, "405")):
        found = refused(lambda ask=ask: ask(Bucket=bucket, Key="k", VersionId=marker), code=code, status=405)
        assert (headers(found)["allow"], headers(found)["x-amz-delete-marker"]) == ("DELETE", "true")
        assert headers(found)["last-modified"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert listed(s3, bucket) == [("k", version, False, False), ("k", marker, True, True)]
    assert body(s3, bucket, "k", VersionId=version) == b"1"

    gone = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker)
    assert body(s3, bucket, "k") == b"1"
    assert listed(s3, bucket) == [("k", version, True, False)]


def test_a_version_that_goes_uncovers_the_one_below(s3: Any, bucket: str) -> None:
    one, two, three = put(s3, bucket, "k", b"1", b"2", b"3")
    done = s3.delete_object(Bucket=bucket, Key="k", VersionId=three)
    assert (done["VersionId"], "DeleteMarker" in done) == (three, False)
    assert body(s3, bucket, "k") == b"2"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=one)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    refused(lambda: s3.get_object(Bucket=bucket, Key="k"), code="NoSuchKey", status=404)
    assert listed(s3, bucket) == []
    s3.delete_bucket(Bucket=bucket)


def test_a_key_that_never_was_gets_a_marker_too_and_a_bucket_with_one_is_not_empty(s3: Any, bucket: str) -> None:
    markers = [s3.delete_object(Bucket=bucket, Key="k")["VersionId"] for _ in range(2)]
    assert listed(s3, bucket) == [("k", markers[1], True, True), ("k", markers[0], False, True)]
    refused(lambda: s3.delete_bucket(Bucket=bucket), code="BucketNotEmpty", status=409)
    for marker in markers:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    s3.delete_bucket(Bucket=bucket)


def test_what_was_there_before_versions_is_called_null(s3: Any, plain: str) -> None:
    old = s3.put_object(Bucket=plain, Key="k", Body=b"old")
    assert "VersionId" not in old
    assert "VersionId" not in s3.get_object(Bucket=plain, Key="k")
    assert body(s3, plain, "k", VersionId="null") == b"old"
    versioning(s3, plain, "Enabled")
    assert s3.head_object(Bucket=plain, Key="k")["VersionId"] == "null"
    (new,) = put(s3, plain, "k", b"new")
    assert body(s3, plain, "k", VersionId="null") == b"old"
    assert listed(s3, plain) == [("k", new, True, False), ("k", "null", False, False)]
    assert s3.delete_object(Bucket=plain, Key="k", VersionId="null")["VersionId"] == "null"
    refused(lambda: s3.get_object(Bucket=plain, Key="k", VersionId="null"), code="NoSuchVersion", status=404)


def test_a_suspended_bucket_has_one_null_version_above_the_others(s3: Any, bucket: str) -> None:
    (kept,) = put(s3, bucket, "k", b"kept")
    versioning(s3, bucket, "Suspended")
    for each in (b"1", b"2"):
        assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=each)
    assert listed(s3, bucket) == [("k", "null", True, False), ("k", kept, False, False)]
    assert body(s3, bucket, "k", VersionId="null") == b"2"
    done = s3.delete_object(Bucket=bucket, Key="k")
    assert (done["DeleteMarker"], done["VersionId"]) == (True, "null")
    assert listed(s3, bucket) == [("k", kept, False, False), ("k", "null", True, True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert body(s3, bucket, "k") == b"kept"


def test_many_versions_and_markers_are_deleted_at_once(s3: Any, bucket: str) -> None:
    one, two = put(s3, bucket, "k", b"1", b"2")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "other"}]})["Deleted"]
    assert [(each["Key"], each["DeleteMarker"], "VersionId" in each) for each in done] == [
        ("k", True, False),
        ("other", True, False),
    ]
    marker, other = (each["DeleteMarkerVersionId"] for each in done)
    wanted = [
        {"Key": "k", "VersionId": marker},
        {"Key": "k", "VersionId": one},
        {"Key": "k", "VersionId": UNKNOWN},
        {"Key": "k", "VersionId": "bad"},
    ]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert answer["Deleted"] == [
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "k", "VersionId": one},
        {"Key": "k", "VersionId": UNKNOWN},
    ]
    assert [(each["Code"], each["VersionId"]) for each in answer["Errors"]] == [("NoSuchVersion", "bad")]
    assert listed(s3, bucket) == [("k", two, True, False), ("other", other, True, True)]


def test_a_version_is_restored_by_copying_it_onto_its_key(s3: Any, bucket: str) -> None:
    first, second = put(s3, bucket, "k", b"1", b"2")
    source = {"Bucket": bucket, "Key": "k", "VersionId": first}
    made = s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
    assert made["CopySourceVersionId"] == first
    assert made["VersionId"] not in (first, second)
    assert made["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(b"1").hexdigest() + '"'
    assert body(s3, bucket, "k") == b"1"
    assert [each[1] for each in listed(s3, bucket)] == [made["VersionId"], second, first]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for version, code, status in ((marker, "InvalidRequest", 400), (UNKNOWN, "NoSuchVersion", 404)):
        copy = {"Bucket": bucket, "Key": "k", "VersionId": version}
        refused(lambda copy=copy: s3.copy_object(Bucket=bucket, Key="c", CopySource=copy), code=code, status=status)
    refused(
        lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"}),
        code="NoSuchKey",
        status=404,
    )


def test_an_upload_in_parts_makes_a_version_and_takes_parts_from_one(s3: Any, bucket: str) -> None:
    first, _ = put(s3, bucket, "k", b"one", b"two")
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "k", "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert body(s3, bucket, "k", VersionId=done["VersionId"]) == b"one"
    assert len(listed(s3, bucket)) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_of_versions_of_any_size_add_up(s3: Any, bucket: str, size: int, delimiter: str) -> None:
    made = {key: put(s3, bucket, key, b"1", b"2", b"3") for key in ("a/1", "a/2", "b", "c/1", "d")}
    marker = s3.delete_object(Bucket=bucket, Key="b")["VersionId"]
    keys = ["a/1", "a/2", "b", "c/1", "d"] if not delimiter else ["b", "d"]
    given = {"Delimiter": delimiter} if delimiter else {}
    pages = list(
        s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size}, **given)
    )
    assert [(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", ())] == [
        (key, version) for key in keys for version in reversed(made[key])
    ]
    assert [each["VersionId"] for page in pages for each in page.get("DeleteMarkers", ())] == [marker]
    latest = [each["Key"] for page in pages for each in page.get("Versions", ()) if each["IsLatest"]]
    assert latest == [key for key in keys if key != "b"]
    folded = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
    assert folded == (["a/", "c/"] if delimiter else [])
    lengths = [
        sum(len(page.get(kind, ())) for kind in ("Versions", "DeleteMarkers", "CommonPrefixes")) for page in pages
    ]
    assert max(lengths) <= size


def test_a_listing_goes_on_behind_a_version_that_was_deleted_meanwhile(s3: Any, bucket: str) -> None:
    one, two, three = put(s3, bucket, "k", b"1", b"2", b"3")
    page = s3.list_object_versions(Bucket=bucket, MaxKeys=2)
    assert (page["IsTruncated"], page["NextKeyMarker"], page["NextVersionIdMarker"]) == (True, "k", two)
    for version in (two, three):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    following = s3.list_object_versions(Bucket=bucket, KeyMarker="k", VersionIdMarker=two)
    assert [each["VersionId"] for each in following["Versions"]] == [one]
    refused(lambda: s3.list_object_versions(Bucket=bucket, VersionIdMarker=one), code="InvalidArgument", status=400)
    refused(
        lambda: s3.list_object_versions(Bucket=bucket, KeyMarker="k", VersionIdMarker="x"),
        code="InvalidArgument",
        status=400,
    )
