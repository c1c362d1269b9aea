"""Tags of buckets through boto3."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"tagged-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def tags(**values: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in values.items()]}


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_tags_are_set_replaced_and_deleted(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_tagging(Bucket=bucket)
    assert code(caught) == ("NoSuchTagSet", 404)
    told = s3.put_bucket_tagging(Bucket=bucket, Tagging=tags(team="claims", empty=""))
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags(team="claims", empty="")["TagSet"]
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags(other="1"))
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags(other="1")["TagSet"]
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_tagging(Bucket=bucket)
    assert code(caught) == ("NoSuchTagSet", 404)


def test_a_bucket_can_be_made_with_tags(s3: Any) -> None:
    name = f"tagged-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags(a="1")["TagSet"]})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags(a="1")["TagSet"]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("InvalidTag", tags(**{"k" * 129: "v"})),
        ("InvalidTag", tags(k="v" * 257)),
        ("InvalidTag", tags(**{"aws:mine": "v"})),
        ("InvalidTag", {"TagSet": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}),
        ("BadRequest", tags(**{f"k{number}": "v" for number in range(51)})),
    ],
)
def test_tags_that_break_the_rules_are_refused(s3: Any, bucket: str, wanted: str, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_tagging(Bucket=bucket, Tagging=given)
    assert code(caught) == (wanted, 400)


def test_tags_stay_beside_what_else_a_bucket_is_told_and_through_a_restart(fresh_server: Any) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="kept")
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration={"Rules": rules})
    s3.put_bucket_tagging(Bucket="kept", Tagging=tags(**{f"k{number}": "v" for number in range(50)}))
    fresh_server.kill()
    fresh_server.start()
    assert len(s3.get_bucket_tagging(Bucket="kept")["TagSet"]) == 50
    assert s3.get_bucket_lifecycle_configuration(Bucket="kept")["Rules"] == rules
    s3.delete_bucket_tagging(Bucket="kept")
    assert s3.get_bucket_lifecycle_configuration(Bucket="kept")["Rules"] == rules


def test_a_missing_document_is_said_to_be_missing(s3: Any, bucket: str) -> None:
    def emptied(params: dict[str, Any], **_: Any) -> None:
        params["body"] = b""

    s3.meta.events.register("before-call.s3.PutBucketTagging", emptied, "emptied")
    try:
        with pytest.raises(ClientError) as caught:
            s3.put_bucket_tagging(Bucket=bucket, Tagging=tags(a="1"))
    finally:
        s3.meta.events.unregister("before-call.s3.PutBucketTagging", emptied, "emptied")
    assert code(caught) == ("MissingRequestBodyError", 400)
