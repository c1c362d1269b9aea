"""CORS: configuration through boto3, preflights and answers as a browser gets them."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


@pytest.fixture
def ask(server: Any) -> Callable[..., http.client.HTTPResponse]:
    """A request that nobody signs, or one by a URL; its headers are keywords."""

    def send(method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # pyright: ignore[reportAttributeAccessIssue]
            return answer
        finally:
            connection.close()

    return send


def share(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})


def rule(origins: list[str], methods: list[str], **more: Any) -> dict[str, Any]:
    return {"AllowedOrigins": origins, "AllowedMethods": methods, **more}


def refused(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_rules_are_kept_as_they_were_given(s3: Any, bucket: str) -> None:
    missing = ("NoSuchCORSConfiguration", 404)
    assert refused(lambda: s3.get_bucket_cors(Bucket=bucket)) == missing
    full = rule(["https://*.example.com"], ["GET", "PUT"], ID="one", AllowedHeaders=["*"], ExposeHeaders=["ETag"])
    rules = [{**full, "MaxAgeSeconds": 60}, rule(["*"], ["HEAD"])]
    share(s3, bucket, *rules)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.delete_bucket_cors(Bucket=bucket)
    assert refused(lambda: s3.get_bucket_cors(Bucket=bucket)) == missing


@pytest.mark.parametrize(
    ("wrong", "code", "why"),
    [
        (rule(["*"], ["PATCH"]), "InvalidRequest", "Unsupported method is PATCH"),
        (rule(["http://*.*.com"], ["GET"]), "InvalidRequest", "can not have more than one wildcard"),
        (rule(["*"], ["GET"], AllowedHeaders=["x-*-*"]), "InvalidRequest", "can not have more than one wildcard"),
        (rule(["*"], ["GET"], ExposeHeaders=["x-*"]), "InvalidRequest", "do not support wildcard for ExposeHeader"),
        (rule(["*"], ["GET"], ExposeHeaders=["a\r\nSet-Cookie: b=c"]), "InvalidRequest", "not the name of a header"),
        (rule(["*"], ["GET"], ID="x" * 256), "InvalidRequest", "longer than 255"),
        (rule([], ["GET"]), "MalformedXML", "well-formed"),
    ],
)
def test_a_rule_that_is_wrong_is_refused(s3: Any, bucket: str, wrong: dict[str, Any], code: str, why: str) -> None:
    with pytest.raises(ClientError, match=why) as caught:
        share(s3, bucket, wrong)
    assert caught.value.response["Error"]["Code"] == code
    assert refused(lambda: share(s3, bucket, *[rule(["*"], ["GET"])] * 101)) == ("InvalidRequest", 400)


def test_a_preflight_is_answered_by_the_first_rule_that_fits(s3: Any, bucket: str, ask: Any) -> None:
    share(
        s3,
        bucket,
        rule(["https://a.example"], ["PUT"]),
        rule(
            ["https://*.example"],
            ["PUT", "GET"],
            AllowedHeaders=["x-amz-*"],
            ExposeHeaders=["ETag", "X-A"],
            MaxAgeSeconds=9,
        ),
        rule(["*"], ["GET"]),
    )
    asked = {"Origin": "https://b.example", "Access_Control_Request_Method": "PUT"}
    answer = ask("OPTIONS", f"/{bucket}/k", **asked, Access_Control_Request_Headers="X-Amz-Date, x-amz-acl")
    assert answer.status == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "PUT, GET"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-date, x-amz-acl"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag, X-A"
    assert answer.headers["Access-Control-Max-Age"] == "9"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Vary"] == VARY
    anywhere = ask("OPTIONS", f"/{bucket}", Origin="null", Access_Control_Request_Method="GET")
    assert anywhere.headers["Access-Control-Allow-Origin"] == "*"
    assert anywhere.headers["Access-Control-Allow-Credentials"] is None


def test_a_preflight_that_fits_no_rule_is_forbidden(s3: Any, bucket: str, ask: Any) -> None:
    asked = {"Origin": "https://b.example", "Access_Control_Request_Method": "PUT"}
    answer = ask("OPTIONS", f"/{bucket}/k", **asked)
    assert answer.status == 403
    assert "<Code>AccessForbidden</Code><Message>CORSResponse: CORS is not enabled for this bucket.<" in answer.text
    assert "<Method>PUT</Method><ResourceType>OBJECT</ResourceType>" in answer.text
    share(s3, bucket, rule(["https://b.example"], ["PUT"], AllowedHeaders=["x-amz-date"]))
    assert ask("OPTIONS", f"/{bucket}/k", **asked).status == 200
    for changed in (
        {"Origin": "https://c.example"},
        {"Access_Control_Request_Method": "GET"},
        {"Access_Control_Request_Headers": "x-amz-acl"},
    ):
        answer = ask("OPTIONS", f"/{bucket}", **{**asked, **changed})
        assert answer.status == 403
        assert "CORSResponse: This CORS request is not allowed." in answer.text
        assert "<ResourceType>BUCKET</ResourceType>" in answer.text
        assert answer.headers["Access-Control-Allow-Origin"] is None
    assert "CORSResponse: Bucket not found" in ask("OPTIONS", f"/{bucket}-x/k", **asked).text
    answer = ask("OPTIONS", f"/{bucket}/k", Access_Control_Request_Method="PUT")
    assert (answer.status, "Origin request header needed" in answer.text) == (400, True)
    answer = ask("OPTIONS", f"/{bucket}/k", Origin="https://b.example")
    assert (answer.status, "Invalid Access-Control-Request-Method: null" in answer.text) == (400, True)


def test_answers_good_and_bad_say_who_may_read_them(s3: Any, bucket: str, ask: Any) -> None:
    share(s3, bucket, rule(["https://*.example"], ["GET"], ExposeHeaders=["ETag"]))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.removeprefix(s3.meta.endpoint_url)
    answer = ask("GET", path, Origin="https://a.example")
    assert (answer.status, answer.text) == (200, "data")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    assert answer.headers["Vary"] == VARY
    denied = ask("GET", f"/{bucket}/k", Origin="https://a.example")
    assert (denied.status, denied.headers["Access-Control-Allow-Origin"]) == (403, "https://a.example")
    for answer in (
        ask("GET", path),
        ask("GET", path, Origin="https://a.test"),
        ask("PUT", f"/{bucket}/k", Origin="https://a.example"),
        ask("GET", f"/{bucket}-x/k", Origin="https://a.example"),
        ask("GET", "/", Origin="https://a.example"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] is None
