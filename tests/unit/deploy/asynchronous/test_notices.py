"""What SNS topics are told of asynchronous requests."""

from __future__ import annotations

from typing import Any

from potager.deploy.asynchronous import notices
from potager.deploy.asynchronous.notices import Outcome

DOC: dict[str, Any] = {
    "endpoint": "e",
    "input": "s3://b/in",
    "content_type": "text/csv",
    "accept": None,
    "attributes": None,
    "inference_id": "1-2",
    "notices": {"SuccessTopic": "good", "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]},
}


def test_a_completed_request() -> None:
    outcome = Outcome("s3://b/out/1.out", "text/csv", b"1\n")
    assert notices.topic(DOC, outcome) == "good"
    assert notices.notice(DOC, "us-east-1", 0.0, 1.5, outcome) == {
        "awsRegion": "us-east-1",
        "eventTime": "1970-01-01T00:00:01.500Z",
        "receivedTime": "1970-01-01T00:00:00.000Z",
        "invocationStatus": "Completed",
        "requestParameters": {"contentType": "text/csv", "endpointName": "e", "inputLocation": "s3://b/in"},
        "responseParameters": {"contentType": "text/csv", "outputLocation": "s3://b/out/1.out"},
        "responseBody": {"content": "MQo=", "encoding": "BASE64"},
        "inferenceId": "1-2",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def test_a_failed_request_tells_why_and_where() -> None:
    outcome = Outcome("s3://b/bad/1-error.out", "text/plain", b"no", "it is broken")
    assert notices.topic(DOC, outcome) is None
    told = notices.notice(DOC, "us-east-1", 0.0, 1.0, outcome)
    assert (told["invocationStatus"], told["failureReason"]) == ("Failed", "it is broken")
    assert told["responseParameters"]["failureLocation"] == "s3://b/bad/1-error.out"
    assert "responseBody" not in told


def test_a_large_response_is_left_out() -> None:
    large = Outcome("s3://b/out/1.out", "text/csv", b"x" * (notices.MOST_INCLUDED + 1))
    assert "responseBody" not in notices.notice(DOC, "us-east-1", 0.0, 1.0, large)
