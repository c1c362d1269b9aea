"""Encryption at rest through boto3: what is claimed is true on the disk, and what is sealed needs its key."""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.road import Road, claims_csv, wait_for_job

PLAIN = b"the crown jewels are in the third drawer " * 50
PART = 5 * 2**20
KEY, OTHER = b"k" * 32, b"o" * 32


def customer(key: bytes = KEY, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def encrypt(s3: Any, bucket: str, algorithm: str = "AES256", **more: Any) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **more}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def refused(call: Any, *args: Any, **given: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(*args, **given)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def body(s3: Any, bucket: str, key: str, **given: Any) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key, **given)["Body"].read()


def found(data: Path, text: bytes) -> list[Path]:
    """The files of a data folder in which a text occurs."""
    files = (Path(folder) / name for folder, _, names in os.walk(data) for name in names)
    return [file for file in files if file.is_file() and text in file.read_bytes()]


def test_a_bucket_is_asked_for_its_default_as_on_s3(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == ("ServerSideEncryptionConfigurationNotFoundError", 404)
    encrypt(s3, bucket)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert refused(s3.get_bucket_encryption, Bucket=bucket)[0] == "ServerSideEncryptionConfigurationNotFoundError"


def test_an_object_is_copied_onto_itself_where_that_encrypts_it(s3: Any, bucket: str) -> None:
    onto = {"Bucket": bucket, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    s3.put_object(Bucket=bucket, Key="k", Body=PLAIN)
    assert refused(s3.copy_object, **onto) == ("InvalidRequest", 400)
    encrypt(s3, bucket)
    assert s3.copy_object(**onto)["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, ServerSideEncryption="aws:kms")
    assert s3.copy_object(**onto)["ServerSideEncryption"] == "AES256"
    assert refused(s3.copy_object, **onto) == ("InvalidRequest", 400)
    assert body(s3, bucket, "k") == PLAIN


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([{}, {}], "MalformedXML"),
        ([{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}], "NotImplemented"),
        (
            [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "x"}}],
            "InvalidArgument",
        ),
    ],
)
def test_a_default_that_cannot_be_is_refused(s3: Any, bucket: str, rules: Any, code: str) -> None:
    configuration = {"Rules": rules}
    call = s3.put_bucket_encryption
    assert refused(call, Bucket=bucket, ServerSideEncryptionConfiguration=configuration)[0] == code


def test_what_is_stored_plain_is_not_called_encrypted(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert "ServerSideEncryption" not in put
    assert "ServerSideEncryption" not in head


def test_the_plaintext_occurs_in_no_file_of_the_data_folder(fresh_server: potager.Local) -> None:
    s3 = fresh_server.client("s3")
    secret = uuid.uuid4().hex.encode()
    text = (secret + b" in the third drawer ") * 100
    big = (text + os.urandom(1000)) * (PART // len(text))
    s3.create_bucket(Bucket="sealed")
    encrypt(s3, "sealed")
    s3.put_object(Bucket="sealed", Key="small", Body=secret)
    s3.put_object(Bucket="sealed", Key="middle", Body=text)
    s3.put_object(Bucket="sealed", Key="customer", Body=text, **customer())
    s3.put_object(Bucket="sealed", Key="kms", Body=text, ServerSideEncryption="aws:kms")
    upload = s3.create_multipart_upload(Bucket="sealed", Key="big")["UploadId"]
    where = {"Bucket": "sealed", "Key": "big", "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**where, PartNumber=number, Body=each)["ETag"]}
        for number, each in [(1, big + bytes(PART)), (2, text)]
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    s3.copy_object(Bucket="sealed", Key="copy", CopySource="sealed/big")
    assert body(s3, "sealed", "copy") == big + bytes(PART) + text
    assert found(fresh_server.data, secret) == []
    assert found(fresh_server.data, KEY) == []
    assert found(fresh_server.data, base64.b64encode(KEY)) == []
    s3.create_bucket(Bucket="open")
    s3.put_object(Bucket="open", Key="k", Body=secret)
    assert len(found(fresh_server.data, secret)) == 1


def test_an_object_that_was_asked_to_be_encrypted_is(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert put["ETag"] == f'"{hashlib.md5(PLAIN).hexdigest()}"'
    read = s3.get_object(Bucket=bucket, Key="k")
    assert (read["ServerSideEncryption"], read["Body"].read()) == ("AES256", PLAIN)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ServerSideEncryption"], head["ContentLength"]) == ("AES256", len(PLAIN))
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(PLAIN)


@pytest.mark.parametrize("size", [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**20 + 7])
def test_ranges_of_an_encrypted_object_are_those_of_its_plaintext(s3: Any, bucket: str, size: int) -> None:
    data = os.urandom(size)
    encrypt(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    assert body(s3, bucket, "k") == data
    for start, end in [(0, 1), (size // 2, size), (max(0, 2**16 - 1), 2**16 + 1), (size - 1, size)]:
        if 0 <= start < min(end, size):
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end - 1}")
            assert part["Body"].read() == data[start:end]
            assert part["ContentRange"] == f"bytes {start}-{min(end, size) - 1}/{size}"


def test_an_encrypted_upload_of_parts_reads_whole_in_ranges_and_by_part(s3: Any, bucket: str) -> None:
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption="AES256")
    assert created["ServerSideEncryption"] == "AES256"
    where = {"Bucket": bucket, "Key": "k", "UploadId": created["UploadId"]}
    s3.put_object(Bucket=bucket, Key="plain", Body=os.urandom(PART))
    sent = [os.urandom(PART), body(s3, bucket, "plain"), os.urandom(12345)]
    first = s3.upload_part(**where, PartNumber=1, Body=sent[0])
    second = s3.upload_part_copy(**where, PartNumber=2, CopySource=f"{bucket}/plain")
    third = s3.upload_part(**where, PartNumber=3, Body=sent[2])
    assert {each["ServerSideEncryption"] for each in (first, second, third)} == {"AES256"}
    etags = [first["ETag"], second["CopyPartResult"]["ETag"], third["ETag"]]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert done["ServerSideEncryption"] == "AES256"
    assert body(s3, bucket, "k") == b"".join(sent)
    assert body(s3, bucket, "k", PartNumber=3) == sent[2]
    across = f"bytes={PART - 10}-{2 * PART + 9}"
    assert body(s3, bucket, "k", Range=across) == b"".join(sent)[PART - 10 : 2 * PART + 10]


def test_a_plain_upload_may_take_parts_from_an_encrypted_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="sealed", Body=PLAIN, ServerSideEncryption="AES256")
    where = {"Bucket": bucket, "Key": "k"}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part_copy(**where, PartNumber=1, CopySource=f"{bucket}/sealed", CopySourceRange="bytes=4-8")
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert "ServerSideEncryption" not in done
    assert body(s3, bucket, "k") == PLAIN[4:9]


def test_a_copy_is_encrypted_as_it_is_told_or_as_its_bucket_has_it(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="plain", Body=PLAIN)
    told = s3.copy_object(Bucket=bucket, Key="told", CopySource=f"{bucket}/plain", ServerSideEncryption="AES256")
    assert told["ServerSideEncryption"] == "AES256"
    assert told["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(PLAIN).hexdigest()}"'
    kept = s3.copy_object(Bucket=bucket, Key="kept", CopySource=f"{bucket}/told")
    assert kept["ServerSideEncryption"] == "AES256"
    itself = s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/plain", ServerSideEncryption="AES256")
    assert itself["ServerSideEncryption"] == "AES256"
    encrypt(s3, bucket, "aws:kms")
    default = s3.copy_object(Bucket=bucket, Key="default", CopySource=f"{bucket}/told")
    assert default["ServerSideEncryption"] == "aws:kms"
    for key in ("plain", "told", "kept", "default"):
        assert body(s3, bucket, key) == PLAIN


def test_a_version_keeps_its_encryption(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="k", Body=b"newer")
    old = s3.get_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert (old["ServerSideEncryption"], old["Body"].read()) == ("AES256", PLAIN)
    source = {"Bucket": bucket, "Key": "k", "VersionId": first["VersionId"]}
    assert s3.copy_object(Bucket=bucket, Key="k", CopySource=source)["ServerSideEncryption"] == "AES256"
    assert body(s3, bucket, "k") == PLAIN


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ServerSideEncryption": "ROT13"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"SSEKMSKeyId": "x"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "x"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "absent"}, "KMS.NotFoundException"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "no base64"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", **customer()}, "InvalidArgument"),
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ({"SSECustomerKey": KEY}, "InvalidArgument"),
        ({**customer(), "SSECustomerAlgorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
        ({**customer(), "SSECustomerKey": "short"}, "InvalidArgument"),
    ],
)
def test_an_encryption_that_cannot_be_is_refused(s3: Any, bucket: str, given: dict[str, Any], code: str) -> None:
    for call, more in ((s3.put_object, {"Body": b"x"}), (s3.create_multipart_upload, {})):
        got, status = refused(call, Bucket=bucket, Key="k", **more, **given)
        assert (got, status) == (code, 501 if code == "NotImplemented" else 400)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_customers_object_needs_its_key_wherever_it_is_read(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, **customer())
    digest = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", digest)
    read = s3.get_object(Bucket=bucket, Key="k", **customer())
    assert (read["Body"].read(), read["SSECustomerKeyMD5"]) == (PLAIN, digest)
    assert s3.head_object(Bucket=bucket, Key="k", **customer())["SSECustomerAlgorithm"] == "AES256"
    assert body(s3, bucket, "k", Range="bytes=4-8", **customer()) == PLAIN[4:9]
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 400
    assert refused(s3.get_object, Bucket=bucket, Key="k", **customer(OTHER)) == ("AccessDenied", 403)
    assert refused(s3.head_object, Bucket=bucket, Key="k", **customer(OTHER))[1] == 403
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    assert refused(s3.get_object, Bucket=bucket, Key="plain", **customer()) == ("InvalidRequest", 400)
    s3.delete_object(Bucket=bucket, Key="k")


def test_a_customers_object_is_copied_from_key_to_key(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, **customer())
    copy = {"Bucket": bucket, "CopySource": f"{bucket}/k"}
    assert refused(s3.copy_object, Key="to", **copy) == ("InvalidRequest", 400)
    wrong = customer(OTHER, "CopySource")
    assert refused(s3.copy_object, Key="to", **copy, **wrong) == ("AccessDenied", 403)
    source = customer(prefix="CopySource")
    moved = s3.copy_object(Key="to", **copy, **source, **customer(OTHER))
    assert moved["SSECustomerAlgorithm"] == "AES256"
    assert body(s3, bucket, "to", **customer(OTHER)) == PLAIN
    assert s3.copy_object(Key="s3", **copy, **source)["ServerSideEncryption"] == "AES256"
    assert body(s3, bucket, "s3") == PLAIN


def test_a_customers_upload_takes_its_key_with_every_part(s3: Any, bucket: str) -> None:
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", **customer())
    assert created["SSECustomerAlgorithm"] == "AES256"
    where = {"Bucket": bucket, "Key": "k", "UploadId": created["UploadId"], "PartNumber": 1}
    assert refused(s3.upload_part, **where, Body=PLAIN) == ("InvalidRequest", 400)
    assert refused(s3.upload_part, **where, Body=PLAIN, **customer(OTHER)) == ("InvalidRequest", 400)
    part = s3.upload_part(**where, Body=PLAIN, **customer())
    assert part["SSECustomerAlgorithm"] == "AES256"
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=created["UploadId"], MultipartUpload=parts)
    assert body(s3, bucket, "k", **customer()) == PLAIN
    assert refused(s3.get_object, Bucket=bucket, Key="k")[0] == "InvalidRequest"


def test_a_bucket_may_block_customers_keys(s3: Any, bucket: str) -> None:
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **customer()) == ("AccessDenied", 403)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_encrypted_objects_outlive_the_server(fresh_server: potager.Local) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="sealed")
    s3.put_object(Bucket="sealed", Key="s3", Body=PLAIN, ServerSideEncryption="AES256")
    s3.put_object(Bucket="sealed", Key="kms", Body=PLAIN, ServerSideEncryption="aws:kms")
    s3.put_object(Bucket="sealed", Key="c", Body=PLAIN, **customer())
    fresh_server.kill()
    fresh_server.start()
    assert [body(s3, "sealed", "s3"), body(s3, "sealed", "kms"), body(s3, "sealed", "c", **customer())] == [PLAIN] * 3


@pytest.fixture
def road(server: Any) -> Road:
    return Road(server)


def test_a_job_trains_on_an_encrypted_bucket_and_its_model_is_encrypted(server: Any, road: Road) -> None:
    encrypt(road.s3, road.bucket)
    text = claims_csv(300, seed=3)
    road.put("train/claims.csv", text)
    road.put("validation/claims.csv", claims_csv(100, seed=4))
    job = wait_for_job(road.sagemaker, road.start("sealed"))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{road.bucket}/")
    read = road.s3.get_object(Bucket=road.bucket, Key=key)
    assert read["ServerSideEncryption"] == "AES256"
    with tarfile.open(fileobj=BytesIO(read["Body"].read())) as archive:
        assert archive.getnames()
    line = text.splitlines()[150].encode()
    assert found(server.data, line) == []


def test_a_job_that_cannot_open_its_input_says_why(road: Road) -> None:
    road.s3.put_object(Bucket=road.bucket, Key="train/claims.csv", Body=claims_csv(20).encode(), **customer())
    job = wait_for_job(road.sagemaker, road.start("locked"))
    assert job["TrainingJobStatus"] == "Failed"
    assert "encrypted with a customer's key (SSE-C)" in job["FailureReason"]
