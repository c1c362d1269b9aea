"""A server of one's own behind an endpoint and in a batch transform, through boto3."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clients.road import ROLE, Road, until
from tests.clients.test_sklearn_endpoint import PYTHON, ask, create, log, reason, refusal, serve

SERVER = """#!/usr/bin/env python
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
FACTOR = int(open(os.environ["FACTOR"]).read()) if "FACTOR" in os.environ else 3

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"", "text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(3)
        if body == "refuse":
            return self.answer(422, b"no such fruit", "text/plain")
        rows = [str(FACTOR * int(line)) for line in body.split()]
        print("asked for", self.headers["Accept"], flush=True)
        self.answer(200, "\\n".join(rows).encode(), "text/x-tripled")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def executable(text: str, name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(text.encode()), 0o755
        tar.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def test_a_program_called_serve_answers_and_its_death_is_mended(server: Any, road: Road) -> None:
    endpoint = serve(road, "own", {"serve": SERVER}, image=PYTHON)
    assert ask(road, endpoint, "14\n2", "text/plain", "text/x-tripled") == (b"42\n6", "text/x-tripled")
    failed = refusal(road, endpoint, "refuse")
    assert (failed["OriginalStatusCode"], failed["OriginalMessage"]) == (422, "no such fruit")
    assert refusal(road, endpoint, "die")["OriginalStatusCode"] in (500, 502)  # the worker, or its bridge, tells first

    def back() -> bool:
        try:
            return ask(road, endpoint, "1")[0] == b"3"
        except road.runtime.exceptions.ClientError:
            return False

    until(back, "the endpoint's new worker")
    said = log(server, endpoint)
    assert "asked for text/x-tripled" in said
    assert "serve ended with exit code 3; the worker ends with it." in said
    road.delete(endpoint)


MEETING = """#!/usr/bin/env python
import os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AT_ONCE = threading.Barrier(4)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"", {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"meet":
            AT_ONCE.wait(60)
        asked = {name: value for name, value in self.headers.items() if name.startswith("X-Amzn")}
        self.answer(str(sorted(asked.items())).encode(), {"X-Amzn-SageMaker-Custom-Attributes": "heard"})

    def answer(self, body, headers):
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def test_a_server_that_can_has_several_requests_in_hand_and_finds_what_was_asked_in_headers(road: Road) -> None:
    endpoint = serve(road, "meeting", {"serve": MEETING}, image=PYTHON)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: ask(road, endpoint, "meet"), range(16)))) == 16
    answer = road.runtime.invoke_endpoint(
        EndpointName=endpoint, Body=b"x", CustomAttributes="c000b4f9", InferenceId="case-7"
    )
    assert answer["CustomAttributes"] == "heard"
    assert (
        answer["Body"].read()
        == str(
            [("X-Amzn-SageMaker-Custom-Attributes", "c000b4f9"), ("X-Amzn-SageMaker-Inference-Id", "case-7")]
        ).encode()
    )
    road.delete(endpoint)


def test_a_server_that_takes_one_connection_after_another_is_not_kept_waiting(road: Road) -> None:
    endpoint = serve(road, "single", {"serve": SERVER}, image=PYTHON)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(road, endpoint, str(number))[0], range(64)))
    assert answers == [b"%d" % (3 * number) for number in range(64)]
    road.delete(endpoint)


def test_instances_do_not_get_in_each_others_way_on_the_port_of_sagemaker(road: Road) -> None:
    road.put("ports/sourcedir.tar.gz", executable(SERVER, "bin/server"))
    named = {
        "SAGEMAKER_PROGRAM": "bin/server",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{road.bucket}/ports/sourcedir.tar.gz",
    }
    endpoints = [create(road, f"port-{number}", None, image=PYTHON, **named) for number in range(2)]
    for endpoint in endpoints:
        road.wait_in_service(endpoint)
        assert ask(road, endpoint, "2")[0] == b"6"
        road.delete(endpoint)


def test_a_program_that_ends_at_once_fails_the_endpoint_with_the_reason(road: Road) -> None:
    endpoint = create(road, "short", {"code/serve": "#!/bin/sh\necho no weights\nexit 9\n"}, image=PYTHON)
    assert "serve ended with exit code 9 before GET /ping answered" in reason(road, endpoint)
    road.delete(endpoint)


def test_a_batch_transform_asks_it_too(road: Road) -> None:
    model = f"{road.prefix}-batch"
    road.put("batch/model.tar.gz", executable(SERVER, "serve"))
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/batch/model.tar.gz"}
    road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.put("batch/in/a.txt", "1\n2\n3\n")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{road.bucket}/batch/in/"}}
    road.sagemaker.create_transform_job(
        TransformJobName=model,
        ModelName=model,
        TransformInput={"DataSource": source, "ContentType": "text/plain", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{road.bucket}/batch/out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    job: dict[str, Any] = until(
        lambda: (
            (seen := road.sagemaker.describe_transform_job(TransformJobName=model))["TransformJobStatus"]
            != "InProgress"
            and seen
        ),
        "the transform job's end",
    )
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert road.s3.get_object(Bucket=road.bucket, Key="batch/out/a.txt.out")["Body"].read() == b"3\n6\n9\n"


@pytest.mark.parametrize("kind", ["S3Prefix", "S3Object"])
def test_model_data_that_is_not_packed_is_laid_out_as_it_is(road: Road, kind: str) -> None:
    """The program is named by the source; the data is a prefix, or one object, under its own name."""
    road.put("plain/factor", "5")
    road.put("source/sourcedir.tar.gz", executable(SERVER, "serve"))
    model = f"{road.prefix}-{kind.lower()}"
    uri = f"s3://{road.bucket}/plain/" + ("factor" if kind == "S3Object" else "")
    container = {
        "Image": PYTHON,
        "ModelDataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, "CompressionType": "None"}},
        "Environment": {
            "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{road.bucket}/source/sourcedir.tar.gz",
            "FACTOR": "/opt/ml/model/factor",
        },
    }
    road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=road.config(kind.lower(), model))
    road.wait_in_service(model)
    assert ask(road, model, "2")[0] == b"10"
    shown = road.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["ModelDataSource"]
    assert shown == container["ModelDataSource"]
    road.delete(model)
