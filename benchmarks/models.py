"""A multi-model endpoint with 1,000 models: how long one takes to come, and one row from a model that is there."""

from __future__ import annotations

import os
import random
from typing import Any

import potager
from benchmarks.measure import milliseconds, say, seconds
from benchmarks.raw import Raw
from tests.clients.road import IMAGE, ROLE, Road, claims_csv

MODELS = int(1000 * float(os.environ.get("POTAGER_BENCH_SCALE", "1")))


def main() -> None:
    """The first request of each model, then requests for models at random, by one connection."""
    with potager.local(endpoint_memory="4GB") as server:
        road = Road(server)
        endpoint = deployed(road)
        raw, row = Raw(server, "sagemaker"), claims_csv(1, label=False).strip().encode()

        def ask(number: int) -> None:
            target = {"X-Amzn-SageMaker-Target-Model": f"{number}.tar.gz"}
            raw.post(f"/endpoints/{endpoint}/invocations", row, {"Content-Type": "text/csv", **target})

        numbers, source = iter(range(MODELS)), random.Random(0)
        first = seconds(lambda: ask(next(numbers)), MODELS)
        warm = seconds(lambda: ask(source.randrange(MODELS)), 5000, 200)
        alone = seconds(lambda: ask(0), 5000, 200)
    say(f"first request, {MODELS:5,} models {milliseconds(first)}   (fetched, unpacked, loaded)")
    say(f"warm request of any of them {milliseconds(warm)}   (goal: p99 at most 10 ms)")
    say(f"warm request of always one  {milliseconds(alone)}")


def deployed(road: Road) -> str:
    """A multi-model endpoint over copies of one linear model."""
    job: dict[str, Any] = road.train_once()
    source = {"Bucket": road.bucket, "Key": job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]}
    for number in range(MODELS):
        road.s3.copy_object(Bucket=road.bucket, Key=f"many/{number}.tar.gz", CopySource=source)
    name = f"{road.prefix}-many"
    container = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{road.bucket}/many/"}
    road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=road.config("many", name))
    road.wait_in_service(name)
    return name
