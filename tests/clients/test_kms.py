"""KMS through boto3: keys, aliases, what is encrypted under them, and objects that need them."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

import potager
from tests.clients.road import Road, claims_csv, wait_for_job

CONTEXT = {"purpose": "test", "tenant": "a"}


@pytest.fixture(scope="module")
def kms(server: Any) -> Any:
    return server.client("kms", region="us-east-1")


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def key(kms: Any) -> dict[str, Any]:
    return kms.create_key(Description="a key")["KeyMetadata"]


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call: Any, *args: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*args, **given)
    return caught.value.response["Error"]["Code"]


def test_a_key_is_described_by_id_arn_and_alias(kms: Any, key: dict[str, Any]) -> None:
    assert key["Arn"] == f"arn:aws:kms:us-east-1:000000000000:key/{key['KeyId']}"
    assert (key["KeyState"], key["Enabled"], key["KeySpec"]) == ("Enabled", True, "SYMMETRIC_DEFAULT")
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for name in (key["KeyId"], key["Arn"], alias, f"arn:aws:kms:us-east-1:000000000000:{alias}"):
        assert kms.describe_key(KeyId=name)["KeyMetadata"] == key
    assert refused(kms.describe_key, KeyId="absent") == "NotFoundException"
    assert refused(kms.describe_key, KeyId="alias/absent") == "NotFoundException"


@pytest.mark.parametrize(
    "given",
    [
        {"KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"},
        {"KeySpec": "HMAC_256"},
        {"MultiRegion": True},
        {"Origin": "EXTERNAL"},
    ],
)
def test_keys_of_other_kinds_are_refused_by_name(kms: Any, given: dict[str, Any]) -> None:
    assert refused(kms.create_key, **given) == "NotImplemented"


def test_keys_are_listed_page_by_page(kms: Any) -> None:
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    found = [each["KeyId"] for page in pages for each in page["Keys"]]
    assert made <= set(found)
    assert len(found) == len(set(found))


def test_what_is_encrypted_is_decrypted_in_its_context_alone(kms: Any, key: dict[str, Any]) -> None:
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"text", EncryptionContext=CONTEXT)
    assert sealed["KeyId"] == key["Arn"]
    blob = sealed["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(CONTEXT.items())))
    assert (opened["Plaintext"], opened["KeyId"], opened["EncryptionAlgorithm"]) == (
        b"text",
        key["Arn"],
        "SYMMETRIC_DEFAULT",
    )
    assert refused(kms.decrypt, CiphertextBlob=blob) == "InvalidCiphertextException"
    assert refused(kms.decrypt, CiphertextBlob=b"junk") == "InvalidCiphertextException"
    assert refused(kms.decrypt, CiphertextBlob=blob[:-1], EncryptionContext=CONTEXT) == "InvalidCiphertextException"
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    wrong = refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=other)
    assert wrong == "IncorrectKeyException"
    assert refused(kms.encrypt, KeyId="absent", Plaintext=b"x") == "NotFoundException"
    assert refused(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x" * 4097) == "ValidationException"


def test_a_text_moves_from_key_to_key(kms: Any, key: dict[str, Any]) -> None:
    other = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"text")["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"], DestinationEncryptionContext=CONTEXT)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], other["Arn"])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"text"


def test_data_keys_have_the_size_that_was_asked_for(kms: Any, key: dict[str, Any]) -> None:
    for given, size in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 64}, 64)):
        made = kms.generate_data_key(KeyId=key["KeyId"], **given)
        assert len(made["Plaintext"]) == size
        assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    later = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], KeySpec="AES_256")
    assert "Plaintext" not in later
    assert len(kms.decrypt(CiphertextBlob=later["CiphertextBlob"])["Plaintext"]) == 32
    assert refused(kms.generate_data_key, KeyId=key["KeyId"]) == "ValidationException"
    both = {"NumberOfBytes": 32, "KeySpec": "AES_256"}
    assert refused(kms.generate_data_key, KeyId=key["KeyId"], **both) == "ValidationException"
    assert len(kms.generate_random(NumberOfBytes=12)["Plaintext"]) == 12


def test_a_disabled_key_does_nothing_until_it_is_enabled(kms: Any, key: dict[str, Any]) -> None:
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"text")["CiphertextBlob"]
    kms.disable_key(KeyId=key["KeyId"])
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"]) == ("Disabled", False)
    assert refused(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x") == "DisabledException"
    assert refused(kms.decrypt, CiphertextBlob=blob) == "DisabledException"
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_a_key_waits_for_its_deletion_and_can_be_kept(kms: Any, key: dict[str, Any]) -> None:
    name = key["KeyId"]
    assert refused(kms.schedule_key_deletion, KeyId=name, PendingWindowInDays=6) == "ValidationException"
    assert refused(kms.cancel_key_deletion, KeyId=name) == "KMSInvalidStateException"
    going = kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=7)
    assert (going["KeyId"], going["KeyState"], going["PendingWindowInDays"]) == (key["Arn"], "PendingDeletion", 7)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["DeletionDate"] == going["DeletionDate"]
    assert refused(kms.encrypt, KeyId=name, Plaintext=b"x") == "KMSInvalidStateException"
    assert refused(kms.enable_key, KeyId=name) == "KMSInvalidStateException"
    assert refused(kms.schedule_key_deletion, KeyId=name) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=name)
    kept = kms.describe_key(KeyId=name)["KeyMetadata"]
    assert kept["KeyState"] == "Disabled"
    assert "DeletionDate" not in kept


def test_aliases_name_one_key_after_another(kms: Any, key: dict[str, Any]) -> None:
    alias, other = f"alias/{uuid.uuid4().hex}", kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    assert refused(kms.create_alias, AliasName=alias, TargetKeyId=other["KeyId"]) == "AlreadyExistsException"
    (listed,) = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert (listed["AliasName"], listed["TargetKeyId"]) == (alias, key["KeyId"])
    kms.update_alias(AliasName=alias, TargetKeyId=other["KeyId"])
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == other["Arn"]
    kms.delete_alias(AliasName=alias)
    assert refused(kms.delete_alias, AliasName=alias) == "NotFoundException"
    assert refused(kms.create_alias, AliasName="plain", TargetKeyId=key["KeyId"]) == "ValidationException"
    assert refused(kms.create_alias, AliasName="alias/aws/x", TargetKeyId=key["KeyId"]) == "NotAuthorizedException"
    assert refused(kms.create_alias, AliasName=alias, TargetKeyId="alias/aws/s3") == "ValidationException"


def test_rotation_leaves_old_ciphertexts_readable(kms: Any, key: dict[str, Any]) -> None:
    name = key["KeyId"]
    blob = kms.encrypt(KeyId=name, Plaintext=b"text")["CiphertextBlob"]
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=name, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=name)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert kms.rotate_key_on_demand(KeyId=key["Arn"])["KeyId"] == name
    (rotation,) = kms.list_key_rotations(KeyId=name)["Rotations"]
    assert (rotation["RotationType"], rotation["KeyId"]) == ("ON_DEMAND", name)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"
    kms.disable_key_rotation(KeyId=name)
    assert kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"] is False


def test_policies_and_tags_are_kept(kms: Any) -> None:
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "risk"}])["KeyMetadata"]["KeyId"]
    statement = json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"][0]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
    text = json.dumps({"Version": "2012-10-17", "Statement": []})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == text
    assert refused(kms.put_key_policy, KeyId=key, Policy="{") == "MalformedPolicyDocumentException"
    assert refused(kms.get_key_policy, KeyId=key, PolicyName="other") == "NotFoundException"
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "test"}])
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "stage", "TagValue": "test"}]
    kms.update_key_description(KeyId=key, Description="other")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "other"


def test_grants_are_refused_by_name(kms: Any, key: dict[str, Any]) -> None:
    grantee = "arn:aws:iam::000000000000:role/x"
    call = kms.create_grant
    assert refused(call, KeyId=key["KeyId"], GranteePrincipal=grantee, Operations=["Decrypt"]) == "NotImplemented"
    assert refused(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=["t"]) == "NotImplemented"


def test_a_dry_run_only_asks(kms: Any, key: dict[str, Any]) -> None:
    call = kms.generate_data_key
    assert refused(call, KeyId=key["KeyId"], KeySpec="AES_256", DryRun=True) == "DryRunOperationException"


def test_s3_has_a_key_of_its_own(kms: Any, s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"plain", ServerSideEncryption="aws:kms")
    own = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], own["KeyManager"]) == ("aws:kms", own["Arn"], "AWS")
    assert refused(kms.schedule_key_deletion, KeyId=own["KeyId"]) == "AccessDeniedException"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"plain"


def test_an_object_is_closed_while_its_key_is(kms: Any, s3: Any, key: dict[str, Any], bucket: str) -> None:
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    given = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": alias, "BucketKeyEnabled": True}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"plain", **given)
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key["Arn"], True)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])
    kms.disable_key(KeyId=key["KeyId"])
    assert refused(s3.get_object, Bucket=bucket, Key="k") == "KMS.DisabledException"
    assert refused(s3.put_object, Bucket=bucket, Key="l", Body=b"x", **given) == "KMS.DisabledException"
    kms.enable_key(KeyId=key["KeyId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"plain"
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    assert refused(s3.get_object, Bucket=bucket, Key="k") == "KMS.KMSInvalidStateException"
    s3.delete_object(Bucket=bucket, Key="k")


def test_a_copy_comes_under_another_key_without_being_read(kms: Any, s3: Any, key: dict[str, Any], bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"plain", ServerSideEncryption="aws:kms")
    to = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["KeyId"]}
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **to)
    assert copy["SSEKMSKeyId"] == key["Arn"]
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"plain"
    kms.disable_key(KeyId=key["KeyId"])
    assert refused(s3.get_object, Bucket=bucket, Key="copy") == "KMS.DisabledException"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"plain"


def test_a_bucket_has_a_key_by_default(s3: Any, key: dict[str, Any], bucket: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"]}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"plain")
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key["Arn"], True)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")
    assert upload["SSEKMSKeyId"] == key["Arn"]
    where = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=b"plain")
    assert part["SSEKMSKeyId"] == key["Arn"]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert done["SSEKMSKeyId"] == key["Arn"]
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"plain"


def test_a_read_does_not_ask_for_an_encryption(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"plain", ServerSideEncryption="aws:kms")

    def add(request: Any, **_: Any) -> None:
        request.headers["x-amz-server-side-encryption"] = "aws:kms"

    s3.meta.events.register("before-sign.s3.GetObject", add, unique_id="add")
    try:
        assert refused(s3.get_object, Bucket=bucket, Key="k") == "InvalidArgument"
    finally:
        s3.meta.events.unregister("before-sign.s3.GetObject", unique_id="add")


def test_keys_outlive_the_server(fresh_server: potager.Local) -> None:
    kms = fresh_server.client("kms")
    name = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=name, Plaintext=b"text")["CiphertextBlob"]
    fresh_server.kill()
    fresh_server.start()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_a_job_encrypts_its_model_under_the_key_that_it_is_given(server: Any, key: dict[str, Any]) -> None:
    road = Road(server)
    output = {"S3OutputPath": f"s3://{road.bucket}/models", "KmsKeyId": key["Arn"]}
    road.put("train/claims.csv", claims_csv(100))
    job = wait_for_job(road.sagemaker, road.start("kms", output=output))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{road.bucket}/")
    assert road.s3.head_object(Bucket=road.bucket, Key=name)["SSEKMSKeyId"] == key["Arn"]
    absent = wait_for_job(road.sagemaker, road.start("absent", output={**output, "KmsKeyId": "absent"}))
    assert absent["TrainingJobStatus"] == "Failed"
    assert "Invalid keyId absent" in absent["FailureReason"]


def test_nobody_uses_a_key_unsigned(server: Any, s3: Any, bucket: str) -> None:
    anybody = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    anybody.put_object(Bucket=bucket, Key="plain", Body=b"x")
    s3.put_object(Bucket=bucket, Key="kms", Body=b"x", ServerSideEncryption="aws:kms")
    source = {"Bucket": bucket, "Key": "kms"}
    given = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "aws:kms"}
    assert refused(anybody.put_object, **given) == "InvalidArgument"
    assert refused(anybody.create_multipart_upload, **given) == "InvalidArgument"
    assert refused(anybody.get_object, **source) == "InvalidArgument"
    assert refused(anybody.copy_object, Bucket=bucket, Key="k", CopySource=source) == "InvalidArgument"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert refused(anybody.put_object, Bucket=bucket, Key="k", Body=b"x") == "InvalidArgument"
    anybody.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert anybody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_half_a_character_is_no_context(s3: Any, bucket: str) -> None:
    context = base64.b64encode(b'{"a": "\\ud800"}').decode()
    given = {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": context}
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **given) == "InvalidArgument"
