"""What an endpoint captures: through boto3 and by SDK v2."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.road import ROLE, Road, until
from tests.clients.test_sdks import ROOT, run
from tests.clients.test_sklearn_endpoint import PYTHON, archive, pickled

ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    if body == "fail":
        raise RuntimeError("as it was told")
    return body if isinstance(body, bytes) else body.upper(), content_type
"""

NAME = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}/[0-9]{2}-[0-9]{2}-[0-9]{3}-[0-9a-f-]{36}\.jsonl")


@pytest.fixture(scope="module")
def quick() -> Iterator[Any]:
    """A server that writes what was captured every second."""
    with potager.local(capture_interval=1) as running:
        yield running


@pytest.fixture(scope="module")
def road(quick: Any) -> Road:
    return Road(quick)


@pytest.fixture(scope="module")
def model(road: Road) -> str:
    road.put("echo/model.tar.gz", archive({"code/inference.py": ECHO}))
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/echo/model.tar.gz"}
    road.sagemaker.create_model(ModelName=f"{road.prefix}-echo", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    return f"{road.prefix}-echo"


def capture(road: Road, where: str, **changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{road.bucket}/{where}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    } | changes


def config(road: Road, name: str, model: str, asked: dict[str, Any] | None) -> str:
    variant = {"VariantName": "blue", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    more = {"DataCaptureConfig": asked} if asked else {}
    road.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **more)
    return name


def deploy(road: Road, name: str, model: str, asked: dict[str, Any]) -> str:
    endpoint = f"{road.prefix}-{name}"
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config(road, endpoint, model, asked))
    road.wait_in_service(endpoint)
    return endpoint


def lines(road: Road, endpoint: str, where: str, least: int) -> list[dict[str, Any]]:
    """The captured lines, once there are so many."""

    def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        prefix = f"{where}/{endpoint}/blue/"
        for entry in road.s3.list_objects_v2(Bucket=road.bucket, Prefix=prefix).get("Contents", ()):
            assert NAME.fullmatch(entry["Key"].removeprefix(prefix))
            body = road.s3.get_object(Bucket=road.bucket, Key=entry["Key"])["Body"].read().decode()
            found += [json.loads(line) for line in body.splitlines()]
        return found if len(found) >= least else []

    return until(look, f"{least} captured lines of {endpoint}")


def test_requests_and_answers_are_captured_as_aws_lays_them_out(road: Road, model: str) -> None:
    endpoint = deploy(road, "all", model, capture(road, "all/"))
    more = {"InferenceId": "id-1", "CustomAttributes": "a=b"}
    road.runtime.invoke_endpoint(EndpointName=endpoint, Body="a,1\nb,2", ContentType="text/csv; charset=utf-8", **more)
    road.runtime.invoke_endpoint(EndpointName=endpoint, Body='{"é": 1}'.encode(), ContentType="application/json")
    road.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"\xff\x00", ContentType="application/x-npy")
    with pytest.raises(ClientError, match="as it was told"):
        road.runtime.invoke_endpoint(EndpointName=endpoint, Body="fail", ContentType="text/csv")
    first, second, third = lines(road, endpoint, "all", 3)
    assert first["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "INPUT",
            "data": "a,1\nb,2",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "OUTPUT",
            "data": "A,1\nB,2",
            "encoding": "CSV",
        },
    }
    assert first["eventVersion"] == "0"
    about = first["eventMetadata"]
    assert (about["inferenceId"], about["customAttributes"]) == ("id-1", ["a=b"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", about["inferenceTime"])
    assert second["captureData"]["endpointInput"]["encoding"] == "JSON"
    assert second["captureData"]["endpointOutput"]["data"] == '{"É": 1}'
    assert "inferenceId" not in second["eventMetadata"]
    assert third["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert b64decode(third["captureData"]["endpointInput"]["data"]) == b"\xff\x00"
    assert len({each["eventMetadata"]["eventId"] for each in (first, second, third)}) == 3
    road.delete(endpoint)


def test_an_update_changes_what_is_captured(quick: Any, road: Road, model: str) -> None:
    asked = capture(road, "first", CaptureOptions=[{"CaptureMode": "Output"}])
    del asked["CaptureContentTypeHeader"]
    endpoint = deploy(road, "update", model, asked)
    shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
    assert shown == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{road.bucket}/first",
        "KmsKeyId": "",
    }
    road.runtime.invoke_endpoint(EndpointName=endpoint, Body="a", ContentType="text/csv")
    [line] = lines(road, endpoint, "first", 1)
    assert line["captureData"].keys() == {"endpointOutput"}
    assert line["captureData"]["endpointOutput"]["encoding"] == "BASE64"

    key = quick.client("kms").create_key()["KeyMetadata"]["Arn"]
    second = capture(road, "second", KmsKeyId=key, CaptureOptions=[{"CaptureMode": "InputAndOutput"}])
    for name, wanted in (("off", capture(road, "none", EnableCapture=False)), ("second", second)):
        name = config(road, f"{endpoint}-{name}", model, wanted)
        road.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=name)
        road.wait_in_service(endpoint)
        shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
        assert shown["CaptureStatus"] == ("Started" if wanted is second else "Stopped")
        road.runtime.invoke_endpoint(EndpointName=endpoint, Body=name, ContentType="text/csv")
    [line] = lines(road, endpoint, "second", 1)
    assert line["captureData"]["endpointInput"]["data"] == f"{endpoint}-second"
    [entry] = road.s3.list_objects_v2(Bucket=road.bucket, Prefix="second/")["Contents"]
    assert road.s3.head_object(Bucket=road.bucket, Key=entry["Key"])["SSEKMSKeyId"] == key
    assert not road.s3.list_objects_v2(Bucket=road.bucket, Prefix="none/")["KeyCount"]
    road.delete(endpoint)


def test_a_server_that_is_stopped_writes_what_it_holds(tmp_path: Path) -> None:
    with potager.local(tmp_path, capture_interval=3600) as server:
        road = Road(server)
        road.put("echo/model.tar.gz", archive({"code/inference.py": ECHO}))
        container = {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/echo/model.tar.gz"}
        road.sagemaker.create_model(ModelName="echo", PrimaryContainer=container, ExecutionRoleArn=ROLE)
        endpoint = deploy(road, "stop", "echo", capture(road, "held"))
        road.runtime.invoke_endpoint(EndpointName=endpoint, Body="a", ContentType="text/csv")
        assert not road.s3.list_objects_v2(Bucket=road.bucket, Prefix="held/")["KeyCount"]
    with potager.local(tmp_path) as server:
        again = Road.__new__(Road)
        again.s3, again.bucket = server.client("s3"), road.bucket
        assert len(lines(again, endpoint, "held", 1)) == 1


def test_a_destination_that_is_not_in_s3_is_refused(road: Road, model: str) -> None:
    asked = capture(road, "x", DestinationS3Uri="https://elsewhere.example/x")
    with pytest.raises(ClientError, match=r"elsewhere\.example/x' is not an S3 URI"):
        config(road, f"{road.prefix}-bad", model, asked)


def test_sdk_v2_captures_and_changes_what_is_captured(tmp_path: Path) -> None:
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(archive({"model.joblib": pickled()}))
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_data_capture.py", tmp_path, str(artifact))
    assert seen["statuses"] == ["Started", "Stopped", "Started"]
    assert seen["percentages"] == [100, 20, 100]
    inputs = [each["captureData"]["endpointInput"]["data"] for each in seen["lines"]]
    assert inputs == ["1.0,2.0", "5.0,6.0"]
    assert "endpointOutput" in seen["lines"][0]["captureData"]
    assert "endpointOutput" not in seen["lines"][1]["captureData"]
