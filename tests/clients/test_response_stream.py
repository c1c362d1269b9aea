"""InvokeEndpointWithResponseStream through boto3 and SDK v2: scripts, own servers, models that do not stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.clients.road import Road, until
from tests.clients.test_sdks import ROOT, run
from tests.clients.test_sklearn_endpoint import PYTHON, archive, ask, log, pickled, serve

WORDS = """
import itertools

ended = 0

def model_fn(model_dir):
    return None

def words(count):
    global ended
    try:
        for number in itertools.count() if count == "endless" else range(int(count)):
            if count == "endless":
                yield "x" * 10000
            yield f"word{number} "
        if count == "2":
            raise RuntimeError("the third word is not known")
    finally:
        ended += 1

def predict_fn(data, model):
    if data == "early":
        return (1 / 0 for _ in range(1))
    return {"ended": ended} if data == "ended" else words(data)

def input_fn(body, content_type):
    return body if isinstance(body, str) else body.decode()
"""

PAIRS = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    return ({"row": number} for number in range(3)), "application/jsonlines"
"""

CHUNKS = """#!/usr/bin/env python
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "refuse":
            self.send_response(422)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"no!")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in body.split():
            data = word.encode() + b"\\n"
            self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
            if word == "break":
                self.close_connection = True
                return
        self.wfile.write(b"0\\r\\n\\r\\n")

HTTPServer(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


@pytest.fixture(scope="module")
def words(road: Road) -> str:
    return serve(road, "words", {"code/inference.py": WORDS}, image=PYTHON)


def stream(road: Road, endpoint: str, body: str, **more: Any) -> dict[str, Any]:
    return road.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=body, ContentType="text/plain", **more
    )


def parts(answer: dict[str, Any]) -> list[bytes]:
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]


def test_a_scripts_iterator_is_streamed(road: Road, words: str) -> None:
    answer = stream(road, words, "3", Accept="text/plain")
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "AllTraffic")
    assert parts(answer) == [b"word0 ", b"word1 ", b"word2 "]
    assert ask(road, words, "3", "text/plain", "text/plain") == (b"word0 word1 word2 ", "text/plain")


def test_transform_fn_may_say_its_content_type_and_stream_documents(road: Road) -> None:
    endpoint = serve(road, "pairs", {"code/inference.py": PAIRS}, image=PYTHON)
    answer = stream(road, endpoint, "")
    assert answer["ContentType"] == "application/jsonlines"
    assert parts(answer) == [b'{"row": 0}\n', b'{"row": 1}\n', b'{"row": 2}\n']
    road.delete(endpoint)


def test_a_model_that_fails_in_the_midst_ends_the_stream_with_its_error(server: Any, road: Road, words: str) -> None:
    taken: list[bytes] = []
    with pytest.raises(EventStreamError, match="the third word is not known") as caught:
        taken.extend(event["PayloadPart"]["Bytes"] for event in stream(road, words, "2")["Body"])
    assert taken == [b"word0 ", b"word1 "]
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert "RuntimeError: the third word is not known" in log(server, words)


def test_a_model_that_fails_before_the_first_part_is_a_model_error(road: Road, words: str) -> None:
    with pytest.raises(ClientError, match="ZeroDivisionError") as caught:
        stream(road, words, "early")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    with pytest.raises(ClientError, match="not found") as absent:
        stream(road, f"{words}-not", "1")
    assert absent.value.response["Error"]["Code"] == "ValidationError"


def test_a_client_that_goes_away_ends_the_stream_and_others_are_answered_meanwhile(road: Road, words: str) -> None:
    before = ask(road, words, "ended")[0]
    answer = stream(road, words, "endless")
    events = iter(answer["Body"])
    assert next(events)["PayloadPart"]["Bytes"] == b"x" * 10000
    assert ask(road, words, "ended")[0] == before
    answer["Body"].close()
    until(lambda: ask(road, words, "ended")[0] != before, "the end of the stream")


def test_a_server_of_ones_own_streams_its_chunks(road: Road) -> None:
    endpoint = serve(road, "chunks", {"serve": CHUNKS}, image=PYTHON)
    answer = stream(road, endpoint, "one two three")
    assert answer["ContentType"] == "text/event-stream"
    assert b"".join(parts(answer)) == b"one\ntwo\nthree\n"
    with pytest.raises(ClientError, match="no!") as refused:
        stream(road, endpoint, "refuse")
    assert refused.value.response["OriginalStatusCode"] == 422
    with pytest.raises(EventStreamError, match="broke its answer off"):
        parts(stream(road, endpoint, "one break"))
    assert b"".join(parts(stream(road, endpoint, "again"))) == b"again\n"
    road.delete(endpoint)


def test_a_model_that_does_not_stream_answers_in_one_part(road: Road) -> None:
    endpoint = serve(road, "whole", {"model.joblib": pickled()})
    answer = road.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body="1,2\n3,4\n", ContentType="text/csv", Accept="text/csv"
    )
    [part] = parts(answer)
    assert [float(line) for line in part.split()] == pytest.approx([3, 7])
    road.delete(endpoint)


def test_sdk_v2_reads_a_stream_by_parts_and_by_lines(tmp_path: Path) -> None:
    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(archive({"code/inference.py": PAIRS}))
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_stream.py", tmp_path, str(artifact))
    assert seen == {"parts": ['{"row": 0}\n', '{"row": 1}\n', '{"row": 2}\n'], "lines": [{"row": n} for n in range(3)]}
