"""An endpoint: until it is in service, and one row a request over one connection, beside in-process prediction."""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import potager
from benchmarks.measure import milliseconds, p50, say, seconds
from benchmarks.raw import Raw
from tests.clients.road import Road, claims_csv


def main() -> None:
    """CreateEndpoint to InService; InvokeEndpoint by boto3 and by a bare signed request."""
    with potager.local() as server:
        road = Road(server)
        job = road.train_once()
        counter = iter(range(1000))
        raised = seconds(lambda: raise_one(road, job, f"e{next(counter)}"), 5, 1)
        say(f"Create to InService  {milliseconds(raised)}   (goal: at most 1,000 ms)")
        name = road.deploy(job, "bench")
        row = claims_csv(1, label=False).strip()
        ask = {"EndpointName": name, "ContentType": "text/csv", "Accept": "application/json", "Body": row}
        boto = seconds(lambda: road.runtime.invoke_endpoint(**ask)["Body"].read(), 2000, 200)
        raw = Raw(server, "sagemaker")
        path = f"/endpoints/{name}/invocations"
        headers = {"Content-Type": "text/csv", "Accept": "application/json"}
        bare = seconds(lambda: raw.post(path, row.encode(), headers), 2000, 200)
        inside = in_process(road, job, row)
    say(f"InvokeEndpoint boto3 {milliseconds(boto)}   (goal: p50 at most 2 ms)")
    say(f"InvokeEndpoint bare  {milliseconds(bare)}   (one signed request on a kept connection)")
    say(f"in-process predict   {milliseconds(inside)}")
    say(f"boto3's own share    {(p50(boto) - p50(bare)) / p50(boto):8.0%} of the p50")


def raise_one(road: Road, job: dict[str, Any], name: str) -> None:
    """One endpoint until it is in service."""
    endpoint = f"{road.prefix}-{name}"
    config = road.config(name, road.model(name, job))
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    while road.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Creating":
        time.sleep(0.01)
    assert road.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


def in_process(road: Road, job: dict[str, Any], row: str) -> list[float]:
    """The same model and row, without anything between."""
    from potager.images.linear_learner.serve import load

    key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    body = road.s3.get_object(Bucket=road.bucket, Key=key)["Body"].read()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(body)) as tar:
        tar.extractall(folder, filter="data")
        predictor = load(Path(folder))
        return seconds(lambda: predictor.predict(row.encode(), "text/csv", "application/json"), 5000, 500)
