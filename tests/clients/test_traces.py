"""Traces of invocations, as a collector gets them by OTLP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import potager
from tests.clients.road import until
from tests.clients.traffic import Traffic

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Any] = []
        self.service = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/v1/traces":
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.service = attributes(sent.resource)["service.name"]
                self.server.spans += [span for scope in sent.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def attributes(said: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in said.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_invocation_is_a_span_and_the_model_its_child(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    with potager.local() as server:
        traffic = Traffic(server)
        endpoint = traffic.endpoint("traced", traffic.config("traced", traffic.variant(traffic.model("traced"))))

        def add(request: Any, **_: Any) -> None:
            request.headers["traceparent"] = PARENT

        traffic.runtime.meta.events.register("before-sign.sagemaker-runtime.*", add)
        answer = traffic.runtime.invoke_endpoint(EndpointName=endpoint, Body="who", ContentType="text/plain")
        with pytest.raises(ClientError):
            traffic.ask("nobody")
        asked = until(lambda: collector.named(f"InvokeEndpoint {endpoint}"), "the span of the request")[0]
        model = until(lambda: collector.named("model AllTraffic"), "the span of the model")[0]
        absent = until(lambda: collector.named("InvokeEndpoint nobody"), "the span of one that failed")[0]
    assert collector.service == "potager"
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert (model.trace_id, model.parent_span_id) == (asked.trace_id, asked.span_id)
    assert asked.start_time_unix_nano < model.start_time_unix_nano < model.end_time_unix_nano
    said = attributes(asked)
    assert said["aws.request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert said["http.response.status_code"] == 200
    assert said["http.route"] == "/endpoints/{EndpointName}/invocations"
    assert (said["potager.endpoint"], said["potager.variant"]) == (endpoint, "AllTraffic")
    assert attributes(model) == {"potager.endpoint": endpoint, "potager.variant": "AllTraffic"}
    failed = attributes(absent)
    assert (failed["http.response.status_code"], failed["error.type"]) == (400, "ValidationError")
