"""botocore signs, we verify; whoever changes anything is refused, in the words of the service's own protocol."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.errors import WireError
from potager.wire import sigv4
from potager.wire.message import Request
from tests.wire.client import received

SECRETS = {"AKID": "a/secret+with=signs", "OTHER": "other"}
CREDENTIALS = Credentials("AKID", SECRETS["AKID"])
URL = "http://127.0.0.1:8484"


def signed(
    method: str = "POST",
    path: str = "/",
    service: str = "sagemaker",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    credentials: Credentials = CREDENTIALS,
    params: dict[str, str] | None = None,
    region: str = "eu-west-1",
) -> tuple[Request, bytes]:
    """A request that botocore has signed in its headers."""
    sent = AWSRequest(method, URL + path, headers or {}, data=body, params=params or {})
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, region).add_auth(sent)
    return received(sent.prepare())


def presigned(
    path: str = "/b/k", service: str = "s3", expires: int = 60, method: str = "GET", **params: str
) -> Request:
    """A URL that botocore has signed."""
    sent = AWSRequest(method, URL + path, params=params)
    signer = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    signer(CREDENTIALS, service, "eu-west-1", expires=expires).add_auth(sent)
    return received(sent.prepare())[0]


def now(minutes: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def verify(
    request: Request, body: bytes | None = None, protocol: str = "json", at: datetime | None = None, **more: Any
):
    return sigv4.verify(request, SECRETS.get, at or now(), protocol=protocol, body=body, **more)


def refused(request: Request, body: bytes | None = None, protocol: str = "json", **more: Any) -> WireError:
    with pytest.raises(WireError) as caught:
        verify(request, body, protocol, **more)
    return caught.value


def changed(request: Request, **headers: str) -> Request:
    return dataclasses.replace(request, headers={**request.headers, **headers})


def test_a_signed_request_names_who_signed_it_and_for_where() -> None:
    request, body = signed(headers={"X-Amz-Target": "SageMaker.ListModels"})
    identity = verify(request, body, service="sagemaker")
    assert (identity.access_key, identity.region, identity.service) == ("AKID", "eu-west-1", "sagemaker")
    assert identity.token is None
    assert not identity.presigned


@pytest.mark.parametrize(
    "path", ["/b/a//b", "/b/./c", "/b/../c", "/b/%2F", "/b/a%2Bb", "/b/%E6%BC%A2", "/b/~x", "/b/a%20b"]
)
def test_an_objects_path_is_signed_as_it_stands(path: str) -> None:
    request, body = signed("PUT", path, "s3", b"data")
    assert verify(request, body, "rest-xml").access_key == "AKID"


@pytest.mark.parametrize("path", ["/endpoints/a%20b/invocations", "/a//b", "/a/./b/../c", "/a%2Fb", "/"])
def test_other_services_paths_are_normalized_and_encoded_twice(path: str) -> None:
    request, body = signed("POST", path)
    assert verify(request, body, "rest-json").access_key == "AKID"


@given(
    key=st.text(min_size=1, max_size=40), value=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
)
@settings(max_examples=200, deadline=None)
def test_any_key_and_any_query_verify(key: str, value: str) -> None:
    path = "/bucket/" + quote(key.encode("utf-8", "replace"), safe="/~")
    request, body = signed("GET", path, "s3", b"", params={"prefix": value, "list-type": "2"})
    assert verify(request, body, "rest-xml").access_key == "AKID"


@given(value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_header_value_verifies(value: str) -> None:
    request, body = signed("PUT", "/b/k", "s3", b"x", {"x-amz-meta-note": value})
    assert verify(request, body, "rest-xml").access_key == "AKID"


@pytest.mark.parametrize("region", ["..", "us east-1", "x" * 300, "US-EAST-1", "%2E%2E"])
@pytest.mark.parametrize(
    ("protocol", "code", "status"),
    [
        ("json", "InvalidSignatureException", 400),
        ("query", "SignatureDoesNotMatch", 403),
        ("rest-xml", "AuthorizationHeaderMalformed", 400),
    ],
)
def test_a_signature_for_a_region_that_cannot_be_is_refused(protocol: str, code: str, status: int, region: str) -> None:
    request, body = signed("POST", "/a", "s3" if protocol == "rest-xml" else "sagemaker", region=region)
    error = refused(request, body, protocol)
    assert (error.code, error.status) == (code, status)
    assert ("expecting 'us-east-1'" if protocol == "rest-xml" else "valid region") in error.message
    assert error.fields.get("Region") == ("us-east-1" if protocol == "rest-xml" else None)


@pytest.mark.parametrize("protocol", ["json", "query", "rest-json", "rest-xml"])
def test_tampering_with_any_part_is_refused(protocol: str) -> None:
    service = "s3" if protocol == "rest-xml" else "sagemaker"
    request, body = signed("POST", "/a/b", service, b"body", {"x-amz-meta-a": "1"}, params={"q": "1"})
    assert verify(request, body, protocol)
    tampered = [
        dataclasses.replace(request, method="PUT"),
        dataclasses.replace(request, path="/a/c"),
        dataclasses.replace(request, query="q=2"),
        dataclasses.replace(request, query="q=1&r=1"),
        changed(request, **{"x-amz-meta-a": "2"}),
        changed(request, host="elsewhere:8484"),
        changed(request, authorization=request.headers["authorization"].replace("eu-west-1", "us-east-1")),
        changed(request, authorization=request.headers["authorization"][:-1] + "!"),
    ]
    for other in tampered:
        assert refused(other, body, protocol).code in ("SignatureDoesNotMatch", "InvalidSignatureException")
    code = "XAmzContentSHA256Mismatch" if service == "s3" else refused(tampered[0], body, protocol).code
    assert refused(request, b"other", protocol).code == code


@pytest.mark.parametrize(
    ("protocol", "code", "status"),
    [
        ("rest-xml", "AccessDenied", 403),
        ("json", "InvalidSignatureException", 400),
        ("query", "SignatureDoesNotMatch", 403),
    ],
)
def test_a_header_that_was_added_unsigned_is_refused(protocol: str, code: str, status: int) -> None:
    request, body = signed("PUT", "/b/k", "s3" if protocol == "rest-xml" else "sagemaker", b"x")
    error = refused(changed(request, **{"x-amz-copy-source": "/secret/key"}), body, protocol)
    assert (error.code, error.status) == (code, status)


@pytest.mark.parametrize(
    ("protocol", "unknown", "wrong", "missing"),
    [
        ("rest-xml", ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403), ("AccessDenied", 403)),
        ("query", ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403), ("MissingAuthenticationToken", 403)),
        (
            "json",
            ("UnrecognizedClientException", 400),
            ("InvalidSignatureException", 400),
            ("MissingAuthenticationTokenException", 400),
        ),
    ],
)
def test_each_protocol_refuses_in_its_own_words(
    protocol: str, unknown: tuple[str, int], wrong: tuple[str, int], missing: tuple[str, int]
) -> None:
    service = "s3" if protocol == "rest-xml" else "sagemaker"
    request, body = signed("GET", "/", service, b"", credentials=Credentials("NOBODY", "x"))
    error = refused(request, body, protocol)
    assert (error.code, error.status) == unknown
    request, body = signed("GET", "/", service, b"", credentials=Credentials("AKID", "wrong"))
    error = refused(request, body, protocol)
    assert (error.code, error.status) == wrong
    error = refused(Request("GET", "/", "", {"host": "x"}), b"", protocol)
    assert (error.code, error.status) == missing


@pytest.mark.parametrize(
    ("header", "value", "wanted"),
    [
        ("authorization", "", ("AccessDenied", 403)),
        ("authorization", "AWS nothing", ("InvalidArgument", 400)),
        ("authorization", "AWS4 nothing", ("InvalidArgument", 400)),
        ("authorization", "AWS4-HMAC-SHA256 Credential=nothing", ("AuthorizationHeaderMalformed", 400)),
        ("x-amz-date", "", ("AccessDenied", 403)),
        ("x-amz-date", "Bad Date", ("AccessDenied", 403)),
        ("x-amz-date", "19500707T215304Z", ("AccessDenied", 403)),
        ("x-amz-date", "20100707T215304Z", ("RequestTimeTooSkewed", 403)),
        ("x-amz-date", "99990707T215304Z", ("RequestTimeTooSkewed", 403)),
    ],
)
def test_s3_has_codes_of_its_own_for_headers_that_cannot_be_read(
    header: str, value: str, wanted: tuple[str, int]
) -> None:
    request, _ = signed("PUT", "/b/k", "s3", b"x")
    error = refused(changed(request, **{header: value}), None, "rest-xml")
    assert (error.code, error.status) == wanted


@pytest.mark.parametrize("minutes", [-20, 20])
@pytest.mark.parametrize(
    ("protocol", "code"),
    [("rest-xml", "RequestTimeTooSkewed"), ("json", "InvalidSignatureException"), ("query", "SignatureDoesNotMatch")],
)
def test_a_clock_twenty_minutes_off_is_refused_and_fourteen_are_not(protocol: str, code: str, minutes: float) -> None:
    request, body = signed("GET", "/b", "s3" if protocol == "rest-xml" else "sagemaker", b"")
    error = refused(request, body, protocol, at=now(minutes))
    assert error.code == code
    if protocol != "rest-xml":
        assert error.message.startswith("Signature expired" if minutes > 0 else "Signature not yet current")
    assert verify(request, body, protocol, at=now(minutes * 0.7))


def test_a_signature_for_another_service_is_refused() -> None:
    request, body = signed(service="sts")
    assert refused(request, body, service="sagemaker").message == (
        "Credential should be scoped to correct service: 'sagemaker'."
    )


def test_a_presigned_url_verifies_until_it_expires() -> None:
    request = presigned(expires=60, **{"response-content-type": "text/plain"})
    identity = verify(request, protocol="rest-xml")
    assert identity.presigned
    assert identity.payload == "UNSIGNED-PAYLOAD"
    error = refused(request, protocol="rest-xml", at=now(2))
    assert (error.code, error.message, error.status) == ("AccessDenied", "Request has expired", 403)
    assert refused(dataclasses.replace(request, path="/b/other"), protocol="rest-xml").code == "SignatureDoesNotMatch"
    longer = dataclasses.replace(request, query=request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    assert refused(longer, protocol="rest-xml").code == "SignatureDoesNotMatch"
    more = dataclasses.replace(request, query=request.query + "&versionId=1")
    assert refused(more, protocol="rest-xml").code == "SignatureDoesNotMatch"


def test_a_presigned_url_of_sts_verifies() -> None:
    request = presigned("/", "sts", Action="GetCallerIdentity", Version="2011-06-15")
    assert verify(request, b"", "query").service == "sts"


def test_a_presigned_url_cannot_be_given_unsigned_headers() -> None:
    request = changed(presigned(method="PUT"), **{"x-amz-copy-source": "/secret/key"})
    assert refused(request, protocol="rest-xml").fields["HeadersNotSigned"] == "x-amz-copy-source"


def old_presigned(**params: str) -> Request:
    """As boto3 presigns for us-east-1 by default."""
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": SECRETS["AKID"]}
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=URL, **keys)
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k x/ü", **params}))
    assert "AWSAccessKeyId" in url.query
    return Request("GET", url.path, url.query, {"host": url.netloc})


def test_a_presigned_url_of_version_two_verifies_until_it_expires() -> None:
    request = old_presigned(ResponseContentType="text/plain; charset=utf-8", VersionId="a+b/c")
    identity = verify(request, protocol="rest-xml")
    assert (identity.access_key, identity.region, identity.presigned) == ("AKID", "", True)
    assert refused(request, protocol="rest-xml", at=now(61)).message == "Request has expired"
    assert refused(dataclasses.replace(request, path="/b/l"), protocol="rest-xml").code == "SignatureDoesNotMatch"
    other = dataclasses.replace(request, query=request.query.replace("text%2Fplain", "text%2Fhtml"))
    assert other.query != request.query
    assert refused(other, protocol="rest-xml").code == "SignatureDoesNotMatch"
    assert refused(request, protocol="json").code == "IncompleteSignatureException"


def test_a_bucket_is_listed_by_a_url_of_version_two_and_nothing_else_is_done_to_it() -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": SECRETS["AKID"]}
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=URL, **keys)
    url = urlsplit(s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "bucket"}))
    request = Request("GET", url.path, url.query, {"host": url.netloc})
    assert verify(request, protocol="rest-xml").access_key == "AKID"
    for query in ("publicAccessBlock", "encryption", "policyStatus="):
        other = dataclasses.replace(request, query=f"{request.query}&{query}")
        assert "does not cover" in refused(other, protocol="rest-xml").message
    other = dataclasses.replace(request, query=f"{request.query}&policy")
    assert refused(other, protocol="rest-xml").code == "SignatureDoesNotMatch"


def test_the_session_token_comes_along_and_is_signed() -> None:
    request, body = signed(credentials=Credentials("AKID", SECRETS["AKID"], "the-token"))
    assert verify(request, body).token == "the-token"
    assert refused(changed(request, **{"x-amz-security-token": "another"}), body).code == "InvalidSignatureException"


@given(text=st.text(st.characters(max_codepoint=255), max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_authorization_header_is_refused_with_a_fault(text: str) -> None:
    for claim in (text, "AWS4-HMAC-SHA256 " + text, "AWS " + text, f"AWS4-HMAC-SHA256 Credential=AKID/{text}"):
        request = Request("GET", "/", "", {"host": "x", "authorization": claim, "x-amz-date": "20261123T100000Z"})
        for protocol in ("json", "query", "rest-xml"):
            assert 400 <= refused(request, b"", protocol).status < 500


@given(query=st.text(max_size=80), value=st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_query_is_refused_with_a_fault(query: str, value: str) -> None:
    claim = f"X-Amz-Signature={value}&X-Amz-Credential={value}&X-Amz-Expires={value}&X-Amz-Date={value}&{query}"
    for text in (claim, f"AWSAccessKeyId=AKID&Signature={value}&Expires={value}&{query}"):
        assert 400 <= refused(Request("GET", "/b/k", text, {"host": "x"}), None, "rest-xml").status < 500


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("X-Amz-Expires", "604801", "less than a week"),
        ("X-Amz-Expires", "-1", "non-negative"),
        ("X-Amz-Expires", "soon", "should be a number"),
        ("X-Amz-Expires", None, "requires the X-Amz-Algorithm"),
        ("X-Amz-Signature", None, "requires the X-Amz-Algorithm"),
        ("X-Amz-Algorithm", "AWS5", "only supports"),
        ("X-Amz-Date", "yesterday", "ISO8601 Long Format"),
        ("X-Amz-Credential", "AKID", "Credential is mal-formed"),
    ],
)
def test_a_presigned_url_that_cannot_be_read_says_why(name: str, value: str | None, why: str) -> None:
    sent = presigned()
    pairs = [pair.partition("=") for pair in sent.query.split("&")]
    query = "&".join(f"{key}={value if key == name else old}" for key, _, old in pairs if key != name or value)
    with pytest.raises(WireError, match=why) as caught:
        verify(dataclasses.replace(sent, query=query), protocol="rest-xml")
    assert (caught.value.code, caught.value.status) == ("AuthorizationQueryParametersError", 400)


def test_a_request_with_two_signatures_is_refused() -> None:
    sent = changed(presigned(), authorization="AWS AKID:abc")
    with pytest.raises(WireError, match="Only one auth mechanism allowed") as caught:
        verify(sent, protocol="rest-xml")
    assert caught.value.code == "InvalidArgument"


def test_a_version_two_url_that_lacks_a_part_is_denied() -> None:
    sent = old_presigned()
    query = "&".join(pair for pair in sent.query.split("&") if not pair.startswith("Expires="))
    with pytest.raises(WireError, match="requires the Signature, Expires and AWSAccessKeyId") as caught:
        verify(dataclasses.replace(sent, query=query), protocol="rest-xml")
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


def test_s3_and_what_says_so_take_who_did_not_sign() -> None:
    request = Request("GET", "/b/k", "", {"host": "localhost"})
    assert sigv4.verify(request, SECRETS.get, now(), protocol="rest-xml", service="s3", body=b"").access_key == ""
    for service in ("sagemaker", "sts", None):
        with pytest.raises(WireError):
            sigv4.verify(request, SECRETS.get, now(), protocol="json", service=service, body=b"")
    assert sigv4.verify(request, SECRETS.get, now(), protocol="query", service="sns", unsigned=True).access_key == ""
    chunks = dataclasses.replace(request, headers={"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"})
    with pytest.raises(WireError, match="Access Denied"):
        sigv4.verify(chunks, SECRETS.get, now(), protocol="rest-xml", service="s3")
