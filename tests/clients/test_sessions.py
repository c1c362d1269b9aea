"""Sessions of InvokeEndpoint, which a server of one's own opens, and which stay with one instance."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.road import ROLE, Road
from tests.clients.test_sklearn_endpoint import PYTHON, archive

SERVER = """#!/usr/bin/env python
import os
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

counts = {}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        session = self.headers.get("X-Amzn-SageMaker-Session-Id", "")
        if session == "NEW_SESSION":
            session = uuid.uuid4().hex
            counts[session] = 0
            return self.answer(200, b"0", New=f"{session}; Expires=2099-01-01T00:00:00Z")
        if session not in counts:
            return self.answer(400, b"no such session")
        counts[session] += 1
        answer = str(counts[session]).encode()
        if body == "close":
            del counts[session]
            return self.answer(200, answer, Closed=session)
        self.answer(200, answer)

    def answer(self, status, body, **sessions):
        self.send_response(status)
        for kind, said in sessions.items():
            self.send_header(f"X-Amzn-SageMaker-{kind}-Session-Id", said)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler).serve_forever()
"""


def test_a_session_stays_with_the_instance_that_opened_it(server: Any) -> None:
    road = Road(server)
    name = f"{road.prefix}-sessions"
    road.put("sessions/model.tar.gz", archive({"serve": SERVER}))
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/sessions/model.tar.gz"}
    road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    road.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    road.wait_in_service(name)

    def ask(session: str, body: str = "x") -> dict[str, Any]:
        return road.runtime.invoke_endpoint(EndpointName=name, Body=body, SessionId=session)

    opened = [ask("NEW_SESSION")["NewSessionId"] for _ in range(4)]
    assert all(each.endswith("; Expires=2099-01-01T00:00:00Z") for each in opened)
    sessions = [each.partition(";")[0] for each in opened]
    for count in (1, 2, 3):
        assert [ask(each)["Body"].read() for each in sessions] == [str(count).encode()] * 4
    streamed = road.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body="x", SessionId=sessions[0])
    assert [event["PayloadPart"]["Bytes"] for event in streamed["Body"]] == [b"4"]
    closed = ask(sessions[0], "close")
    assert (closed["ClosedSessionId"], closed["Body"].read()) == (sessions[0], b"5")
    assert "NewSessionId" not in closed
    with pytest.raises(road.runtime.exceptions.ModelError, match="no such session"):
        ask(sessions[0])
    road.delete(name)
