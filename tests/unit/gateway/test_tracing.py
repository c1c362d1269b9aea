"""When requests are traced, and what of that travels on."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from potager.gateway.tracing import Tracing
from potager.kernel import prediction
from potager.kernel.prediction import Query

NAMED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize("more", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_nothing_is_traced_unless_asked_for(more: dict[str, str]) -> None:
    assert Tracing.configured({}) is None
    assert Tracing.configured(NAMED | more) is None


def test_what_is_missing_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING):
        assert Tracing.configured(NAMED) is None
    (line,) = caplog.messages
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line
    assert "pip install potager[otel]" in line


def test_a_server_without_traces_imports_nothing_for_them() -> None:
    look = "import sys, potager.gateway.app; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_span_travels_to_the_worker_and_on_to_its_server() -> None:
    query = Query(b"1", "text/csv", session="s", trace="00-a-b-01")
    arrived = prediction.received(query.head, b"1")
    assert arrived == query
    assert arrived.headers["traceparent"] == "00-a-b-01"
    assert prediction.received(["text/csv"], b"1") == Query(b"1", "text/csv")
