"""Uploads by HTML form: what generate_presigned_post makes, and forms by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

BOUNDARY = "potager-form"


class Answer:
    """Status, headers, text and error code of an answer."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.text = answer.status, answer.headers, answer.read().decode()
        found = re.search("<Code>(.*?)</Code>", self.text)
        self.code = found[1] if found else ""


Post = Callable[..., Answer]


def form(fields: Mapping[str, str], file: bytes | None, filename: str = "file.txt", after: str = "") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: text/plain'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + file + b"\r\n")
    if after:
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="after"\r\n\r\n{after}\r\n'.encode())
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture(params=["s3", "s3v4"])
def s3(server: Any, request: pytest.FixtureRequest) -> Any:
    return server.client("s3", region="us-east-1", config=Config(signature_version=request.param))


@pytest.fixture
def admin(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(server: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    server.client("s3", region="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def post(server: Any, bucket: str) -> Post:
    def send(fields: Mapping[str, str], file: bytes | None = b"data", body: bytes | None = None, **more: Any) -> Answer:
        kind = more.pop("kind", f"multipart/form-data; boundary={BOUNDARY}")
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        try:
            connection.request(
                "POST", f"/{bucket}", form(fields, file, **more) if body is None else body, {"Content-Type": kind}
            )
            return Answer(connection.getresponse())
        finally:
            connection.close()

    return send


@pytest.fixture
def signed(server: Any, bucket: str) -> Callable[..., dict[str, str]]:
    """Fields with a policy that the administrator has signed; None takes a condition or a member away."""

    def make(fields: Mapping[str, str], conditions: list[Any] | None = None, **document: Any) -> dict[str, str]:
        keys = server.client("s3")._request_signer._credentials
        expires = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        given = [{"bucket": bucket}, *({name: value} for name, value in fields.items())]
        policy = {"expiration": expires, "conditions": given if conditions is None else conditions, **document}
        text = base64.b64encode(json.dumps({k: v for k, v in policy.items() if v is not None}).encode()).decode()
        signature = base64.b64encode(hmac.digest(keys.secret_key.encode(), text.encode(), "sha1")).decode()
        return {**fields, "AWSAccessKeyId": keys.access_key, "policy": text, "signature": signature}

    return make


def test_a_presigned_post_of_boto3_puts_an_object(s3: Any, admin: Any, bucket: str, post: Post) -> None:
    conditions = [["starts-with", "$x-amz-meta-who", ""], ["content-length-range", 1, 100], {"acl": "private"}]
    made = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        {"x-amz-meta-who": "me", "Content-Type": "text/css", "acl": "private"},
        [*conditions, {"Content-Type": "text/css"}],
    )
    answer = post(made["fields"], b"hello", filename="C:\\dir\\näme.txt", after="ignored")
    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert answer.headers["Location"].endswith(f"/{bucket}/up/n%C3%A4me.txt")
    found = admin.get_object(Bucket=bucket, Key="up/näme.txt")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "text/css", {"who": "me"})


def test_what_is_changed_in_a_presigned_post_is_refused(s3: Any, admin: Any, bucket: str, post: Post) -> None:
    made = s3.generate_presigned_post(bucket, "k", None, [["content-length-range", 2, 10]])["fields"]
    for changed in ({"key": "other"}, {"acl": "public-read"}, {"x-amz-meta-a": "b"}):
        answer = post({**made, **changed})
        assert (answer.status, answer.code) == (403, "AccessDenied"), answer.text
        assert "Invalid according to Policy" in answer.text
    assert (post(made, b"x" * 11).code, post(made, b"x").code) == ("EntityTooLarge", "EntityTooSmall")
    signature = next(name for name in made if name.endswith("signature"))
    answer = post({**made, signature: "AAAA"})
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    policy = json.loads(base64.b64decode(made["policy"]))
    policy["expiration"] = "2099-01-01T00:00:00Z"
    forged = base64.b64encode(json.dumps(policy).encode()).decode()
    assert post({**made, "policy": forged}).code == "SignatureDoesNotMatch"
    name = next(name for name in made if name in ("AWSAccessKeyId", "x-amz-credential"))
    unknown = post({**made, name: "NOBODY" + made[name].partition("/")[1] + made[name].partition("/")[2]})
    assert (unknown.status, unknown.code) == (403, "InvalidAccessKeyId")
    assert post({key: value for key, value in made.items() if key != signature}).status == 400
    assert admin.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_form_of_a_crowd_of_fields_is_refused(bucket: str, post: Post) -> None:
    answer = post({f"a{number}": "" for number in range(1001)})
    assert (answer.status, answer.code) == (400, "MaxPostPreDataLengthExceededError")


def test_an_expired_post_is_refused(s3: Any, bucket: str, post: Post, signed: Any) -> None:
    answer = post(signed({"key": "k"}, expiration="2020-01-01T00:00:00Z"))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert "Invalid according to Policy: Policy expired." in answer.text


def test_a_form_says_how_it_wants_to_be_answered(admin: Any, bucket: str, post: Post, signed: Any) -> None:
    answer = post(signed({"key": "a&b", "success_action_status": "201"}))
    assert (answer.status, "<PostResponse><Location>" in answer.text) == (201, True)
    for name, value in (("Bucket", bucket), ("Key", "a&amp;b"), ("Location", answer.headers["Location"])):
        assert f"<{name}>{value}</{name}>" in answer.text
    assert post(signed({"key": "k", "success_action_status": "200"})).status == 200
    assert post(signed({"key": "k", "success_action_status": "404"})).status == 204
    answer = post(signed({"key": "k", "success_action_redirect": "http://localhost/done?x=1"}))
    assert answer.status == 303
    target = urlsplit(answer.headers["Location"])
    assert parse_qs(target.query) == {"x": ["1"], "bucket": [bucket], "key": ["k"], "etag": [answer.headers["ETag"]]}
    assert post(signed({"key": "k", "success_action_redirect": "javascript:alert(1)"})).status == 204


def test_fields_become_what_put_object_takes(admin: Any, bucket: str, post: Post, signed: Any) -> None:
    digest = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    fields = {"key": "k", "Cache-Control": "no-store", "x-amz-checksum-sha256": digest, "x-amz-meta-a": "ö"}
    assert post(signed(fields)).status == 204
    head = admin.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["CacheControl"], head["ChecksumSHA256"]) == ("no-store", digest)
    assert list(head["Metadata"]) == ["a"]
    wrong = base64.b64encode(bytes(32)).decode()
    assert post(signed({**fields, "key": "w", "x-amz-checksum-sha256": wrong})).code == "BadDigest"
    assert post(signed({"key": "w", "acl": "public-read"})).code == "AccessControlListNotSupported"
    assert admin.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_form_asks_for_encryption_as_a_request_does(admin: Any, bucket: str, post: Post, signed: Any) -> None:
    lead, key = "x-amz-server-side-encryption", b"k" * 32
    answer = post(signed({"key": "k", lead: "AES256"}))
    assert (answer.status, answer.headers[lead]) == (204, "AES256")
    assert admin.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    digest = base64.b64encode(hashlib.md5(key).digest()).decode()
    customer = {f"{lead}-customer-key": base64.b64encode(key).decode(), f"{lead}-customer-key-md5": digest}
    answer = post(signed({"key": "c", f"{lead}-customer-algorithm": "AES256", **customer}))
    assert (answer.status, answer.headers[f"{lead}-customer-key-MD5"]) == (204, digest)
    read = admin.get_object(Bucket=bucket, Key="c", SSECustomerAlgorithm="AES256", SSECustomerKey=key)
    assert read["Body"].read() == b"data"


@pytest.mark.parametrize(
    ("conditions", "fields", "status"),
    [
        ([["eq", "$Key", "K"]], {"KEY": "K"}, 204),
        ([["starts-with", "$key", "a/"]], {"key": "b/k"}, 403),
        ([["starts-with", "$key", ""], ["starts-with", "$Content-Type", "image/"]], {"key": "k"}, 403),
        (
            [["starts-with", "$key", ""], ["starts-with", "$Content-Type", "image/"]],
            {"key": "k", "Content-Type": "image/png,image/gif"},
            204,
        ),
        ([{"key": "k"}], {"key": "k", "x-ignore-me": "x", "file": "x"}, 204),
        ([{"key": "k"}, {"x-amz-meta-a": "b"}], {"key": "k"}, 403),
        ([{}], {"key": "k"}, 400),
        ([["eq", "key", "k"]], {"key": "k"}, 400),
        ([["in", "$key", "k"]], {"key": "k"}, 400),
        ([{"key": "k"}, ["content-length-range", -1, 10]], {"key": "k"}, 400),
        ([{"key": "k"}, ["content-length-range", 0]], {"key": "k"}, 400),
        ("none", {"key": "k"}, 400),
    ],
)
def test_conditions_are_held_against_fields(
    bucket: str, post: Post, signed: Any, conditions: Any, fields: dict[str, str], status: int
) -> None:
    whole = conditions if isinstance(conditions, str) else [{"bucket": bucket}, *conditions]
    fields = {name: value for name, value in fields.items() if name != "file"}
    answer = post(signed(fields, whole))
    assert answer.status == status, answer.text
    assert answer.code == {204: "", 403: "AccessDenied", 400: "InvalidPolicyDocument"}[status]


def test_a_policy_that_is_none_is_refused(bucket: str, post: Post, signed: Any) -> None:
    for document in ({"expiration": None}, {"expiration": "soon"}, {"expiration": "2099-01-01"}):
        answer = post(signed({"key": "k"}, **document))
        assert (answer.status, answer.code) == (400, "InvalidPolicyDocument"), document
    answer = post(signed({"key": "k"}, [{"key": "k"}]))
    assert (answer.status, "Extra input fields: bucket" in answer.text) == (403, True)


def test_a_body_that_is_no_form_is_refused(bucket: str, post: Post, signed: Any) -> None:
    fields = signed({"key": "k"})
    assert (post(fields, None).code, post(fields, None).status) == ("InvalidArgument", 400)
    assert "a field named 'key'" in post({}).text
    whole = form(fields, b"data" * 100_000)
    assert post({}, body=whole[:-30]).code == "MalformedPOSTRequest"
    assert post({}, body=b"nothing").code == "MalformedPOSTRequest"
    assert post({}, body=whole, kind="multipart/form-data").status == 412
    assert post({}, body=b"a=b", kind="text/plain").code == "PreconditionFailed"
    assert post({"key": "k", "x-amz-meta-a": "x" * 21_000}).code == "MaxPostPreDataLengthExceededError"


def test_a_file_that_holds_almost_the_boundary_arrives_whole(admin: Any, bucket: str, post: Post, signed: Any) -> None:
    data = (f"\r\n--{BOUNDARY[:-1]}".encode() + b"\r\n-" + bytes(range(256))) * 4_000
    assert post(signed({"key": "k"}), data).status == 204
    assert admin.get_object(Bucket=bucket, Key="k")["Body"].read() == data


def test_nobody_posts_where_a_bucket_lets_nobody_put(admin: Any, bucket: str, post: Post) -> None:
    assert (post({"key": "k"}).status, post({"key": "k"}).code) == (403, "AccessDenied")
    admin.delete_public_access_block(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/in/*",
    }
    admin.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [statement]}))
    assert post({"key": "in/k"}).status == 204
    assert admin.get_object(Bucket=bucket, Key="in/k")["Body"].read() == b"data"
    assert post({"key": "k"}).status == 403


def test_temporary_credentials_sign_forms(server: Any, bucket: str, post: Post) -> None:
    role = server.client("sts").get_caller_identity()["Arn"].split("/")[1]
    arn = f"arn:aws:iam::000000000000:role/{role}"
    keys = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="form")["Credentials"]
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(signature_version="s3v4"),
    )
    made = s3.generate_presigned_post(bucket, "k")["fields"]
    assert post(made).status == 204
    assert post({name: value for name, value in made.items() if name != "x-amz-security-token"}).code == "InvalidToken"
