"""Objects listed through boto3."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = sorted(["a.csv", "a/1", "a/2", "a/b/3", "a0", "b/1", "b/2", "c", "ü/1", "日本", "😀"], key=str.encode)


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def keys(page: Any) -> list[str]:
    return [each["Key"] for each in page.get("Contents", ())]


def prefixes(page: Any) -> list[str]:
    return [each["Prefix"] for each in page.get("CommonPrefixes", ())]


def test_keys_come_in_the_order_of_their_utf_8_bytes(s3: Any, bucket: str) -> None:
    page = s3.list_objects_v2(Bucket=bucket)
    assert keys(page) == KEYS
    assert page["KeyCount"] == len(KEYS)
    assert not page["IsTruncated"]
    first = page["Contents"][0]
    assert (first["Size"], first["StorageClass"], first["ETag"][0]) == (5, "STANDARD", '"')


def test_a_delimiter_folds_what_lies_behind_it(s3: Any, bucket: str) -> None:
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert keys(page) == ["a.csv", "a0", "c", "日本", "😀"]
    assert prefixes(page) == ["a/", "b/", "ü/"]
    inside = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="a/")
    assert (keys(inside), prefixes(inside)) == (["a/1", "a/2"], ["a/b/"])


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("delimiter", ["", "/", "b", "/b"])
def test_pages_of_any_size_add_up_to_the_whole(s3: Any, bucket: str, operation: str, size: int, delimiter: str) -> None:
    given = {"Delimiter": delimiter} if delimiter else {}
    pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": size}, **given))
    whole = s3.list_objects_v2(Bucket=bucket, **given)
    assert [key for page in pages for key in keys(page)] == keys(whole)
    assert [prefix for page in pages for prefix in prefixes(page)] == prefixes(whole)
    assert all(len(keys(page)) + len(prefixes(page)) <= size for page in pages)


def test_start_after_skips_and_zero_keys_are_none(s3: Any, bucket: str) -> None:
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="b/1"))[0] == "b/2"
    none = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (keys(none), none["IsTruncated"]) == ([], False)


def test_a_token_that_was_made_up_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="made-up")
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


def test_a_token_goes_on_in_its_own_bucket_alone(s3: Any, bucket: str) -> None:
    token = s3.list_objects_v2(Bucket=bucket, MaxKeys=2)["NextContinuationToken"]
    page = s3.list_objects_v2(Bucket=bucket, ContinuationToken=token, StartAfter="zzz")
    assert (keys(page), page["ContinuationToken"], page["StartAfter"]) == (KEYS[2:], token, "zzz")
    other = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=other)
    for where, wrong in ((other, token), (bucket, token[:-4] + "AAAA"), (bucket, "MTIz"), (bucket, "ü"), (bucket, "")):
        with pytest.raises(ClientError) as caught:
            s3.list_objects_v2(Bucket=where, ContinuationToken=wrong)
        assert caught.value.response["Error"]["Code"] == "InvalidArgument"


def test_numbers_of_keys_beyond_the_limits(s3: Any, bucket: str) -> None:
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=5000, OptionalObjectAttributes=["RestoreStatus"])
    assert (page["MaxKeys"], keys(page)) == (1000, KEYS)
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
def test_keys_of_every_legal_shape_are_listed_in_their_order(s3: Any, operation: str) -> None:
    """`a` beside `a/b`, empty and dotted segments, what XML or a URL would change, 1,024 bytes of UTF-8."""
    strange = [
        *(
            "a",
            "a/",
            "a/b",
            "a//b",
            "a/./b",
            "..",
            ".",
            "/lead",
            "//",
            "end ",
            " ",
            "+",
            "%2F",
            "%",
            "a&<>\"'b",
            "\x01\x1f",
        ),
        *("\r\n", "\t", "ü" * 512, "\ud7ff", "\ue000", "\uffff", "😀", "q?x=1#y", "~", "*", "a\\b"),
    ]
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    for key in strange:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    pages = list(s3.get_paginator(operation).paginate(Bucket=name, PaginationConfig={"PageSize": 4}))
    found = [each["Key"] for page in pages for each in page.get("Contents", page.get("Versions", ()))]
    assert found == sorted(strange, key=str.encode)
    folded = s3.list_objects_v2(Bucket=name, Delimiter="/")
    assert prefixes(folded) == ["/", "a/"]
    assert prefixes(s3.list_objects_v2(Bucket=name, Delimiter="/", Prefix="a/")) == ["a/./", "a//"]
    for key in strange:
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == key.encode()


def test_the_owner_comes_when_it_is_asked_for(s3: Any, bucket: str) -> None:
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["Contents"][0]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=1, FetchOwner=True)["Contents"][0]["Owner"]["ID"]


def test_a_storage_class_is_shown_wherever_its_object_is_listed(s3: Any) -> None:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="k", Body=b"1", StorageClass="STANDARD_IA")
    s3.put_object(Bucket=name, Key="k", Body=b"2", StorageClass="GLACIER_IR")
    s3.put_object(Bucket=name, Key="plain", Body=b"3")
    expected = ["GLACIER_IR", "STANDARD"]
    for page in (s3.list_objects(Bucket=name), s3.list_objects_v2(Bucket=name)):
        assert [each["StorageClass"] for each in page["Contents"]] == expected
    versions = s3.list_object_versions(Bucket=name)["Versions"]
    assert [each["StorageClass"] for each in versions] == ["GLACIER_IR", "STANDARD_IA", "STANDARD"]


def test_a_page_of_no_size_is_refused_by_its_parameter(s3: Any, bucket: str) -> None:
    for size, text in ((-1, "Argument max-keys must be"), (2**31, "Provided max-keys not an integer")):
        with pytest.raises(ClientError, match=text) as caught:
            s3.list_objects_v2(Bucket=bucket, MaxKeys=size)
        error: Any = caught.value.response["Error"]
        assert (error["Code"], error["ArgumentName"]) == ("InvalidArgument", "max-keys")
