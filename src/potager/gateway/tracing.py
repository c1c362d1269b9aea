"""OpenTelemetry traces of invocations, where a collector is named and `potager[otel]` is installed.

    request ─► begin: a SERVER span, child of the client's `traceparent` ─► ... ─► end
                  └► Query.trace ─► Exchange ─► a CLIENT span: the model, as the server saw it
                             └► servers of one's own, as the header `traceparent`

Configured by OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT name the
collector, and the rest (headers, sampling, the service's name) is the SDK's to read. Spans are sent in batches by a
thread of the SDK's. Without an endpoint nothing is imported.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from importlib import metadata
from time import perf_counter
from typing import TYPE_CHECKING, Any

from potager.deploy.router import Exchange, Watcher
from potager.store.rows import Row
from potager.wire.message import Request, Response
from potager.wire.route import Target

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TRACED = ("InvokeEndpoint", "InvokeEndpointWithResponseStream", "InvokeEndpointAsync")
FLUSH_MS = 3000
"""Milliseconds that the last spans have to be sent when the server stops."""

Attributes = dict[str, str | int]


class Tracing:
    """Makes spans. `provider` knows where they go."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("potager", metadata.version("potager"))
        self._format = TraceContextTextMapPropagator()

    @classmethod
    def configured(cls, environ: Mapping[str, str] = os.environ) -> Tracing | None:
        """As the environment says; None, and a line in the log, where what that needs is not installed."""
        endpoint = next((name for name in ENDPOINTS if environ.get(name)), None)
        if endpoint is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return None
        if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            log.warning(
                "%s is set, but nothing is traced: OpenTelemetry is missing. pip install potager[otel]", endpoint
            )
            return None
        named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        version = {"service.version": metadata.version("potager")}
        provider = TracerProvider(
            resource=Resource.create(version if named else {"service.name": "potager", **version}),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        log.info("invocations are traced to the collector that %s names", endpoint)
        return cls(provider)

    async def close(self) -> None:
        """Sends what is left, if the collector takes it soon, and ends the thread."""
        await asyncio.to_thread(self._provider.force_flush, FLUSH_MS)
        await asyncio.to_thread(self._provider.shutdown)

    def begin(self, request: Request, target: Target, request_id: str) -> Invocation | None:
        """The span of a request, which then knows it by `Request.trace`; None for one that is not traced."""
        if target.service != "sagemaker-runtime" or target.operation not in TRACED:
            return None
        from opentelemetry.trace import SpanKind

        endpoint = target.labels.get("EndpointName", "")
        attributes: Attributes = {
            "http.request.method": request.method,
            "http.route": "/endpoints/{EndpointName}/" + request.path.rpartition("/")[2],
            "url.path": request.path,
            "url.scheme": "https" if request.secure else "http",
            "rpc.system": "aws-api",
            "rpc.service": "SageMaker Runtime",
            "rpc.method": target.operation,
            "aws.request_id": request_id,
            "potager.endpoint": endpoint,
        }
        if request.client:
            attributes["client.address"] = request.client
        if agent := request.headers.get("user-agent"):
            attributes["user_agent.original"] = agent
        span = self._tracer.start_span(
            f"{target.operation} {endpoint}",
            self._parent(request.headers),
            SpanKind.SERVER,
            attributes,
            start_time=_nanoseconds(time.time() - (perf_counter() - request.came)),
        )
        request.trace = self._told(span)
        return Invocation(span)

    def watch(self, row: Row, deployment: Mapping[str, Any]) -> Watcher:
        """The watcher of an endpoint's route: a span for each time that a model was asked for a traced request."""
        from opentelemetry.trace import SpanKind, StatusCode

        endpoint: str = row.doc.get("EndpointName", row.name)  # the row may be an inference component's

        def told(exchange: Exchange) -> None:
            if not exchange.query.trace:
                return
            attributes: Attributes = {"potager.endpoint": endpoint, "potager.variant": exchange.variant}
            if exchange.query.model:
                attributes["potager.model"] = exchange.query.model
            if exchange.query.inference_id:
                attributes["potager.inference_id"] = exchange.query.inference_id
            span = self._tracer.start_span(
                f"model {exchange.variant}",
                self._parent({"traceparent": exchange.query.trace}),
                SpanKind.CLIENT,
                attributes,
                start_time=_nanoseconds(exchange.at),
            )
            if error := exchange.error:
                span.set_attribute("error.type", error.code)
                if (status := error.fields.get("OriginalStatusCode")) is not None:
                    span.set_attribute("http.response.status_code", status)
                span.set_status(StatusCode.ERROR, error.message)
            span.end(_nanoseconds(exchange.at + exchange.seconds))

        return told

    def _parent(self, headers: Mapping[str, str]) -> Context:
        """What a `traceparent` says; nothing of this thread's own."""
        from opentelemetry.context import Context

        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        return self._format.extract(carrier, Context())

    def _told(self, span: Span) -> str:
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._format.inject(carrier, set_span_in_context(span))
        return carrier.get("traceparent", "")


class Invocation:
    """The span of one request."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, response: Response | None) -> None:
        """It was answered; None where the client was gone before. A stream's span ends where it begins."""
        from opentelemetry.trace import StatusCode

        span = self._span
        if response is None:
            span.set_attribute("error.type", "disconnected")
        else:
            span.set_attribute("http.response.status_code", response.status)
            if variant := response.header("x-amzn-invoked-production-variant"):
                span.set_attribute("potager.variant", variant)
            if code := response.header("x-amzn-errortype"):
                span.set_attribute("error.type", code)
            if response.status >= 500:
                span.set_status(StatusCode.ERROR)
        span.end()


def _nanoseconds(moment: float) -> int:
    return int(moment * 1e9)
