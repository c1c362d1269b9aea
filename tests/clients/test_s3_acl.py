"""ACLs and object ownership through boto3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
DENIED = ("AccessDenied", 403)


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def closed(s3: Any) -> str:
    """A bucket as it is made."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket that has ACLs, public ones as well, with an object `k`."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


@pytest.fixture
def me(s3: Any) -> str:
    return s3.list_buckets()["Owner"]["ID"]


def refused(ask: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        ask()
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def shown(answer: dict[str, Any]) -> set[tuple[str, str]]:
    """Grantees and permissions, without the owner's own."""
    owner = answer["Owner"]["ID"]
    found = {(each["Grantee"].get("URI") or each["Grantee"]["ID"], each["Permission"]) for each in answer["Grants"]}
    return found - {(owner, "FULL_CONTROL")}


def test_a_new_bucket_has_no_acls(s3: Any, closed: str, me: str) -> None:
    rules = s3.get_bucket_ownership_controls(Bucket=closed)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    full = [{"Grantee": {"ID": me, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    assert s3.get_bucket_acl(Bucket=closed)["Grants"] == full
    assert s3.get_object_acl(Bucket=closed, Key="k")["Grants"] == full
    none = ("AccessControlListNotSupported", 400)
    for ask in (
        lambda: s3.put_bucket_acl(Bucket=closed, ACL="private"),
        lambda: s3.put_bucket_acl(Bucket=closed, ACL="public-read"),
        lambda: s3.put_object_acl(Bucket=closed, Key="k", ACL="public-read"),
        lambda: s3.put_object(Bucket=closed, Key="k", Body=b"", ACL="public-read"),
        lambda: s3.put_object(Bucket=closed, Key="k", Body=b"", GrantRead=f'uri="{EVERYBODY}"'),
        lambda: s3.create_multipart_upload(Bucket=closed, Key="k", ACL="authenticated-read"),
        lambda: s3.copy_object(Bucket=closed, Key="c", CopySource=f"{closed}/k", ACL="public-read"),
    ):
        assert refused(ask) == none
    s3.put_object(Bucket=closed, Key="k", Body=b"", ACL="bucket-owner-full-control")
    s3.put_object(Bucket=closed, Key="k", Body=b"", GrantFullControl=f"id={me}")
    s3.put_bucket_acl(Bucket=closed, ACL="bucket-owner-full-control")
    s3.put_object_acl(Bucket=closed, Key="k", AccessControlPolicy={"Owner": {"ID": me}, "Grants": full})


@pytest.mark.parametrize(
    ("canned", "grants"),
    [
        ("private", set[tuple[str, str]]()),
        ("public-read", {(EVERYBODY, "READ")}),
        ("public-read-write", {(EVERYBODY, "READ"), (EVERYBODY, "WRITE")}),
        ("authenticated-read", {(SIGNED, "READ")}),
        ("aws-exec-read", set[tuple[str, str]]()),
        ("bucket-owner-read", set[tuple[str, str]]()),
        ("bucket-owner-full-control", set[tuple[str, str]]()),
        ("log-delivery-write", {(LOGS, "WRITE"), (LOGS, "READ_ACP")}),
    ],
)
def test_canned_lists_grant_what_they_are_called(
    s3: Any, bucket: str, canned: str, grants: set[tuple[str, str]]
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL=canned)
    assert shown(s3.get_bucket_acl(Bucket=bucket)) == grants
    if canned == "log-delivery-write":
        assert refused(lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL=canned)) == ("InvalidArgument", 400)
        return
    s3.put_object_acl(Bucket=bucket, Key="k", ACL=canned)
    assert shown(s3.get_object_acl(Bucket=bucket, Key="k")) == grants


def test_an_object_gets_its_list_however_it_is_made(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="put", Body=b"1", ACL="public-read")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ACL="public-read")
    s3.copy_object(
        Bucket=bucket, Key="anew", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", GrantRead=f'uri="{EVERYBODY}"'
    )
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ACL="public-read")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    for key in ("put", "copy", "anew", "parts"):
        assert (EVERYBODY, "READ") in shown(s3.get_object_acl(Bucket=bucket, Key=key)), key
        anybody.get_object(Bucket=bucket, Key=key)
        anybody.head_object(Bucket=bucket, Key=key)
        assert refused(lambda key=key: anybody.get_object_acl(Bucket=bucket, Key=key)) == DENIED
    s3.copy_object(Bucket=bucket, Key="private", CopySource=f"{bucket}/put")
    assert shown(s3.get_object_acl(Bucket=bucket, Key="private")) == set(), "a list is not copied"
    s3.put_object(Bucket=bucket, Key="put", Body=b"2")
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="put")) == DENIED


def test_a_public_bucket_is_listed_and_written_by_anybody(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert [each["Key"] for each in anybody.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
    anybody.head_bucket(Bucket=bucket)
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="missing")) == ("NoSuchKey", 404)
    assert refused(lambda: anybody.put_object(Bucket=bucket, Key="k", Body=b"")) == DENIED
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    anybody.put_object(Bucket=bucket, Key="drop", Body=b"dropped")
    assert s3.get_object(Bucket=bucket, Key="drop")["Body"].read() == b"dropped"
    anybody.delete_object(Bucket=bucket, Key="drop")
    assert refused(lambda: anybody.put_bucket_acl(Bucket=bucket, ACL="private")) == DENIED


def test_permissions_of_a_document_hold(s3: Any, anybody: Any, bucket: str, me: str) -> None:
    def let(permission: str) -> None:
        grant = {"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": permission}
        policy = {"Owner": {"ID": me}, "Grants": [grant]}
        s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
        assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"] == [grant]

    let("READ_ACP")
    anybody.get_object_acl(Bucket=bucket, Key="k")
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    let("WRITE_ACP")
    assert refused(lambda: anybody.get_object_acl(Bucket=bucket, Key="k")) == DENIED
    anybody.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    anybody.get_object(Bucket=bucket, Key="k")
    let("FULL_CONTROL")
    anybody.get_object(Bucket=bucket, Key="k")
    anybody.get_object_acl(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'uri="{SIGNED}"', GrantReadACP=f'uri="{LOGS}", id="{me}"')
    assert shown(s3.get_object_acl(Bucket=bucket, Key="k")) == {(SIGNED, "READ"), (LOGS, "READ_ACP"), (me, "READ_ACP")}
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED


def test_versions_have_lists_of_their_own(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="v", Body=b"1", ACL="public-read")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="v", Body=b"2")["VersionId"]
    assert anybody.get_object(Bucket=bucket, Key="v", VersionId=first)["Body"].read() == b"1"
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="v")) == DENIED
    s3.put_object_acl(Bucket=bucket, Key="v", VersionId=first, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="v", VersionId=second, ACL="public-read")
    assert anybody.get_object(Bucket=bucket, Key="v")["Body"].read() == b"2"
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="v", VersionId=first)) == DENIED
    assert refused(lambda: s3.get_object_acl(Bucket=bucket, Key="nothing")) == ("NoSuchKey", 404)


def test_what_is_wrong_with_a_list_is_said(s3: Any, bucket: str, me: str) -> None:
    other = "0" * 64

    def document(grants: Any, owner: str = me) -> Callable[[], Any]:
        return lambda: s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": owner}, "Grants": grants})

    def grant(**grantee: str) -> dict[str, Any]:
        return {"Grantee": grantee, "Permission": "READ"}

    both = {"Bucket": bucket, "ACL": "private", "GrantRead": f"id={me}"}
    assert refused(lambda: s3.put_bucket_acl(**both)) == ("InvalidRequest", 400)
    assert refused(lambda: s3.put_bucket_acl(Bucket=bucket)) == ("MissingSecurityHeader", 400)
    assert refused(lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-ready")) == ("InvalidArgument", 400)
    assert refused(lambda: s3.put_bucket_acl(Bucket=bucket, GrantRead="me")) == ("InvalidArgument", 400)
    assert refused(lambda: s3.put_bucket_acl(Bucket=bucket, GrantRead=f"id={other}")) == ("InvalidArgument", 400)
    mail = ("UnresolvableGrantByEmailAddress", 400)
    assert refused(lambda: s3.put_bucket_acl(Bucket=bucket, GrantRead="emailAddress=me@example.com")) == mail
    assert refused(document([grant(Type="AmazonCustomerByEmail", EmailAddress="me@example.com")])) == mail
    assert refused(document([grant(Type="CanonicalUser", ID=other)])) == ("InvalidArgument", 400)
    assert refused(document([grant(Type="Group", URI="http://example.com")])) == ("InvalidArgument", 400)
    assert refused(document([grant(Type="CanonicalUser")])) == ("MalformedACLError", 400)
    assert refused(document([{**grant(Type="CanonicalUser", ID=me), "Permission": "LOOK"}])) == (
        "MalformedACLError",
        400,
    )
    assert refused(document([], other)) == DENIED


def test_public_lists_are_blocked_or_passed_over(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    anybody.get_object(Bucket=bucket, Key="k")
    for ask in (
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
        lambda: s3.put_object_acl(Bucket=bucket, Key="k", ACL="authenticated-read"),
        lambda: s3.put_object(Bucket=bucket, Key="new", Body=b"", GrantRead=f"uri={EVERYBODY}"),
    ):
        assert refused(ask) == DENIED
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    assert (EVERYBODY, "READ") in shown(s3.get_object_acl(Bucket=bucket, Key="k"))


def test_ownership_decides_whether_lists_count(s3: Any, anybody: Any, bucket: str) -> None:
    def owned(how: str) -> None:
        controls = {"Rules": [{"ObjectOwnership": how}]}
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
        assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == controls

    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    owned("BucketOwnerEnforced")
    assert refused(lambda: anybody.get_object(Bucket=bucket, Key="k")) == DENIED
    assert shown(s3.get_object_acl(Bucket=bucket, Key="k")) == set()
    owned("BucketOwnerPreferred")
    anybody.get_object(Bucket=bucket, Key="k")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert refused(lambda: owned("BucketOwnerEnforced")) == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    missing = ("OwnershipControlsNotFoundError", 404)
    assert refused(lambda: s3.get_bucket_ownership_controls(Bucket=bucket)) == missing
    anybody.list_objects_v2(Bucket=bucket)


def test_a_bucket_is_made_with_a_list(s3: Any, closed: str) -> None:
    s3.create_bucket(Bucket=f"{closed}-p", ACL="private")
    asked = {"Bucket": f"{closed}-x", "ACL": "public-read"}
    assert refused(lambda: s3.create_bucket(**asked)) == ("InvalidBucketAclWithObjectOwnership", 400)
    assert refused(lambda: s3.create_bucket(**asked, ObjectOwnership="ObjectWriter")) == DENIED
    s3.create_bucket(Bucket=f"{closed}-l", GrantReadACP=f"uri={LOGS}", ObjectOwnership="BucketOwnerPreferred")
    assert shown(s3.get_bucket_acl(Bucket=f"{closed}-l")) == {(LOGS, "READ_ACP")}
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert f"{closed}-x" not in names
