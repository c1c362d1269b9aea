"""Lifecycle rules through boto3: what is refused, what is kept, and what then goes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.road import until

PAST = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"life-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def hasty() -> Iterator[Any]:
    """A server whose days are a second long."""
    with potager.local(lifecycle_day=1) as running:
        yield running.client("s3")


@pytest.fixture
def old(hasty: Any) -> str:
    """A bucket that keeps versions, on the hasty server."""
    name = f"life-{uuid.uuid4().hex}"
    hasty.create_bucket(Bucket=name)
    hasty.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def rule(**members: Any) -> dict[str, Any]:
    given = {"ID": "one", "Status": "Enabled", "Filter": {"Prefix": ""}, **members}
    return {name: value for name, value in given.items() if value is not None}


def put(s3: Any, bucket: str, *rules: dict[str, Any]) -> Any:
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def layers(s3: Any, bucket: str) -> tuple[int, int]:
    """How many versions and how many delete markers there are."""
    found = s3.list_object_versions(Bucket=bucket)
    return len(found.get("Versions", ())), len(found.get("DeleteMarkers", ()))


def test_rules_are_kept_as_they_were_given_and_can_be_taken_back(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    both = {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 10}
    given = [
        rule(ID="days", Expiration={"Days": 3}),
        rule(ID="date", Filter=None, Prefix="old/", Expiration={"Date": datetime(2099, 5, 1, tzinfo=UTC)}),
        rule(ID="marks", Filter={}, Expiration={"ExpiredObjectDeleteMarker": True}),
        rule(ID="both", Filter={"And": both}, Status="Disabled", Expiration={"Days": 9}),
        rule(ID="olds", NoncurrentVersionExpiration={"NoncurrentDays": 2, "NewerNoncurrentVersions": 5}),
        rule(ID="ends", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2}),
    ]
    answer = put(s3, bucket, *given)
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == given
    put(s3, bucket, rule(ID=None, Expiration={"Days": 1}))
    (named,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert named["ID"]
    assert s3.delete_bucket_lifecycle(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("InvalidArgument", [rule(ID="a" * 256, Expiration={"Days": 1})]),
        ("InvalidArgument", [rule(Expiration={"Days": 1}), rule(Expiration={"Days": 2})]),
        ("InvalidArgument", [rule(Expiration={"Days": 0})]),
        ("InvalidArgument", [rule(Expiration={"Date": datetime(2099, 5, 1, 12, tzinfo=UTC)})]),
        ("InvalidArgument", [rule(NoncurrentVersionExpiration={"NoncurrentDays": 0})]),
        (
            "InvalidArgument",
            [rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 101})],
        ),
        ("InvalidArgument", [rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})]),
        ("MalformedXML", []),
        ("MalformedXML", [rule(Status="enabled", Expiration={"Days": 1})]),
        ("MalformedXML", [rule(Filter=None, Expiration={"Days": 1})]),
        ("MalformedXML", [rule(Prefix="a", Expiration={"Days": 1})]),
        ("MalformedXML", [rule(Expiration={})]),
        ("MalformedXML", [rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})]),
        ("MalformedXML", [rule(Filter={"And": {"Prefix": "a"}}, Expiration={"Days": 1})]),
        ("MalformedXML", [rule(Filter={"Prefix": "a", "ObjectSizeLessThan": 5}, Expiration={"Days": 1})]),
        ("InvalidRequest", [rule()]),
        (
            "InvalidRequest",
            [rule(Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"ExpiredObjectDeleteMarker": True})],
        ),
        (
            "InvalidRequest",
            [rule(Filter={"ObjectSizeLessThan": 5}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})],
        ),
        (
            "InvalidRequest",
            [
                rule(
                    Filter={"And": {"ObjectSizeLessThan": 5, "ObjectSizeGreaterThan": 5}},
                    Expiration={"Days": 1},
                )
            ],
        ),
        ("InvalidRequest", [rule(Filter={"Prefix": "a" * 1025}, Expiration={"Days": 1})]),
        ("InvalidTag", [rule(Filter={"Tag": {"Key": "k" * 129, "Value": "v"}}, Expiration={"Days": 1})]),
    ],
)
def test_bad_rules_are_refused_and_change_nothing(s3: Any, bucket: str, code: str, rules: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError) as caught:
        put(s3, bucket, *rules)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(ClientError):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    "moved",
    [
        {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]},
        {"NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}]},
    ],
)
def test_moving_objects_to_another_class_is_refused_by_name(s3: Any, bucket: str, moved: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        put(s3, bucket, rule(**moved))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert next(iter(moved)) in caught.value.response["Error"]["Message"]


def test_answers_say_when_an_object_expires_and_by_which_rule(s3: Any, bucket: str) -> None:
    put(
        s3,
        bucket,
        rule(ID="all", Filter={"Prefix": "days/"}, Expiration={"Days": 2}),
        rule(ID="tag", Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"Days": 1}),
    )
    before = datetime.now(UTC)
    answers = [s3.put_object(Bucket=bucket, Key="days/a", Body=b"x"), s3.head_object(Bucket=bucket, Key="days/a")]
    answers += [s3.get_object(Bucket=bucket, Key="days/a")]
    answers += [s3.copy_object(Bucket=bucket, Key="days/b", CopySource=f"{bucket}/days/a")]
    for answer in answers:
        found = re.fullmatch(r'expiry-date="(.+)", rule-id="all"', answer["Expiration"])
        assert found
        expires = parsedate_to_datetime(found[1])
        assert timedelta(days=2) <= expires - before <= timedelta(days=3)
        assert (expires.hour, expires.minute, expires.second) == (0, 0, 0)
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    tagged = s3.put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="k=v")
    assert 'rule-id="tag"' in tagged["Expiration"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="days/a")


def test_what_a_rule_of_the_past_covers_goes_and_nothing_else(s3: Any, bucket: str) -> None:
    for key, size in (("past/small", 10), ("past/large", 100), ("now/large", 100)):
        s3.put_object(Bucket=bucket, Key=key, Body=bytes(size))
    s3.put_object(Bucket=bucket, Key="now/tagged", Body=b"", Tagging="gone=1&more=2")
    put(
        s3,
        bucket,
        rule(ID="tags", Filter={"Tag": {"Key": "gone", "Value": "1"}}, Expiration={"Date": PAST}),
        rule(ID="size", Filter={"And": {"Prefix": "past/", "ObjectSizeLessThan": 50}}, Expiration={"Date": PAST}),
        rule(ID="off", Status="Disabled", Expiration={"Date": PAST}),
        rule(ID="later", Expiration={"Date": datetime(2099, 1, 1, tzinfo=UTC)}),
    )
    until(lambda: keys(s3, bucket) == ["now/large", "past/large"], "the end of two objects")


def test_an_object_goes_when_its_days_are_over_and_its_room_comes_back(hasty: Any, old: str) -> None:
    hasty.put_bucket_versioning(Bucket=old, VersioningConfiguration={"Status": "Suspended"})
    put(hasty, old, rule(Filter={"Prefix": "short/"}, Expiration={"Days": 1}))
    hasty.put_object(Bucket=old, Key="short/a", Body=b"x")
    hasty.put_object(Bucket=old, Key="long/a", Body=b"x")
    until(lambda: keys(hasty, old) == ["long/a"], "the end of an object")


def test_where_versions_are_kept_a_day_leaves_a_marker_then_versions_and_the_marker_go(hasty: Any, old: str) -> None:
    for number in range(3):
        hasty.put_object(Bucket=old, Key="k", Body=bytes(number))
    put(hasty, old, rule(Expiration={"Days": 1}))
    until(lambda: layers(hasty, old) == (3, 1), "a delete marker above three versions")
    put(hasty, old, rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}))
    until(lambda: layers(hasty, old) == (2, 1), "the end of all but two versions")
    put(
        hasty,
        old,
        rule(NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        rule(ID="marks", Expiration={"ExpiredObjectDeleteMarker": True}),
    )
    until(lambda: layers(hasty, old) == (0, 0), "the end of all")


def test_uploads_that_nobody_completes_end(hasty: Any, old: str) -> None:
    kept = hasty.create_multipart_upload(Bucket=old, Key="kept")["UploadId"]
    ended = hasty.create_multipart_upload(Bucket=old, Key="up/ended")["UploadId"]
    hasty.upload_part(Bucket=old, Key="up/ended", UploadId=ended, PartNumber=1, Body=b"x")
    put(hasty, old, rule(Filter={"Prefix": "up/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))

    def left() -> list[str]:
        return [each["UploadId"] for each in hasty.list_multipart_uploads(Bucket=old).get("Uploads", ())]

    until(lambda: left() == [kept], "the end of an upload")


def test_what_comes_due_while_no_server_runs_goes_after_the_start() -> None:
    with potager.local(lifecycle_day=2) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="due")
        s3.put_object(Bucket="due", Key="k", Body=b"x")
        put(s3, "due", rule(Expiration={"Days": 1}))
        running.kill()
        running.start()
        until(lambda: keys(s3, "due") == [], "the end of an object")


def test_a_bucket_of_many_old_objects_is_emptied(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="0", Body=b"x")
    for number in range(1, 250):
        s3.copy_object(Bucket=bucket, Key=f"{number}", CopySource=f"{bucket}/0")
    put(s3, bucket, rule(Expiration={"Date": PAST}))
    until(lambda: keys(s3, bucket) == [], "the end of 250 objects")
