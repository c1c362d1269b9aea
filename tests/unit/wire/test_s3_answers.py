"""What S3 answers and its model does not tell: roots, statuses, empty bodies, the ids of a request."""

from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import WireError
from potager.wire import model, protocols
from potager.wire.message import Request, Response

REST_XML = protocols.of("rest-xml")


def answer(name: str, result: dict[str, Any]) -> Response:
    return REST_XML.serialize(model.operation("s3", name), result, "the-id")


def refusal(error: WireError, method: str = "GET", name: str = "GetObject") -> Response:
    return REST_XML.error(model.operation("s3", name), error, "the-id", Request(method, "/b/a%20b", "", {}))


def text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def test_a_location_is_the_text_of_its_root() -> None:
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    expected = f'<LocationConstraint xmlns="{namespace}">eu-west-1</LocationConstraint>'
    assert text(answer("GetBucketLocation", {"LocationConstraint": "eu-west-1"})).endswith(expected)
    assert text(answer("GetBucketLocation", {})).endswith(
        f'<LocationConstraint xmlns="{namespace}"></LocationConstraint>'
    )


@pytest.mark.parametrize(
    ("name", "result", "root"),
    [
        ("ListBuckets", {"Buckets": []}, "ListAllMyBucketsResult"),
        ("ListObjectsV2", {"KeyCount": 0}, "ListBucketResult"),
        ("CreateMultipartUpload", {"UploadId": "u"}, "InitiateMultipartUploadResult"),
        ("CopyObject", {"CopyObjectResult": {"ETag": '"x"'}}, "CopyObjectResult"),
        ("UploadPartCopy", {"CopyPartResult": {"ETag": '"x"'}}, "CopyPartResult"),
        ("DeleteObjects", {"Deleted": [{"Key": "k"}]}, "DeleteResult"),
    ],
)
def test_roots_are_called_as_in_the_api_reference(name: str, result: dict[str, Any], root: str) -> None:
    assert f"?>\n<{root} xmlns=" in text(answer(name, result))


def test_a_range_is_answered_206_and_a_deletion_204() -> None:
    part = answer("GetObject", {"Body": b"ab", "ContentRange": "bytes 0-1/9", "ContentLength": 2})
    assert (part.status, part.header("content-length")) == (206, "2")
    gone = answer("DeleteObject", {})
    assert (gone.status, gone.body, gone.header("content-length")) == (204, b"", None)


def test_a_head_tells_the_length_of_what_it_does_not_send() -> None:
    response = answer("HeadObject", {"ContentLength": 123, "ETag": '"x"', "Metadata": {"a": "b"}})
    assert (response.body, response.header("content-length")) == (b"", "123")
    assert (response.header("etag"), response.header("x-amz-meta-a")) == ('"x"', "b")


def test_every_answer_carries_the_ids_of_its_request() -> None:
    for response in (answer("ListBuckets", {}), refusal(WireError("NoSuchKey", "x", 404))):
        assert response.header("x-amz-request-id") == "the-id"
        assert response.header("x-amz-id-2")


def test_an_error_names_resource_and_request_and_its_own_members() -> None:
    response = refusal(WireError("NoSuchKey", "gone & lost", 400, fields={"Key": "a <b>"}))
    assert response.status == 404
    assert text(response).endswith(
        "<Error><Code>NoSuchKey</Code><Message>gone &amp; lost</Message><Key>a &lt;b&gt;</Key>"
        "<Resource>/b/a%20b</Resource><RequestId>the-id</RequestId><HostId>dGhlLWlk</HostId></Error>"
    )


def test_an_error_of_a_head_and_a_not_modified_have_no_body() -> None:
    assert refusal(WireError("NoSuchKey", "gone", 404), "HEAD").body == b""
    unchanged = refusal(WireError("NotModified", "same", 304, headers={"ETag": '"x"'}))
    assert (unchanged.status, unchanged.body, unchanged.header("etag")) == (304, b"", '"x"')
