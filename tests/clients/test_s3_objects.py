"""Objects put, read, copied and deleted through boto3."""

from __future__ import annotations

import datetime
import hashlib
import http.client
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


KEYS = [
    "plain.csv",
    "a/b/c",
    "a//b",
    "dir/",
    "space and+plus",
    "ünï/コード/😀",
    "per%cent%2Fsigns",
    "q?uery&amp=1#frag",
    "quotes\"'<>",
    "..",
    "./x/../y",
    "tab\tnew",
    "x" * 1024,
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_any_legal_shape_keeps_its_object(s3: Any, bucket: str, key: str) -> None:
    body = key.encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == body
    s3.delete_object(Bucket=bucket, Key=key)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["copy"]


def test_a_key_over_1024_bytes_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="ü" * 513, Body=b"x")
    assert code(caught) == ("KeyTooLongError", 400)
    with pytest.raises(ClientError) as caught:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "ü" * 513}]})
    assert code(caught) == ("KeyTooLongError", 400)


def test_an_object_comes_back_with_all_that_was_said_of_it(s3: Any, bucket: str) -> None:
    expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    said: dict[str, Any] = {
        "ContentType": "text/csv; charset=utf-8",
        "ContentEncoding": "gzip",
        "ContentDisposition": 'attachment; filename="a.csv"',
        "ContentLanguage": "de",
        "CacheControl": "max-age=60",
    }
    put = s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", Metadata={"owner": "me", "stage": "raw"}, Expires=expires, **said
    )
    assert put["ETag"] == '"' + hashlib.md5(b"x").hexdigest() + '"'
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert {name: answer[name] for name in said} == said
        assert answer["Metadata"] == {"owner": "me", "stage": "raw"}
        assert answer["ETag"] == put["ETag"]
        assert answer["ContentLength"] == 1
        assert answer["AcceptRanges"] == "bytes"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["expires"] == "Wed, 02 Jan 2030 03:04:05 GMT"


def test_an_object_without_a_type_is_binary_and_an_empty_one_is_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["ContentType"], got["ContentLength"], got["Body"].read()) == ("binary/octet-stream", 0, b"")


@pytest.mark.parametrize(
    ("header", "expected"),
    [("bytes=0-0", b"0"), ("bytes=3-5", b"345"), ("bytes=7-", b"789"), ("bytes=-4", b"6789"), ("bytes=8-99", b"89")],
)
def test_a_range_is_answered_with_206(s3: Any, bucket: str, header: str, expected: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert got["Body"].read() == expected
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    start = 10 - 4 if header == "bytes=-4" else int(header[6:].split("-")[0])
    assert got["ContentRange"] == f"bytes {start}-{start + len(expected) - 1}/10"


def test_a_range_outside_of_the_object_is_416(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert code(caught) == ("InvalidRange", 416)
    assert s3.get_object(Bucket=bucket, Key="k", Range="lines=1-2")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_conditions_on_a_read_are_held(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    past = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    future = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=past)
    s3.get_object(Bucket=bucket, Key="k", IfNoneMatch='"other"', IfModifiedSince=future)
    for condition in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": past}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="k", **condition)
        assert code(caught) == ("PreconditionFailed", 412)
    for condition in ({"IfNoneMatch": etag}, {"IfModifiedSince": future}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="k", **condition)
        assert code(caught) == ("304", 304)
        assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag


def test_a_write_can_be_made_to_depend_on_what_is_there(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code(caught) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=etag)
    assert code(caught) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="other", Body=b"4", IfMatch=etag)
    assert code(caught) == ("NoSuchKey", 404)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_response_headers_can_be_set_by_the_reader(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/csv")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/plain", ResponseContentDisposition="attachment"
    )
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/plain", "attachment")


def test_a_missing_key_is_no_such_key_and_its_head_an_empty_404(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket=bucket, Key="nothing")
    assert caught.value.response["Error"]["Key"] == "nothing"
    with pytest.raises(ClientError) as headed:
        s3.head_object(Bucket=bucket, Key="nothing")
    assert code(headed) == ("404", 404)


def test_deleting_what_is_not_there_succeeds_and_many_keys_go_at_once(s3: Any, bucket: str) -> None:
    assert s3.delete_object(Bucket=bucket, Key="nothing")["ResponseMetadata"]["HTTPStatusCode"] == 204
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    wanted = {"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "absent"}]}
    done = s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert [each["Key"] for each in done["Deleted"]] == ["a", "b", "absent"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_of_many_keys_those_stay_that_are_not_as_expected(s3: Any, bucket: str) -> None:
    etags = {key: s3.put_object(Bucket=bucket, Key=key, Body=key.encode())["ETag"] for key in ("a", "b", "c", "d")}
    wanted = [
        {"Key": "a", "ETag": etags["a"]},
        {"Key": "b", "ETag": etags["a"]},
        {"Key": "c", "Size": 99},
        {"Key": "d", "VersionId": "one"},
    ]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
    assert "Deleted" not in done
    assert [(each["Key"], each["Code"]) for each in done["Errors"]] == [
        ("b", "PreconditionFailed"),
        ("c", "PreconditionFailed"),
        ("d", "NoSuchVersion"),
    ]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["b", "c", "d"]


def test_a_copy_keeps_or_replaces_what_is_said_of_it(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "1"}, ContentType="text/csv")
    source = {"Bucket": bucket, "Key": "k"}
    made = s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    assert made["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(b"x").hexdigest() + '"'
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == {"a": "1"}
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    replaced = s3.head_object(Bucket=bucket, Key="new")
    assert (replaced["Metadata"], replaced["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"x"


def test_a_copy_is_of_the_storage_class_that_its_request_names(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA", WebsiteRedirectLocation="/there")
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "k"}}
    for more, expected in (
        ({}, None),
        ({"MetadataDirective": "REPLACE"}, None),
        ({"StorageClass": "STANDARD"}, None),
        ({"StorageClass": "ONEZONE_IA"}, "ONEZONE_IA"),
    ):
        s3.copy_object(**copy, **more)
        head = s3.head_object(Bucket=bucket, Key="copy")
        assert (head.get("StorageClass"), "WebsiteRedirectLocation" in head) == (expected, False)


def test_a_copy_onto_itself_must_change_something(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    source = {"Bucket": bucket, "Key": "k"}
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
    assert code(caught) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "3"})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Metadata"], got["Body"].read()) == ({"c": "3"}, b"x")


def test_a_copy_of_what_is_not_there_says_what_is_missing(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "nothing"})
    assert code(caught) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": "no-such-bucket-here", "Key": "k"})
    assert code(caught) == ("NoSuchBucket", 404)
    assert caught.value.response["Error"]["BucketName"] == "no-such-bucket-here"


def test_what_is_not_served_is_refused_and_not_passed_over(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")
    assert code(caught) == ("NotImplemented", 501)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert code(caught) == ("AccessControlListNotSupported", 400)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"big": "x" * 3000})
    assert code(caught) == ("MetadataTooLarge", 400)


def test_a_body_that_ends_early_leaves_nothing(server: Any, s3: Any, bucket: str) -> None:
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "torn"}))
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", "5000000")
    connection.endheaders()
    connection.send(b"x" * 3_000_000)
    connection.close()
    s3.put_object(Bucket=bucket, Key="after", Body=b"x")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["after"]


def test_an_upload_that_does_not_say_how_long_it_is_is_refused(server: Any, s3: Any, bucket: str) -> None:
    for key, head in (("k", {}), ("chunked", {"Transfer-Encoding": "chunked"})):
        url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}))
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        for name, value in head.items():
            connection.putheader(name, value)
        connection.endheaders()
        if head:
            connection.send(b"1\r\nx\r\n0\r\n\r\n")
        answer = connection.getresponse()
        assert (answer.status, b"<Code>MissingContentLength</Code>" in answer.read()) == (411, True)
        connection.close()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_key_that_is_no_text_is_refused(s3: Any, bucket: str) -> None:
    for key in ("%FF%FE", "a%00b"):
        url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "KEY"}))
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
        connection.request("PUT", f"{url.path.replace('KEY', key)}?{url.query}", b"x")
        answer = connection.getresponse()
        assert (answer.status, b"<Code>InvalidURI</Code>" in answer.read()) == (400, True)
        connection.close()
    for call in (s3.get_object, s3.head_object, s3.delete_object):
        with pytest.raises(ClientError) as caught:
            call(Bucket=bucket, Key="k" * 1025)
        assert code(caught)[1] == 400


def test_metadata_comes_back_as_it_was_sent(s3: Any, bucket: str) -> None:
    sent = {"empty": "", "encoded": "=?UTF-8?B?w7w=?=", "signs": "a=b; c,d", "Upper": "X"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=sent)
    expected = {name.lower(): value for name, value in sent.items()}
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == expected
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == expected


def test_a_condition_whose_date_is_none_is_passed_over_and_an_encoded_slash_is_one(
    server: Any, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")

    def changed(request: Any, **_: Any) -> None:
        request.headers["If-Modified-Since"] = "yesterday"
        if request.method == "PUT":
            request.headers.replace_header("x-amz-copy-source", f"{bucket}%2Fa%2Fk")

    other = server.client("s3", region="us-east-1")
    other.meta.events.register("before-sign.s3", changed)
    assert other.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"x"
    other.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a/k"})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x"


def test_a_presigned_url_puts_and_gets_without_an_sdk(s3: Any, bucket: str) -> None:
    for method, operation, body in (("PUT", "put_object", b"by url"), ("GET", "get_object", None)):
        url = urlsplit(s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "a b/ü"}))
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
        connection.request(method, f"{url.path}?{url.query}", body)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read() == (b"" if body else b"by url")
        connection.close()
