"""What a bucket is asked to tell, through boto3, and what is written down of what happens."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import until

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"told-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def put(s3: Any, bucket: str, **configuration: Any) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def queue(*events: str, prefix: str = "", suffix: str = "", name: str = "q", arn: str = QUEUE) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": prefix}] if prefix else []
    rules += [{"Name": "suffix", "Value": suffix}] if suffix else []
    given = {"Id": name, "QueueArn": arn, "Events": list(events)}
    return given | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def told(server: Any, bucket: str) -> list[dict[str, Any]]:
    """What was written down of a bucket, in its order."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data / 'potager.db'}?mode=ro", uri=True)) as connection:
        query = "SELECT doc FROM events WHERE resource LIKE ? ORDER BY id"
        return [json.loads(row[0]) for row in connection.execute(query, (f"arn:aws:s3:::{bucket}/%",))]


def names(server: Any, bucket: str) -> list[str]:
    return [f"{each['Record']['eventName']} {each['Record']['s3']['object']['key']}" for each in told(server, bucket)]


def test_a_configuration_is_kept_and_taken_back(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_notification_configuration(Bucket=bucket).keys() == {"ResponseMetadata"}
    put(
        s3,
        bucket,
        QueueConfigurations=[queue("s3:ObjectCreated:*", prefix="a/", suffix=".csv")],
        TopicConfigurations=[{"TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:Delete"]}],
        LambdaFunctionConfigurations=[{"Id": "f", "LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectTagging:*"]}],
        EventBridgeConfiguration={},
    )
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    rules = [{"Name": "Prefix", "Value": "a/"}, {"Name": "Suffix", "Value": ".csv"}]
    kept = queue("s3:ObjectCreated:*") | {"Filter": {"Key": {"FilterRules": rules}}}
    assert found["QueueConfigurations"] == [kept]
    assert found["TopicConfigurations"][0]["TopicArn"] == TOPIC
    assert found["TopicConfigurations"][0]["Id"]
    assert found["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == FUNCTION
    assert found["EventBridgeConfiguration"] == {}
    put(s3, bucket)
    assert s3.get_bucket_notification_configuration(Bucket=bucket).keys() == {"ResponseMetadata"}


@pytest.mark.parametrize(
    "bad",
    [
        [queue("s3:ObjectCreated:*", arn="not-an-arn")],
        [queue("s3:ObjectCreated:*", arn=TOPIC)],
        [queue("s3:ObjectEaten:*")],
        [queue("s3:ObjectCreated:*", name="x" * 256)],
        [queue("s3:ObjectCreated:*"), queue("s3:ObjectRemoved:*")],
        [queue("s3:ObjectCreated:*"), queue("s3:ObjectCreated:Put", name="r")],
        [queue("s3:ObjectCreated:*", prefix="a"), queue("s3:ObjectCreated:*", prefix="ab", name="r")],
    ],
)
def test_a_bad_configuration_is_refused(s3: Any, bucket: str, bad: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError) as caught:
        put(s3, bucket, QueueConfigurations=bad)
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_targets_that_share_no_object_may_ask_for_the_same_events(s3: Any, bucket: str) -> None:
    one = queue("s3:ObjectCreated:*", prefix="a/")
    put(s3, bucket, QueueConfigurations=[one, queue("s3:ObjectCreated:*", prefix="b/", name="r")])
    put(s3, bucket, QueueConfigurations=[one, queue("s3:ObjectRemoved:*", prefix="a/", name="r")])


def test_every_change_that_is_asked_for_is_written_down_in_aws_own_form(server: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    put(s3, bucket, QueueConfigurations=[queue("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")])
    made = s3.put_object(Bucket=bucket, Key="a b/é.csv", Body=b"1234")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/before")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="copy")
    s3.delete_object(Bucket=bucket, Key="never-there")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
    with pytest.raises(ClientError):
        s3.put_object(Bucket=bucket, Key="a b/é.csv", Body=b"x", IfNoneMatch="*")
    assert names(server, bucket) == [
        "ObjectCreated:Put a+b/%C3%A9.csv",
        "ObjectCreated:Copy copy",
        "ObjectCreated:CompleteMultipartUpload parts",
        "ObjectTagging:Put copy",
        "ObjectTagging:Delete copy",
        "ObjectRemoved:Delete copy",
        "ObjectRemoved:Delete parts",
    ]
    first = told(server, bucket)[0]
    assert first["Destinations"] == [{"Id": "q", "Arn": QUEUE}]
    assert first["EventBridge"] is False
    record = first["Record"]
    assert (record["eventSource"], record["eventVersion"], record["awsRegion"]) == ("aws:s3", "2.1", "us-east-1")
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["responseElements"]["x-amz-request-id"] == made["ResponseMetadata"]["RequestId"]
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert record["s3"]["object"]["size"] == 4
    assert record["s3"]["object"]["eTag"] == made["ETag"].strip('"')


def test_a_form_and_an_acl_are_told_as_such(server: Any, s3: Any, bucket: str) -> None:
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    put(s3, bucket, QueueConfigurations=[queue("s3:ObjectCreated:Post", "s3:ObjectAcl:Put")])
    form = s3.generate_presigned_post(bucket, "posted")
    edge = "edge"
    fields = {**form["fields"], "file": "bytes"}
    body = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    sent = Request(form["url"], f"{body}--{edge}--\r\n".encode(), method="POST")
    sent.add_header("Content-Type", f"multipart/form-data; boundary={edge}")
    with urlopen(sent) as answer:
        assert answer.status == 204
    s3.put_object_acl(Bucket=bucket, Key="posted", ACL="private")
    assert names(server, bucket) == ["ObjectCreated:Post posted", "ObjectAcl:Put posted"]


def test_only_what_a_filter_lets_through_is_written_down(server: Any, s3: Any, bucket: str) -> None:
    put(s3, bucket, QueueConfigurations=[queue("s3:ObjectCreated:Put", prefix="in/", suffix=".csv")])
    for key in ("in/a.csv", "in/a.txt", "out/a.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="in/b.csv", CopySource=f"{bucket}/in/a.csv")
    s3.delete_object(Bucket=bucket, Key="in/a.csv")
    assert names(server, bucket) == ["ObjectCreated:Put in/a.csv"]
    put(s3, bucket)
    s3.put_object(Bucket=bucket, Key="in/c.csv", Body=b"x")
    assert len(names(server, bucket)) == 1


def test_versions_and_delete_markers_are_named(server: Any, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket, EventBridgeConfiguration={})
    made = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=made)
    seen = [(each["Record"]["eventName"], each["Record"]["s3"]["object"]["versionId"]) for each in told(server, bucket)]
    assert seen == [
        ("ObjectCreated:Put", made),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:Delete", made),
    ]
    assert all(each["EventBridge"] and not each["Destinations"] for each in told(server, bucket))


def test_what_a_lifecycle_rule_takes_is_written_down(server: Any, s3: Any, bucket: str) -> None:
    put(s3, bucket, QueueConfigurations=[queue("s3:LifecycleExpiration:*")])
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    past = {"Date": datetime(2015, 1, 1, tzinfo=UTC)}
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": past}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    until(lambda: names(server, bucket) == ["LifecycleExpiration:Delete k"], "the record of an object's end")
    assert told(server, bucket)[0]["Record"]["userIdentity"] == {"principalId": "s3.amazonaws.com"}
