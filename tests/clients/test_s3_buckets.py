"""Buckets through boto3."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_new_bucket_is_listed_and_can_be_headed_and_deleted(s3: Any, name: str) -> None:
    made = s3.create_bucket(Bucket=name)
    assert made["Location"] == f"/{name}"
    headed = s3.head_bucket(Bucket=name)
    assert headed["BucketRegion"] == "us-east-1"
    assert headed["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"
    listed = s3.list_buckets()
    assert name in [bucket["Name"] for bucket in listed["Buckets"]]
    assert listed["Owner"]["ID"]
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=name)
    assert code(caught) == ("404", 404)


def test_a_bucket_that_is_called_health_is_a_bucket(server: Any, s3: Any) -> None:
    s3.create_bucket(Bucket="health")
    s3.put_object(Bucket="health", Key="k", Body=b"x")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="health")["Contents"]] == ["k"]
    assert [each["Key"] for each in s3.list_objects(Bucket="health")["Contents"]] == ["k"]
    assert s3.head_bucket(Bucket="health")["BucketRegion"] == "us-east-1"
    with urlopen(server.url + "/health") as answer:
        assert answer.read() == b'{"status": "ready"}'


def test_making_ones_own_bucket_again_is_fine_in_us_east_1_and_refused_elsewhere(
    server: Any, s3: Any, name: str
) -> None:
    s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    west = server.client("s3", region="eu-west-1")
    configuration = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket=name + "w", CreateBucketConfiguration=configuration)
    with pytest.raises(west.exceptions.BucketAlreadyOwnedByYou) as caught:
        west.create_bucket(Bucket=name + "w", CreateBucketConfiguration=configuration)
    assert code(caught) == ("BucketAlreadyOwnedByYou", 409)


def test_a_bucket_lies_where_its_location_constraint_says(server: Any, s3: Any, name: str) -> None:
    west = server.client("s3", region="eu-west-1")
    west.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    s3.create_bucket(Bucket=name + "e")
    assert s3.get_bucket_location(Bucket=name + "e").get("LocationConstraint") is None
    with pytest.raises(ClientError) as caught:
        west.create_bucket(Bucket=name + "x")
    assert code(caught) == ("IllegalLocationConstraintException", 400)


@pytest.mark.parametrize(
    ("region", "configuration", "wanted"),
    [
        ("us-east-1", {"LocationConstraint": "us-east-1"}, "InvalidLocationConstraint"),
        ("us-east-1", {"LocationConstraint": "nowhere-1"}, "InvalidLocationConstraint"),
        ("us-west-2", {"LocationConstraint": "us-east-1"}, "IllegalLocationConstraintException"),
        ("us-west-2", {"LocationConstraint": "nowhere-1"}, "IllegalLocationConstraintException"),
        ("us-east-1", {}, "MalformedXML"),
    ],
)
def test_a_location_that_cannot_be_is_refused(
    server: Any, name: str, region: str, configuration: dict[str, str], wanted: str
) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("s3", region=region).create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    assert code(caught) == (wanted, 400)


@pytest.mark.parametrize(
    "bad", ["ab", "Upper-case", "a..b", "192.168.1.1", "xn--abc", "under_score", "-dash", "a.-b", "a-.b", "a" * 64]
)
def test_a_bucket_name_that_breaks_the_rules_is_refused(server: Any, bad: str) -> None:
    from botocore.config import Config

    s3 = server.client("s3", region="us-east-1", config=Config(s3={"addressing_style": "path"}))
    s3.meta.events.unregister("before-parameter-build.s3", None)
    with pytest.raises((ClientError, ValueError)) as caught:
        s3.create_bucket(Bucket=bad)
    if isinstance(caught.value, ClientError):
        assert caught.value.response["Error"]["Code"] == "InvalidBucketName"


def test_a_bucket_with_objects_cannot_be_deleted(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=name)
    assert code(caught) == ("BucketNotEmpty", 409)


def test_what_is_asked_of_a_missing_bucket_names_it(s3: Any, name: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchBucket) as caught:
        s3.list_objects_v2(Bucket=name)
    assert caught.value.response["Error"]["BucketName"] == name
    for ask in (
        lambda: s3.put_object(Bucket=name, Key="k", Body=b"x"),
        lambda: s3.get_object(Bucket=name, Key="k"),
        lambda: s3.delete_object(Bucket=name, Key="k"),
        lambda: s3.create_multipart_upload(Bucket=name, Key="k"),
        lambda: s3.delete_bucket(Bucket=name),
        lambda: s3.get_bucket_location(Bucket=name),
    ):
        with pytest.raises(ClientError) as each:
            ask()
        assert code(each) == ("NoSuchBucket", 404)


def test_a_bucket_of_another_owner_than_expected_is_denied(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    s3.head_bucket(Bucket=name, ExpectedBucketOwner="000000000000")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=name, Key="k", Body=b"x", ExpectedBucketOwner="111111111111")
    assert code(caught) == ("AccessDenied", 403)


def test_buckets_are_listed_in_pages(s3: Any, name: str) -> None:
    for number in range(3):
        s3.create_bucket(Bucket=f"{name}-{number}")
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix=name, PaginationConfig={"PageSize": 2}))
    assert [len(page["Buckets"]) for page in pages] == [2, 1]
