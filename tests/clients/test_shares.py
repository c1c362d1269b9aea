"""Instance types share the machine out, as `boto3` sees it: on servers that are told to be a small machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import potager
from tests.clients.processing import Processing
from tests.clients.road import Road, until, wait_for_job, wait_until_training
from tests.clients.scripts import Scripts

WAITS = "import signal\nprint('waiting', flush=True)\nsignal.pause()\n"
TELLS = """
    import json, os, pathlib
    names = ("SM_NUM_CPUS", "SM_NUM_GPUS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    told = json.dumps({name: os.environ[name] for name in names})
    pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(told)
"""


@pytest.fixture(scope="module")
def laptop() -> Iterator[potager.Local]:
    """A server that believes to have two cores, 7 GiB and two GPUs."""
    with potager.local(cpus=2, memory="7GiB", gpus=2) as server:
        yield server


def begin(scripts: Scripts, name: str, source: str, kind: str = "ml.m5.large", count: int = 1) -> str:
    """Starts a job that runs a script."""
    resources = {"InstanceType": kind, "InstanceCount": count}
    return scripts.begin(name, {"train.py": source}, resources=resources)


def pending(sagemaker: Any, name: str) -> dict[str, Any]:
    """The job once it waits for the machine."""

    def look() -> dict[str, Any] | None:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] == "InProgress", job
        return job if job["SecondaryStatus"] == "Pending" else None

    return until(look, f"{name} Pending")


def test_a_job_that_does_not_fit_waits_and_says_for_what(laptop: potager.Local) -> None:
    scripts = Scripts(laptop)
    sagemaker = scripts.road.sagemaker
    first = begin(scripts, "first", WAITS)
    wait_until_training(sagemaker, first)
    second, third = (begin(scripts, name, "print('done')") for name in ("second", "third"))
    last = pending(sagemaker, second)["SecondaryStatusTransitions"][-1]
    assert last["Status"] == "Pending"
    assert last["StatusMessage"].startswith("Waiting for 2 vCPUs and 6.1 GiB (1 x ml.m5.large); 0 vCPUs, 2 GPUs and ")
    assert f"Held by training job {first} (2 vCPUs and 6.1 GiB)" in last["StatusMessage"]
    pending(sagemaker, third)
    sagemaker.stop_training_job(TrainingJobName=third)
    stopped = wait_for_job(sagemaker, third)
    assert stopped["TrainingJobStatus"] == "Stopped"
    assert "TrainingStartTime" not in stopped
    sagemaker.stop_training_job(TrainingJobName=first)
    ended = wait_for_job(sagemaker, second)
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
    steps = [step["Status"] for step in ended["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]


def test_a_job_is_told_what_it_really_has_and_its_log_what_was_asked_for(laptop: potager.Local) -> None:
    scripts = Scripts(laptop)
    name = begin(scripts, "told", TELLS, "ml.p3.8xlarge")
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    told = json.loads(scripts.unpacked(f"output/{name}/output/model.tar.gz")["told.json"])
    assert (told["SM_NUM_CPUS"], told["SM_NUM_GPUS"], told["CUDA_VISIBLE_DEVICES"]) == ("2", "2", "0,1")
    assert told["OMP_NUM_THREADS"] in ("1", "2")
    asked = "Instance: ml.p3.8xlarge was asked for, which has 32 vCPUs, 4 GPUs and 244.0 GiB; "
    assert asked + "this machine gives it 2 vCPUs, 2 GPUs and 6.1 GiB" in scripts.lines(job)


def test_all_hosts_of_a_job_are_given_their_parts_at_once(laptop: potager.Local) -> None:
    scripts = Scripts(laptop)
    job = wait_for_job(scripts.road.sagemaker, begin(scripts, "hosts", "print('here')", "ml.m5.xlarge", 3))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    asked = "Instance: ml.m5.xlarge was asked for, which has 4 vCPUs and 16.0 GiB; "
    assert asked + "this machine gives it 1 vCPU and 2.0 GiB" in scripts.lines(job)


def test_a_processing_job_waits_too_and_can_be_stopped_meanwhile(laptop: potager.Local) -> None:
    scripts, processing = Scripts(laptop), Processing(laptop)
    sagemaker = scripts.road.sagemaker
    first = begin(scripts, "before", WAITS)
    wait_until_training(sagemaker, first)
    second, third = (processing.start(name, "print('done')") for name in ("second", "third"))
    sagemaker.stop_processing_job(ProcessingJobName=third)
    assert processing.wait(third)["ProcessingJobStatus"] == "Stopped"
    shown = sagemaker.describe_processing_job(ProcessingJobName=second)
    assert shown["ProcessingJobStatus"] == "InProgress"
    assert "ProcessingStartTime" not in shown
    sagemaker.stop_training_job(TrainingJobName=first)
    ended = processing.wait(second)
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    assert any(line.startswith("Instance: ml.m5.large was asked for") for line in processing.lines(ended))


def test_a_newcomers_day(laptop: potager.Local) -> None:
    """Train, deploy, train while the endpoint stays, transform, and deploy once more: nothing waits for ever."""
    road = Road(laptop)
    endpoint = road.deploy(road.train_once(), "first")
    assert road.train("again")["TrainingJobStatus"] == "Completed"
    road.put("rows/part.csv", "1,2,3,4\n")
    transform = f"{road.prefix}-transform"
    road.sagemaker.create_transform_job(
        TransformJobName=transform,
        ModelName=road.model("transform", road.train_once()),
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{road.bucket}/rows/"}},
            "ContentType": "text/csv",
        },
        TransformOutput={"S3OutputPath": f"s3://{road.bucket}/scores/"},
        TransformResources={"InstanceType": "ml.m5.4xlarge", "InstanceCount": 2},
    )
    waiter = road.sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=transform, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200})
    second = road.deploy(road.train_once(), "second")
    for name in (endpoint, second):
        assert road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"1,2,3,4")["Body"].read()
        road.delete(name)


def test_an_endpoint_that_endpoints_leave_no_memory_for_fails_in_awss_words() -> None:
    with potager.local(memory="2GiB", endpoint_memory="300MiB") as server:
        road = Road(server)
        job = road.train_once()
        road.deploy(job, "first")
        config = road.config("second", road.model("second", job))
        road.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": f"{road.prefix}-second",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 4,
        }
        road.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
        second = f"{road.prefix}-second"
        road.sagemaker.create_endpoint(EndpointName=second, EndpointConfigName=config)

        def failed() -> str | None:
            shown = road.sagemaker.describe_endpoint(EndpointName=second)
            assert shown["EndpointStatus"] in ("Creating", "Failed")
            return shown.get("FailureReason")

        reason = until(failed, "the failure of the second endpoint")
        assert "InsufficientInstanceCapacity" in reason
        assert f"endpoint {road.prefix}-first (300 MiB)" in reason
        road.delete(second)
        road.deploy(job, "third")


def test_what_still_runs_keeps_its_share_when_the_server_is_killed() -> None:
    with potager.local(cpus=2, memory="4GiB") as server:
        scripts = Scripts(server)
        sagemaker = scripts.road.sagemaker
        first = begin(scripts, "first", WAITS)
        wait_until_training(sagemaker, first)
        second = begin(scripts, "second", "print('done')")
        pending(sagemaker, second)
        server.kill()
        server.start()
        third = begin(scripts, "third", "print('done')", "ml.t3.medium")
        message = pending(sagemaker, third)["SecondaryStatusTransitions"][-1]["StatusMessage"]
        assert f"1 before it waits, too. Held by training job {first}" in message
        assert sagemaker.describe_training_job(TrainingJobName=second)["SecondaryStatus"] == "Pending"
        sagemaker.stop_training_job(TrainingJobName=first)
        assert wait_for_job(sagemaker, second)["TrainingJobStatus"] == "Completed"
        assert wait_for_job(sagemaker, third)["TrainingJobStatus"] == "Completed"
        until(lambda: not list((server.data / "shares").iterdir()), "the return of every share")
