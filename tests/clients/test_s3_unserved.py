"""What S3 has and this has not: refused by name; or answered as of a bucket that nobody configured."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from potager.collect.s3.buckets.unconfigured import ANSWERS
from potager.gateway.house import registry
from potager.wire import errata, model
from tests.wire.sampling import Sampler


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3", region="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    return name


def ask(s3: Any, operation: str, bucket: str) -> tuple[str, int]:
    """Code and status of an operation with made-up members; the code is "" where it succeeds."""
    shape = model.operation("s3", operation).input_shape
    params: dict[str, Any] = Sampler(operation, optional=0, plain=True).structure(shape) if shape else {}
    params |= {name: value for name, value in (("Bucket", bucket), ("Key", "k")) if shape and name in shape.members}
    method = next(name for name, known in s3.meta.method_to_api_mapping.items() if known == operation)
    try:
        return "", getattr(s3, method)(**params)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        response: Any = error.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


ELSEWHERE = frozenset(("CreateSession", "WriteGetObjectResponse", *errata.S3_NOT_ROUTED))
"""Operations that boto3 sends to hosts of their own."""
UNSERVED = [
    name
    for name in sorted(model.names("s3") - set(registry().served()["s3"]) - ELSEWHERE)
    if not model.operation("s3", name).deprecated  # these go where their successors do
]


@pytest.mark.parametrize("operation", UNSERVED)
def test_an_operation_that_is_not_served_is_refused_by_name(s3: Any, bucket: str, operation: str) -> None:
    assert ask(s3, operation, bucket) == ("NotImplemented", 501)


@pytest.mark.parametrize("operation", sorted(ANSWERS))
def test_what_is_not_configured_is_answered_as_of_a_new_bucket(s3: Any, bucket: str, operation: str) -> None:
    code, status = ask(s3, operation, bucket)
    answer = ANSWERS[operation]
    assert code == (answer if isinstance(answer, str) else "")
    assert status == (400 if code == "InvalidRequest" else 404 if code else status)
    assert ask(s3, operation, f"{bucket}-x") == ("NoSuchBucket", 404)
