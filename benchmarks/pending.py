"""The control plane while 200 training jobs wait for the machine: create, describe and list, as a client sees them."""

from __future__ import annotations

import json
from typing import Any

import potager
from benchmarks.measure import milliseconds, p99, say, seconds
from benchmarks.raw import Raw
from tests.clients.road import IMAGE, ROLE, Road, claims_csv

JOBS = 200
GOAL = 20.0
"""Milliseconds that the 99th of a hundred requests may take."""


def main() -> None:
    """Queues the jobs, then asks while they run one after the other."""
    with potager.local() as server:
        road = Road(server)
        road.put("bench/train.csv", claims_csv(1000))
        raw = Raw(server, "sagemaker")
        names = iter(f"queue-{number}" for number in range(JOBS + 100))
        created = seconds(lambda: ask(raw, "CreateTrainingJob", job(road, next(names))), JOBS)
        counts = left(road)
        idle = seconds(lambda: health(raw), 1000, 20)
        described = seconds(lambda: ask(raw, "DescribeTrainingJob", {"TrainingJobName": "queue-150"}), 1000, 20)
        listed = seconds(lambda: ask(raw, "ListTrainingJobs", {"MaxResults": 100}), 300, 10)
        more = seconds(lambda: ask(raw, "CreateTrainingJob", job(road, next(names))), 50)
        counts = f"{counts} had not ended before these, {left(road)} after"
    for name, taken in (
        (f"Create, {JOBS} jobs", created),
        ("Describe", described),
        ("List, page of 100", listed),
        ("Create, 50 more", more),
    ):
        verdict = "goal met" if p99(taken) * 1e3 <= GOAL else "goal missed"
        say(f"{name:18}    {milliseconds(taken)}   (goal: p99 at most {GOAL:g} ms: {verdict})")
    say(f"GET /health           {milliseconds(idle)}   (the machine's own share: the server does nothing for it)")
    say(f"jobs                  {counts}")


def job(road: Road, name: str) -> dict[str, Any]:
    """A job of linear-learner on the whole machine."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"predictor_type": "binary_classifier", "mini_batch_size": "100", "epochs": "5"},
        "InputDataConfig": [road.channel("train", "bench/")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{road.bucket}/output/"},
        "ResourceConfig": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def ask(raw: Raw, operation: str, body: dict[str, Any]) -> bytes:
    """A signed request on a kept connection, without boto3, whose own time would hide the server's."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
    return raw.post("/", json.dumps(body).encode(), headers)


def health(raw: Raw) -> None:
    """A request that touches no database and waits for nothing but its turn."""
    raw.connection.request("GET", "/health")
    raw.connection.getresponse().read()


def left(road: Road) -> int:
    """How many jobs have not ended."""
    pages = road.sagemaker.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
    return sum(len(page["TrainingJobSummaries"]) for page in pages)
