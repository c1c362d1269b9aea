"""Bucket policies, the public access block, and callers who did not sign, through boto3."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

OFF = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
STRANGER = "arn:aws:iam::444455556666:root"


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket that may be made public, with an object `k`."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


def statement(bucket: str, action: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resources, **more}


def put(s3: Any, bucket: str, *statements: dict[str, Any]) -> str:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    return text


def refused(ask: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        ask()
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


DENIED = ("AccessDenied", 403)


def test_a_policy_is_kept_as_it_was_given(s3: Any, bucket: str) -> None:
    assert refused(lambda: s3.get_bucket_policy(Bucket=bucket)) == ("NoSuchBucketPolicy", 404)
    assert refused(lambda: s3.get_bucket_policy_status(Bucket=bucket)) == ("NoSuchBucketPolicy", 404)
    text = put(s3, bucket, statement(bucket, "s3:GetObject"))
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    deleted = s3.delete_bucket_policy(Bucket=bucket)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(lambda: s3.get_bucket_policy(Bucket=bucket)) == ("NoSuchBucketPolicy", 404)
    s3.delete_bucket_policy(Bucket=bucket)


def test_a_policy_outlives_the_server(fresh_server: Any) -> None:
    s3 = fresh_server.client("s3", region="us-east-1")
    s3.create_bucket(Bucket="kept-policy")
    text = put(s3, "kept-policy", statement("kept-policy", "s3:GetObject", "Deny"))
    fresh_server.kill()
    fresh_server.start()
    s3 = fresh_server.client("s3", region="us-east-1")
    assert s3.get_bucket_policy(Bucket="kept-policy")["Policy"] == text
    assert refused(lambda: s3.get_object(Bucket="kept-policy", Key="k")) == DENIED


def test_nobody_gets_in_unsigned_where_no_policy_says_so(server: Any, s3: Any, anybody: Any, bucket: str) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: anybody.get_object(Bucket=bucket, Key="k"),
        lambda: anybody.get_object(Bucket=bucket, Key="missing"),
        lambda: anybody.put_object(Bucket=bucket, Key="k", Body=b"other"),
        lambda: anybody.delete_object(Bucket=bucket, Key="k"),
        lambda: anybody.list_objects_v2(Bucket=bucket),
        lambda: anybody.create_multipart_upload(Bucket=bucket, Key="k"),
        lambda: anybody.get_bucket_policy(Bucket=bucket),
        lambda: anybody.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OFF),
        lambda: anybody.delete_bucket(Bucket=bucket),
        lambda: anybody.list_buckets(),
        lambda: anybody.create_bucket(Bucket=f"{bucket}-x"),
    ]
    for ask in asks:
        assert refused(ask) == DENIED
    for head in (lambda: anybody.head_object(Bucket=bucket, Key="k"), lambda: anybody.head_bucket(Bucket=bucket)):
        assert refused(head) == ("403", 403)
    assert refused(lambda: anybody.list_objects_v2(Bucket=f"{bucket}-x")) == ("NoSuchBucket", 404)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"data"


def test_every_operation_of_s3_asks_who_may() -> None:
    from potager.collect import s3

    assert [name for name, handler in s3.service.operations.items() if not hasattr(handler, "__wrapped__")] == []


def test_a_policy_lets_anybody_read_what_it_names(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"public")
    open_ = statement(bucket, "s3:GetObject", Resource=f"arn:aws:s3:::{bucket}/public/*")
    put(s3, bucket, open_)
    assert anybody.get_object(Bucket=bucket, Key="public/k")["Body"].read() == b"public"
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="public/missing")) == DENIED, "who may not list"
    assert refused(lambda: anybody.list_objects_v2(Bucket=bucket)) == DENIED
    for ask in (anybody.get_object, anybody.head_object):
        with pytest.raises(ClientError) as caught:
            ask(Bucket=bucket, Key="public/k", ResponseContentType="text/html")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400, "nobody makes a page of it"
    put(s3, bucket, open_, statement(bucket, "s3:ListBucket"))
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="public/missing")) == ("NoSuchKey", 404)
    listed = anybody.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
    assert [each["Key"] for each in listed] == ["k", "public/k"]
    assert {each["Owner"]["ID"] for each in listed} == {s3.list_buckets()["Owner"]["ID"]}


def test_a_policy_lets_anybody_write(s3: Any, anybody: Any, bucket: str) -> None:
    put(s3, bucket, statement(bucket, "s3:PutObject"))
    anybody.put_object(Bucket=bucket, Key="drop", Body=b"x" * 100_000)
    upload = anybody.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = anybody.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    anybody.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"part"
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="drop")) == DENIED
    source = {"Bucket": bucket, "Key": "k"}
    assert refused(lambda: anybody.copy_object(Bucket=bucket, Key="copy", CopySource=source)) == DENIED
    put(s3, bucket, statement(bucket, ["s3:PutObject", "s3:GetObject"]))
    anybody.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"data"


def test_a_batch_deletes_what_it_may_and_tells_what_stays(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="tmp/k", Body=b"x")
    put(s3, bucket, statement(bucket, "s3:DeleteObject", Resource=f"arn:aws:s3:::{bucket}/tmp/*"))
    answer = anybody.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "tmp/k"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["tmp/k"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("k", "AccessDenied")]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_a_denial_holds_for_the_owner_who_can_always_mend_the_policy(s3: Any, bucket: str) -> None:
    put(s3, bucket, statement(bucket, "s3:*", "Deny"))
    for ask in (
        lambda: s3.get_object(Bucket=bucket, Key="k"),
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b""),
        lambda: s3.get_bucket_policy_status(Bucket=bucket),
        lambda: s3.delete_bucket(Bucket=bucket),
    ):
        assert refused(ask) == DENIED
    with pytest.raises(ClientError, match=r"s3:GetObject on resource: .* with an explicit deny") as caught:
        s3.get_object(Bucket=bucket, Key="k")
    assert f'"arn:aws:s3:::{bucket}/k"' in str(caught.value)
    assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    s3.get_object(Bucket=bucket, Key="k")


def test_an_owner_who_may_not_list_is_not_told_what_is_missing(s3: Any, bucket: str) -> None:
    put(s3, bucket, statement(bucket, "s3:ListBucket", "Deny"))
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="missing")) == DENIED
    assert refused(lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/missing")) == DENIED


def test_a_denial_of_reading_holds_for_copies(s3: Any, bucket: str) -> None:
    put(s3, bucket, statement(bucket, "s3:GetObject", "Deny"))
    other = f"{bucket}-o"
    s3.create_bucket(Bucket=other)
    assert refused(lambda: s3.copy_object(Bucket=other, Key="c", CopySource=f"{bucket}/k")) == DENIED
    upload = s3.create_multipart_upload(Bucket=other, Key="c")["UploadId"]
    part = {"Bucket": other, "Key": "c", "UploadId": upload, "PartNumber": 1, "CopySource": f"{bucket}/k"}
    assert refused(lambda: s3.upload_part_copy(**part)) == DENIED


def test_conditions_are_held_against_the_request(s3: Any, anybody: Any, bucket: str) -> None:
    def listing(**condition: Any) -> None:
        put(s3, bucket, statement(bucket, "s3:ListBucket", Condition=condition))

    listing(StringEquals={"s3:prefix": "home/"})
    anybody.list_objects_v2(Bucket=bucket, Prefix="home/")
    assert refused(lambda: anybody.list_objects_v2(Bucket=bucket, Prefix="other/")) == DENIED
    assert refused(lambda: anybody.list_objects_v2(Bucket=bucket)) == DENIED
    listing(NumericLessThanEquals={"s3:max-keys": "10"}, StringEquals={"s3:delimiter": "/"})
    anybody.list_objects(Bucket=bucket, MaxKeys=10, Delimiter="/")
    assert refused(lambda: anybody.list_objects(Bucket=bucket, MaxKeys=11, Delimiter="/")) == DENIED
    listing(IpAddress={"aws:SourceIp": ["127.0.0.0/8", "::1/128"]})
    anybody.list_objects_v2(Bucket=bucket)
    listing(NotIpAddress={"aws:SourceIp": ["127.0.0.0/8", "::1/128"]})
    assert refused(lambda: anybody.list_objects_v2(Bucket=bucket)) == DENIED
    listing(StringLike={"aws:UserAgent": "Boto3/*"}, Bool={"aws:SecureTransport": "false"})
    anybody.list_objects_v2(Bucket=bucket)
    listing(DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})
    assert refused(lambda: anybody.list_objects_v2(Bucket=bucket)) == DENIED


def test_what_is_put_is_held_against_conditions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"public")
    deny = statement(
        bucket, "s3:PutObject", "Deny", Condition={"StringNotEquals": {"s3:x-amz-storage-class": "GLACIER"}}
    )
    put(s3, bucket, deny)
    assert refused(lambda: s3.put_object(Bucket=bucket, Key="c", Body=b"")) == DENIED
    s3.put_object(Bucket=bucket, Key="c", Body=b"", StorageClass="GLACIER")
    deny["Condition"] = {"StringNotLike": {"s3:x-amz-copy-source": f"{bucket}/public/*"}}
    put(s3, bucket, deny)
    s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/public/k")
    assert refused(lambda: s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/k")) == DENIED


def test_a_principal_of_the_account_is_denied_by_name(s3: Any, server: Any, bucket: str) -> None:
    who = server.client("sts").get_caller_identity()
    role = f"arn:aws:iam::{who['Account']}:role/{who['Arn'].split('/')[1]}"
    for name in (who["Arn"], role, who["Account"], f"arn:aws:iam::{who['Account']}:root"):
        put(s3, bucket, statement(bucket, "s3:GetObject", "Deny", Principal={"AWS": name}))
        assert refused(lambda: s3.get_object(Bucket=bucket, Key="k")) == DENIED, name
    put(s3, bucket, statement(bucket, "s3:GetObject", "Deny", Principal={"AWS": STRANGER}))
    s3.get_object(Bucket=bucket, Key="k")
    put(s3, bucket, statement(bucket, "s3:GetObject", "Deny", Condition={"ArnLike": {"aws:PrincipalArn": role}}))
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="k")) == DENIED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Action": "s3:GetObjects"}, "Policy has invalid action"),
        ({"Action": "ec2:*"}, "Policy has invalid action"),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*x*"}}, "Invalid principal in policy"),
        ({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::{}/*"}, "Action does not apply to any resource"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::{}"}, "Action does not apply to any resource"),
        ({"Condition": {"StringLike": {"s3:color": "red"}}}, "Policy has an invalid condition key"),
        ({"Condition": {"StringIs": {"s3:prefix": "red"}}}, "Invalid Condition type : StringIs"),
        ({"Effect": "Maybe"}, "Invalid effect: Maybe"),
    ],
)
def test_a_policy_that_does_not_fit_is_malformed(s3: Any, bucket: str, changes: dict[str, Any], why: str) -> None:
    resource = changes.get("Resource")
    if resource:
        changes = {**changes, "Resource": resource.replace("{}", bucket)}
    with pytest.raises(ClientError, match=why.replace("(", r"\(")) as caught:
        put(s3, bucket, {**statement(bucket, "s3:GetObject"), **changes})
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"


def test_a_policy_of_more_than_20_kb_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        put(s3, bucket, statement(bucket, "s3:GetObject", Sid="x" * 20_480))
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    assert refused(lambda: s3.put_bucket_policy(Bucket=bucket, Policy="no")) == ("MalformedPolicy", 400)


def test_a_new_bucket_blocks_what_is_public(s3: Any, anybody: Any, bucket: str) -> None:
    name = f"{bucket}-new"
    s3.create_bucket(Bucket=name)
    on = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert on == dict.fromkeys(OFF, True)
    with pytest.raises(ClientError, match="prevented by the BlockPublicPolicy setting") as caught:
        put(s3, name, statement(name, "s3:GetObject"))
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    put(s3, name, statement(name, "s3:GetObject", Principal={"AWS": STRANGER}))
    narrow = {"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}}
    put(s3, name, statement(name, "s3:ListBucket", Condition=narrow))
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is False
    anybody.list_objects_v2(Bucket=name)


def test_blocks_are_set_one_by_one_and_deleted_together(s3: Any, bucket: str) -> None:
    missing = ("NoSuchPublicAccessBlockConfiguration", 404)
    assert refused(lambda: s3.get_public_access_block(Bucket=bucket)) == missing
    given = {**OFF, "BlockPublicAcls": True}
    nothing = lambda: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={})  # noqa: E731
    assert refused(nothing) == ("InvalidRequest", 400)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == given
    s3.delete_public_access_block(Bucket=bucket)
    assert refused(lambda: s3.get_public_access_block(Bucket=bucket)) == missing


def test_a_public_policy_is_no_use_where_public_buckets_are_restricted(s3: Any, anybody: Any, bucket: str) -> None:
    put(s3, bucket, statement(bucket, "s3:GetObject"))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    anybody.get_object(Bucket=bucket, Key="k")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**OFF, "RestrictPublicBuckets": True})
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"data"


def test_other_services_refuse_who_did_not_sign(server: Any) -> None:
    sts = boto3.client(
        "sagemaker", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    assert refused(lambda: sts.list_training_jobs()) == ("MissingAuthenticationTokenException", 400)
