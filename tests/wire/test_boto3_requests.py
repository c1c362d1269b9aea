"""The very requests that boto3 sends, over http and over https, all the way from bytes to validated members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import payload, route, sigv4
from potager.wire.message import Request
from potager.wire.validate import validate
from tests.wire.client import received

SECRETS = {"AKID": "secret"}
HTTP, HTTPS = "http://127.0.0.1:8484", "https://127.0.0.1:8484"


class Sent(Exception):
    """Carries the request that would have left."""


def sent(
    service: str, method: str, url: str = HTTP, config: Config | None = None, **params: Any
) -> tuple[Request, bytes]:
    """What boto3 would send."""

    def intercept(request: Any, **_: Any) -> None:
        raise Sent(request)

    client = boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKID",
        aws_secret_access_key=SECRETS["AKID"],
        config=config,
    )
    client.meta.events.register("before-send", intercept)
    with pytest.raises(Sent) as caught:
        getattr(client, method)(**params)
    return received(caught.value.args[0])


async def heard(request: Request, data: bytes) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Operation, members with the body read, and trailers: what the gateway does."""
    target = route.resolve(request, data if route.is_form(request) else b"")
    identity = sigv4.verify(
        request,
        SECRETS.get,
        datetime.now(UTC),
        protocol=target.protocol,
        service=target.signing_name,
        body=None if target.streams else data,
    )
    assert (identity.access_key, identity.region) == ("AKID", "eu-west-1")
    body: Any = payload.opened(request, identity) if target.streams else payload.checked(request, identity, data)
    members = validate(target.model.input_shape, target.parse(request, body))
    for name, value in members.items():
        if isinstance(value, Body):
            members[name] = await value.read(1 << 20)
    return target.operation, members, getattr(body, "trailers", {})


@pytest.mark.parametrize("url", [HTTP, HTTPS])
@pytest.mark.parametrize("key", ["a", "a//b", "./a/../b", "a b+c%2F", "ü/漢/😀", "dir/", "a?b#c&d=e", "'()*!~"])
async def test_an_object_is_put_whatever_its_key(url: str, key: str) -> None:
    request, data = sent("s3", "put_object", url, Bucket="bucket", Key=key, Body=b"data", Metadata={"note": "a  b"})
    operation, members, trailers = await heard(request, data)
    assert (operation, members["Key"], members["Body"]) == ("PutObject", key, b"data")
    assert ("x-amz-checksum-crc32" in trailers) == (url == HTTPS)


@pytest.mark.parametrize("url", [HTTP, HTTPS])
async def test_objects_are_deleted_listed_copied_and_uploaded_in_parts(url: str) -> None:
    keys = [{"Key": "a&b"}, {"Key": "ü", "VersionId": "1"}]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("delete_objects", {"Bucket": "bucket", "Delete": {"Objects": keys, "Quiet": True}}),
        ("list_objects_v2", {"Bucket": "bucket", "Prefix": "a b/ü", "Delimiter": "/", "MaxKeys": 3}),
        ("get_object", {"Bucket": "bucket", "Key": "k", "Range": "bytes=0-1", "IfMatch": '"x"'}),
        ("copy_object", {"Bucket": "bucket", "Key": "k", "CopySource": "other/ü", "MetadataDirective": "REPLACE"}),
        ("upload_part", {"Bucket": "bucket", "Key": "k", "UploadId": "u", "PartNumber": 3, "Body": b"part"}),
        (
            "complete_multipart_upload",
            {
                "Bucket": "bucket",
                "Key": "k",
                "UploadId": "u",
                "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"x"'}, {"PartNumber": 2, "ETag": '"y"'}]},
            },
        ),
    ]
    for method, params in calls:
        operation, members, _ = await heard(*sent("s3", method, url, **params))
        assert operation.lower() == method.replace("_", "")
        wanted = {name: value for name, value in params.items() if name != "CopySource"}
        assert {name: members[name] for name in wanted} == wanted
        assert members.get("CopySource") == ("other/%C3%BC" if "CopySource" in params else None)


async def test_a_virtual_host_names_the_bucket() -> None:
    config = Config(s3={"addressing_style": "virtual"})
    request, data = sent("s3", "get_object", "http://s3.localhost:8484", config, Bucket="my-bucket", Key="a/b")
    assert request.headers["host"] == "my-bucket.s3.localhost:8484"
    _, members, _ = await heard(request, data)
    assert (members["Bucket"], members["Key"]) == ("my-bucket", "a/b")


async def test_the_other_services_are_heard() -> None:
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("sagemaker", "list_training_jobs", {"MaxResults": 5, "CreationTimeAfter": datetime(2026, 11, 23, tzinfo=UTC)}),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"\x00\xff", "ContentType": "text/csv"}),
        ("sts", "get_caller_identity", {}),
        (
            "iam",
            "create_role",
            {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": [{"Key": "a", "Value": "b"}]},
        ),
        ("logs", "get_log_events", {"logGroupName": "g", "logStreamName": "s", "startFromHead": True}),
    ]
    for service, method, params in calls:
        operation, members, _ = await heard(*sent(service, method, **params))
        assert operation.lower() == method.replace("_", "")
        assert members == params


async def test_a_chunked_body_that_was_changed_on_its_way_is_refused() -> None:
    request, data = sent("s3", "put_object", HTTPS, Bucket="bucket", Key="k", Body=b"data")
    request.body = Body.of(data.replace(b"data", b"date"))
    with pytest.raises(WireError) as caught:
        await heard(request, data)
    assert caught.value.code == "BadDigest"
