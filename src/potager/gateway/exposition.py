"""`/metrics` for Prometheus: endpoints by variant, resources by status, the server's own process.

Whoever asks from this machine is answered, unless a proxy says that it asks for somebody else; with the setting
`metrics_token`, whoever brings that token, from wherever, and nobody else.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4)
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from potager.deploy.telemetry import BOUNDS, Telemetry, Total
from potager.kernel.context import House
from potager.store.rows import Rows
from potager.wire.message import Request, Response

TYPE = "text/plain; version=0.0.4; charset=utf-8"
KINDS = ("training-job", "processing-job", "transform-job", "endpoint", "inference-component", "alarm")
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""What proxies add to the requests of others."""


def admitted(request: Request, token: str) -> bool:
    """Whether a request may read the metrics."""
    if token:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client).is_loopback
    except ValueError:
        return False


async def exposed(house: House) -> Response:
    """All metrics, as of now."""
    statuses = await house[Rows].read(lambda tx: {kind: tx.statuses(kind) for kind in KINDS})
    telemetry = house[Telemetry]
    telemetry.settle()
    lines = [*_endpoints(telemetry), *_rows(statuses), *_process()]
    return Response(200, [("content-type", TYPE)], ("\n".join(lines) + "\n").encode())


def refused(token: str) -> Response:
    """What whoever may not read them is told."""
    if token:
        text = "The metrics are for those who bring the server's metrics_token: Authorization: Bearer ...\n"
        return Response(401, [("content-type", "text/plain"), ("www-authenticate", "Bearer")], text.encode())
    text = "The metrics are for this machine alone. Set `metrics_token` to read them from others.\n"
    return Response(403, [("content-type", "text/plain")], text.encode())


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP potager_{name} {text}", f"# TYPE potager_{name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    """Labels, escaped."""
    pairs = (
        (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for name, value in labels.items()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}"


def _endpoints(telemetry: Telemetry) -> Iterator[str]:
    meters = [
        ({"account": key[0], "region": key[1], "endpoint": key[2], "variant": variant}, meter)
        for (key, variant), meter in sorted(telemetry.meters.items(), key=lambda each: each[0])
    ]
    yield from _head("invocations_total", "counter", "Requests that a variant was asked to answer, by outcome.")
    for labels, meter in meters:
        for outcome, number in meter.outcomes.items():
            yield f"potager_invocations_total{_labels({**labels, 'outcome': outcome})} {number:.17g}"
    yield from _head("model_latency_seconds", "histogram", "Time that the model took.")
    for labels, meter in meters:
        yield from _histogram("model_latency_seconds", labels, meter.model)
    yield from _head("overhead_latency_seconds", "histogram", "Time that the server took before it asked the model.")
    for labels, meter in meters:
        yield from _histogram("overhead_latency_seconds", labels, meter.overhead)


def _histogram(name: str, labels: Mapping[str, str], total: Total) -> Iterator[str]:
    so_far = 0.0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), total.counts, strict=True):
        so_far += count
        yield f"potager_{name}_bucket{_labels({**labels, 'le': bound})} {so_far:.17g}"
    yield f"potager_{name}_sum{_labels(labels)} {total.sum:.17g}"
    yield f"potager_{name}_count{_labels(labels)} {so_far:.17g}"


def _rows(statuses: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield from _head("resources", "gauge", "Jobs, endpoints and alarms, by their status.")
    for kind, numbers in statuses.items():
        for status, number in numbers.items():
            yield f"potager_resources{_labels({'kind': kind, 'status': status})} {number}"


def _process() -> Iterator[str]:
    times = os.times()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    values = (
        ("process_cpu_seconds_total", "counter", "CPU time of the server.", times.user + times.system),
        ("process_resident_memory_bytes", "gauge", "Memory of the server.", pages * os.sysconf("SC_PAGE_SIZE")),
        ("scrape_time_seconds", "gauge", "When this was said.", time.time()),
    )
    for name, kind, text, value in values:
        yield from _head(name, kind, text)
        yield f"potager_{name} {value:.17g}"
