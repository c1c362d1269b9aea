"""What an endpoint's requests leave behind: metrics of CloudWatch, and `/metrics`."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.processing import Processing
from tests.clients.road import ROLE, Road, until
from tests.clients.test_sklearn_endpoint import PYTHON, archive
from tests.clients.traffic import Traffic

ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    if b"fail" in (body if isinstance(body, bytes) else body.encode()):
        raise RuntimeError("as it was told")
    return body, content_type
"""
HOUR = timedelta(hours=1)


def scraped(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url + "/metrics", headers=headers)) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


def test_requests_are_counted_and_timed(server: Any) -> None:
    road = Road(server)
    road.put("echo/model.tar.gz", archive({"code/inference.py": ECHO}))
    name, container = (
        f"{road.prefix}-counted",
        {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/echo/model.tar.gz"},
    )
    road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "blue", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    road.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    road.wait_in_service(name)
    runtime, cloudwatch = server.client("sagemaker-runtime"), server.client("cloudwatch")
    for body in ("1", "2"):
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body)
    runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="3", SessionId="of-mine")
    stream = runtime.invoke_endpoint_with_response_stream(EndpointName=name, ContentType="text/csv", Body="4")
    assert b"".join(event["PayloadPart"]["Bytes"] for event in stream["Body"]) == b"4"
    with pytest.raises(ClientError):
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="fail")
    by = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "blue"}]

    def total(metric: str, statistic: str = "Sum") -> float:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=by,
            StartTime=now - HOUR,
            EndTime=now + HOUR,
            Period=86_400,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    assert total("Invocations") == 5
    assert (total("Invocation5XXErrors"), total("Invocation4XXErrors"), total("InvocationModelErrors")) == (1, 0, 1)
    assert total("Invocation5XXErrors", "Average") == 0.2
    assert total("ModelLatency", "SampleCount") == 5
    assert 0 < total("OverheadLatency", "Minimum") < 60e6
    text = scraped(server.url)
    labels = f'endpoint="{name}",variant="blue"'
    assert re.search(rf'^potager_invocations_total\{{[^}}]*{labels},outcome="2xx"\}} 4$', text, re.MULTILINE)
    assert re.search(rf"^potager_model_latency_seconds_count\{{[^}}]*{labels}\}} 5$", text, re.MULTILINE)
    assert re.search(r'^potager_resources\{kind="endpoint",status="InService"\} [1-9]', text, re.MULTILINE)
    road.sagemaker.delete_endpoint(EndpointName=name)


def test_with_a_token_only_those_who_bring_it_read_the_metrics() -> None:
    token = "a-token-of-the-monitor"
    with potager.local(metrics_token=token) as server:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            scraped(server.url)
        assert "potager_process_resident_memory_bytes" in scraped(server.url, Authorization=f"Bearer {token}")


def test_what_instances_and_jobs_use_is_measured() -> None:
    with potager.local(usage_interval=1) as server:
        traffic, processing = Traffic(server), Processing(server)
        endpoint = traffic.endpoint("used", traffic.config("used", traffic.variant(traffic.model("used"))))
        burn = "import time\nwhile time.process_time() < 300: pass"
        job = processing.start("burn", burn)
        cloudwatch = server.client("cloudwatch")

        def most(namespace: str, metric: str, by: dict[str, str], least: float) -> float | None:
            """The greatest value so far, once it is more than `least`."""
            now = datetime.now(UTC)
            points = cloudwatch.get_metric_statistics(
                Namespace=f"/aws/sagemaker/{namespace}",
                MetricName=metric,
                Dimensions=[{"Name": name, "Value": value} for name, value in by.items()],
                StartTime=now - HOUR,
                EndTime=now + HOUR,
                Period=86_400,
                Statistics=["Maximum"],
                Unit="Percent",
            )["Datapoints"]
            found = max((point["Maximum"] for point in points), default=-1.0)
            return found if found > least else None

        by = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
        assert until(lambda: most("Endpoints", "MemoryUtilization", by, 0), "the memory of an instance") < 100
        busy = "busy"  # an instance that has nothing to do may use nothing between two looks
        assert until(lambda: traffic.ask(endpoint, busy) and most("Endpoints", "CPUUtilization", by, 0), "its CPU") > 0
        host = {"Host": f"{job}/algo-1"}
        assert until(lambda: most("ProcessingJobs", "CPUUtilization", host, 10), "the CPU of a busy job")
        assert until(lambda: most("ProcessingJobs", "MemoryUtilization", host, 0), "its memory") < 100
        server.client("sagemaker").stop_processing_job(ProcessingJobName=job)
        assert processing.wait(job)["ProcessingJobStatus"] == "Stopped"
