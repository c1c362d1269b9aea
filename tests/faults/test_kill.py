"""`kill -9` of the server: nothing that was acknowledged is lost, and no job runs twice."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.clients.road import Road, claims_csv, until, wait_for_job, wait_until_training

LONG = {"epochs": "400", "early_stopping_patience": "100000", "num_models": "1"}


def check_ended_once(server: Any, road: Road, name: str) -> None:
    """The job completed, in one pass of one program, with a whole artifact and its log."""
    job = wait_for_job(road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert steps.count("Training") == 1
    assert steps.count("Completed") == 1
    key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    body = road.s3.get_object(Bucket=road.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        assert tar.getnames()
    assert sum("Training a binary_classifier" in line for line in log_lines(server, name)) == 1


def log_lines(server: Any, name: str) -> list[str]:
    """Every line of every log that jobs of that name wrote."""
    pages = server.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")
    return [event["message"] for page in found for event in page["events"]]


def test_a_job_that_runs_while_the_server_is_killed_is_adopted_and_ends_once(fresh_server: Any) -> None:
    road = Road(fresh_server)
    name = road.start("adopted", hyperparameters=LONG)
    wait_until_training(road.sagemaker, name)
    fresh_server.kill()
    fresh_server.start()
    check_ended_once(fresh_server, road, name)


def test_a_job_that_ends_while_no_server_runs_is_concluded_by_the_next(fresh_server: Any) -> None:
    road = Road(fresh_server)
    name = road.start("alone", hyperparameters={**LONG, "epochs": "100"})
    wait_until_training(road.sagemaker, name)
    fresh_server.kill()
    (folder,) = (folder for folder in (Path(fresh_server.data) / "jobs").iterdir())
    until((folder / "run" / "exit.json").exists, f"the exit record of {name}")
    fresh_server.start()
    check_ended_once(fresh_server, road, name)


def test_a_job_whose_processes_are_all_killed_fails_with_a_reason(fresh_server: Any) -> None:
    road = Road(fresh_server)
    name = road.start("lost", hyperparameters={**LONG, "epochs": "100000"})
    wait_until_training(road.sagemaker, name)
    (folder,) = (folder for folder in (Path(fresh_server.data) / "jobs").iterdir())
    fresh_server.kill()
    os.kill(shim(folder), signal.SIGKILL)
    fresh_server.start()
    job = wait_for_job(road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "lost" in job["FailureReason"]


def shim(folder: Path) -> int:
    """The pid of the shim that minds a folder's workload; 0 while there is none."""
    try:
        return json.loads((folder / "run" / "shim.json").read_text())["pid"]
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("moment", range(6))
def test_a_server_killed_soon_after_create_still_runs_the_job_once(fresh_server: Any, moment: int) -> None:
    road = Road(fresh_server)
    name = road.start("early")
    for _ in range(moment * 3):
        road.sagemaker.describe_training_job(TrainingJobName=name)
    fresh_server.kill()
    fresh_server.start()
    check_ended_once(fresh_server, road, name)


def test_an_endpoint_answers_again_after_the_server_was_killed(fresh_server: Any) -> None:
    road = Road(fresh_server)
    name = road.deploy(road.train_once(), "again")
    row = claims_csv(1, label=False)
    before = road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)["Body"].read()
    fresh_server.kill()
    fresh_server.start()
    after = invoke_when_up(road, name, row)
    assert after == before
    road.delete(name)


def invoke_when_up(road: Road, name: str, row: str) -> bytes:
    """The first answer of an endpoint that is coming back up; fails at once when it will not."""

    def answer() -> bytes | None:
        try:
            return road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ModelError", "ServiceUnavailable"):
                raise
        shown = road.sagemaker.describe_endpoint(EndpointName=name)
        assert shown["EndpointStatus"] != "Failed", shown.get("FailureReason")
        return None

    return until(answer, f"an answer of {name}")


def test_a_worker_that_is_killed_is_replaced(fresh_server: Any) -> None:
    road = Road(fresh_server)
    name = road.deploy(road.train_once(), "replaced")
    row = claims_csv(1, label=False)
    before = invoke_when_up(road, name, row)
    (folder,) = (Path(fresh_server.data) / "jobs").glob("ep-*")
    killed = shim(folder)
    os.kill(killed, signal.SIGKILL)
    until(lambda: shim(folder) not in (0, killed), f"another shim than {killed}")
    assert invoke_when_up(road, name, row) == before
    assert shim(folder) != killed
    road.delete(name)


def test_acknowledged_objects_are_there_after_a_kill_and_torn_ones_are_not(fresh_server: Any) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="durable")
    acknowledged: dict[str, bytes] = {}
    torn: list[str] = []
    halfway = threading.Event()

    def upload(worker: int) -> None:
        for number in range(1000):
            key, body = f"{worker}/{number}", os.urandom(200_000)
            try:
                s3.put_object(Bucket="durable", Key=key, Body=body)
            except (ClientError, BotoCoreError):
                torn.append(key)
                return
            acknowledged[key] = body
            if len(acknowledged) >= 40:
                halfway.set()

    workers = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    assert halfway.wait(60)
    fresh_server.kill()
    for worker in workers:
        worker.join()
    fresh_server.start()
    kept = {
        item["Key"]: item["Size"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="durable")
        for item in page.get("Contents", ())
    }
    for key, body in acknowledged.items():
        assert s3.get_object(Bucket="durable", Key=key)["Body"].read() == body
    for key in kept.keys() - acknowledged.keys():
        assert key in torn
        assert kept[key] == 200_000
