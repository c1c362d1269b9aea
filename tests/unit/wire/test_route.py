"""Every request finds its own operation, and none finds another's."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from botocore.exceptions import UnknownServiceError
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.errors import Fault, Unserved, WireError
from potager.wire import bucket, catalog, model, route
from potager.wire.message import Request

SCOPE = "AWS4-HMAC-SHA256 Credential=AK/20261123/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def request(method: str, path: str, service: str | None = "s3", **headers: str) -> Request:
    path, _, query = path.partition("?")
    signed = {"authorization": SCOPE.format(service)} if service else {}
    return Request(method, path, query, {"host": "localhost:8484", **signed, **headers})


def operation(method: str, path: str, service: str | None = "s3", **headers: str) -> str:
    return route.resolve(request(method, path, service, **headers)).operation


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/", "ListBuckets"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b/", "CreateBucket"),
        ("HEAD", "/b", "HeadBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b?prefix=a&delimiter=/&x-id=ListObjects", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b?location=", "GetBucketLocation"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("GET", "/b?versions", "ListObjectVersions"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?versionId=1&partNumber=2&response-content-type=text/plain", "GetObject"),
        ("GET", "/b/k?uploadId=1", "ListParts"),
        ("GET", "/b/k?acl", "GetObjectAcl"),
        ("GET", "/b/k?attributes", "GetObjectAttributes"),
        ("HEAD", "/b/k", "HeadObject"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE", "/b/k?tagging", "DeleteObjectTagging"),
        ("PUT", "/b?cors", "PutBucketCors"),
        ("PUT", "/b?website", "PutBucketWebsite"),
        ("GET", "/b/k?torrent", "GetObjectTorrent"),
        ("PUT", "/b?analytics", "PutBucketAnalyticsConfiguration"),
        ("GET", "/b?analytics&id=x", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?lifecycle", "GetBucketLifecycleConfiguration"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
    ],
)
def test_s3_operations_are_told_apart(method: str, path: str, name: str) -> None:
    assert operation(method, path) == name


def test_copies_are_told_by_their_source() -> None:
    assert operation("PUT", "/b/k", **{"x-amz-copy-source": "/a/k"}) == "CopyObject"
    assert operation("PUT", "/b/k?partNumber=1&uploadId=u", **{"x-amz-copy-source": "/a/k"}) == "UploadPartCopy"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/b?uploads"),
        ("PUT", "/b?acl&cors"),
        ("PUT", "/b/k?cors"),
        ("PUT", "/b/k?uploadId=u"),
        ("PUT", "/b/k?partNumber=1"),
        ("PUT", "/b?uploadId=u"),
        ("DELETE", "/b?uploadId=u"),
        ("DELETE", "/b?acl"),
        ("DELETE", "/b/k?acl"),
        ("HEAD", "/b/k?acl"),
        ("GET", "/b?list-type=1"),
        ("GET", "/b/k?list-type=2"),
        ("POST", "/b/k"),
        ("PUT", "/"),
        ("DELETE", "/"),
        ("PATCH", "/b/k"),
        ("OPTIONS", "/"),
        ("PUT", "/b?delete&acl"),
        ("PUT", "/b/k?tagging&acl"),
    ],
)
def test_what_fits_no_operation_is_refused(method: str, path: str) -> None:
    with pytest.raises(WireError) as caught:
        operation(method, path)
    assert caught.value.code in ("MethodNotAllowed", "InvalidArgument")


def test_no_sub_resource_ever_reaches_a_plain_operation() -> None:
    plain = {"ListBuckets", "ListObjects", "CreateBucket", "DeleteBucket", "HeadBucket"}
    plain |= {"GetObject", "PutObject", "DeleteObject", "HeadObject", "CopyObject"}
    uris = [model.operation("s3", name).http["requestUri"] for name in model.names("s3")]
    literals = {pair.partition("=")[0] for uri in uris for pair in uri.partition("?")[2].split("&") if pair}
    assert len(literals) > 40
    for literal in literals:
        for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
            for path in ("/", "/b", "/b/k"):
                try:
                    assert operation(method, f"{path}?{literal}") not in plain
                except WireError as error:
                    assert error.code in ("MethodNotAllowed", "InvalidArgument")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("query", ["foo", "foo&acl", "acl&foo", "Acl", "tagging&x-y", "%61bc", "versions&foo"])
def test_a_sub_resource_that_nobody_knows_is_refused_by_name(method: str, query: str) -> None:
    for path in ("/b", "/b/k"):
        with pytest.raises(Unserved, match="does not serve the sub-resource"):
            operation(method, f"{path}?{query}")


def test_a_parameter_that_nobody_knows_is_passed_over() -> None:
    assert operation("GET", "/b/k?foo=bar&x-id=GetObject") == "GetObject"
    assert operation("GET", "/b?acl&foo=") == "GetBucketAcl"


def test_two_sub_resources_are_in_conflict() -> None:
    with pytest.raises(WireError, match="Conflicting query string parameters: acl, policy") as caught:
        operation("GET", "/b?policy&acl")
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)


def test_a_preflight_and_a_form_have_names_that_the_model_does_not_know() -> None:
    assert operation("OPTIONS", "/b/k") == operation("OPTIONS", "/b?acl") == "PreflightRequest"
    assert operation("POST", "/b", None, **{"content-type": "multipart/form-data; boundary=x"}) == "PostObject"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_key_arrives_as_it_was(key: str) -> None:
    target = route.resolve(request("PUT", "/bucket/" + quote(key, safe="/~")))
    assert (target.operation, target.labels) == ("PutObject", {"Bucket": "bucket", "Key": key})


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b//a", "/a"),
        ("/b/a//b/", "a//b/"),
        ("/b/.", "."),
        ("/b/../x", "../x"),
        ("/b/%2F", "/"),
        ("/b/a%2Fb", "a/b"),
        ("/b/a+b", "a+b"),
        ("/b/a%2Bb", "a+b"),
        ("/b/%25", "%"),
        ("/b/%", "%"),
    ],
)
def test_a_path_is_never_normalised(path: str, key: str) -> None:
    assert route.resolve(request("GET", path)).labels == {"Bucket": "b", "Key": key}


def test_a_path_that_is_no_text_is_refused() -> None:
    for path in ("/b/%ff", "//key"):
        with pytest.raises(WireError) as caught:
            operation("GET", path)
        assert caught.value.code == "InvalidURI"


@pytest.mark.parametrize(
    ("host", "bucket_name", "region"),
    [
        ("my.bucket.s3.eu-west-1.amazonaws.com", "my.bucket", "eu-west-1"),
        ("b.s3-us-west-2.amazonaws.com", "b", "us-west-2"),
        ("b.s3.amazonaws.com:443", "b", None),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", "b", "eu-west-1"),
        ("b.s3.localhost:8484", "b", None),
        ("my.claims.localhost:8484", "my.claims", None),
        ("Claims.LOCALHOST.", "claims", None),
        ("s3.eu-west-1.amazonaws.com", None, "eu-west-1"),
        ("s3.localhost", None, None),
        ("localhost:8484", None, None),
        ("127.0.0.1:8484", None, None),
        ("[::1]:8484", None, None),
        ("b.s3.evil.com", None, None),
    ],
)
def test_a_host_may_name_bucket_and_region(host: str, bucket_name: str | None, region: str | None) -> None:
    assert bucket.host(host) == (bucket_name, region)
    target = route.resolve(Request("GET", "/a/b", "", {"host": host}))
    key = {"Bucket": bucket_name, "Key": "a/b"} if bucket_name else {"Bucket": "a", "Key": "b"}
    assert (target.labels, target.region) == (key, region)


@pytest.mark.parametrize(
    ("host", "bucket_name"),
    [
        ("claims.S3.example.com:8484", "claims"),
        ("my.claims.s3.example.com", "my.claims"),
        ("s3.example.com:8484", None),
        ("example.com", None),
        ("claims.s3.example.com.evil.com", None),
        ("claims.localhost", "claims"),
    ],
)
def test_a_domain_of_ones_own_has_buckets_below_it(host: str, bucket_name: str | None) -> None:
    target = route.resolve(Request("GET", "/a/b", "", {"host": host}, domain="s3.Example.com"))
    assert target.labels == ({"Bucket": bucket_name, "Key": "a/b"} if bucket_name else {"Bucket": "a", "Key": "b"})


def test_targets_actions_and_paths_name_their_services() -> None:
    target = route.resolve(request("POST", "/", "sagemaker", **{"x-amz-target": "SageMaker.ListModels"}))
    assert (target.service, target.operation, target.protocol) == ("sagemaker", "ListModels", "json")
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    sent = request("POST", "/", "sts", **form)
    assert route.is_form(sent)
    target = route.resolve(sent, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert (target.service, target.operation, target.protocol) == ("sts", "GetCallerIdentity", "query")
    target = route.resolve(request("GET", "/?Action=GetRole&Version=2010-05-08", None))
    assert (target.service, target.operation, target.signing_name) == ("iam", "GetRole", "iam")
    paths = {
        ("POST", "/endpoints/a%2Fb/invocations"): ("sagemaker-runtime", "InvokeEndpoint"),
        ("POST", "/endpoints/e/async-invocations"): ("sagemaker-runtime", "InvokeEndpointAsync"),
        ("PUT", "/FeatureGroup/f"): ("sagemaker-featurestore-runtime", "PutRecord"),
        ("GET", "/FeatureGroup/f"): ("sagemaker-featurestore-runtime", "GetRecord"),
        ("POST", "/BatchGetRecord"): ("sagemaker-featurestore-runtime", "BatchGetRecord"),
        ("PUT", "/BatchPutMetrics"): ("sagemaker-metrics", "BatchPutMetrics"),
        ("POST", "/human-loops/stop"): ("sagemaker-a2i-runtime", "StopHumanLoop"),
    }
    for (method, path), (service, name) in paths.items():
        target = route.resolve(request(method, path, "sagemaker"))
        assert (target.service, target.operation, target.signing_name) == (service, name, "sagemaker")
    labels = route.resolve(request("POST", "/endpoints/a%2Fb/invocations", "sagemaker")).labels
    assert labels == {"EndpointName": "a/b"}


def test_json_one_point_nought_is_answered_in_kind() -> None:
    headers = {"x-amz-target": "SageMaker.ListModels", "content-type": "application/x-amz-json-1.0"}
    target = route.resolve(request("POST", "/", "sagemaker", **headers))
    assert target.error(WireError("X", "y"), "id").header("content-type") == "application/x-amz-json-1.0"


def test_an_unserved_service_is_routed_by_name_in_cbor_too() -> None:
    headers = {"smithy-protocol": "rpc-v2-cbor"}
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    target = route.resolve(request("POST", path, "monitoring", **headers))
    assert (target.service, target.operation, target.known) == ("cloudwatch", "PutMetricData", True)
    response = target.error(WireError("NotImplemented", "not served", 501), "id")
    assert (response.status, response.header("smithy-protocol")) == (501, "rpc-v2-cbor")
    assert response.body == b"\xa2\x66__type\x6eNotImplemented\x67message\x6anot served"


def test_what_nobody_knows_is_an_unknown_operation() -> None:
    for sent in (
        request("POST", "/", "sagemaker", **{"x-amz-target": "Nonsense.Do"}),
        request("POST", "/nowhere", "sagemaker"),
        request("POST", "/", "ec9"),
        request("POST", "/service/x/operation/y", None, **{"smithy-protocol": "rpc-v2-cbor"}),
    ):
        with pytest.raises(WireError) as caught:
            route.resolve(sent)
        assert caught.value.code == "UnknownOperationException"
        assert route.guess(sent).error(caught.value, "id", sent).status in (400, 404)


TEXT = st.text(st.characters(max_codepoint=255), max_size=40)


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "X"]),
    path=TEXT,
    query=TEXT,
    body=st.binary(max_size=60),
    headers=st.dictionaries(
        st.sampled_from(
            ["authorization", "x-amz-target", "content-type", "host", "smithy-protocol", "x-amz-copy-source"]
        ),
        st.one_of(
            TEXT, st.sampled_from([SCOPE.format("s3"), SCOPE.format("sts"), "application/x-www-form-urlencoded"])
        ),
    ),
)
@settings(max_examples=500, deadline=None)
def test_any_request_has_a_route_or_a_fault(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    sent = Request(method, "/" + path, query, headers)
    try:
        target = route.resolve(sent, body if route.is_form(sent) else b"")
        assert target.service
    except Fault:
        target = route.guess(sent)
    assert target.error(WireError("AccessDenied", "no", 403), "id", sent).status == 403


@pytest.mark.parametrize(("prefix", "service"), sorted(catalog.TARGETS.items()))
def test_the_catalogue_of_targets_says_what_the_models_say(prefix: str, service: str) -> None:
    assert model.load(service).metadata["targetPrefix"] == prefix


@pytest.mark.parametrize(("version", "service"), sorted(catalog.QUERY.items()))
def test_the_catalogue_of_query_services_says_what_the_models_say(version: str, service: str) -> None:
    assert model.load(service).api_version == version


def test_the_catalogue_of_paths_names_services_of_that_signing_name() -> None:
    for signing_name, services in catalog.PATHS.items():
        for service in services:
            try:
                assert model.load(service).signing_name == signing_name, service
            except UnknownServiceError:
                pytest.fail(service)
    for signing_name, service in catalog.SIGNED_QUERY.items():
        assert model.load(service).signing_name == signing_name
