"""Jobs that are interrupted, lost, retried, stopped: what they had saved is there, and they go on from it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from potager.cli.main import main
from tests.clients.road import until, wait_for_job, wait_until_training
from tests.clients.scripts import Scripts

STEPS = """
    import json, os, signal, sys, time, uuid

    print("run", uuid.uuid4().hex)
    folder = os.environ.get("FOLDER", "/opt/ml/checkpoints")
    path = folder + "/state.json"
    step = json.load(open(path))["step"] if os.path.exists(path) else 0
    print("begins at", step)

    def save():
        with open(path + ".part", "w") as file:
            json.dump({"step": step}, file)
        os.replace(path + ".part", path)

    def end(*_):
        print("told to end at", step)
        save()
        sys.exit(3)

    signal.signal(signal.SIGTERM, end)
    if step == 0:
        step = 7
        save()
        while True:
            signal.pause()
    open(os.environ["SM_MODEL_DIR"] + "/steps.txt", "w").write(str(step))
"""
"""Saves step 7 and waits for its end; begun again from a checkpoint it writes the step into its model and completes."""

SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
}


def start(scripts: Scripts, name: str, train: str = STEPS, **members: Any) -> str:
    """A script's job with checkpoints under `NAME/`."""
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": scripts.source(name, {"train.py": train})}
    config = {"S3Uri": f"s3://{scripts.road.bucket}/{name}/checkpoints/"}
    return scripts.start(name, **{"HyperParameters": given, "CheckpointConfig": config, **members})


def steps(job: dict[str, Any]) -> list[str]:
    return [step["Status"] for step in job["SecondaryStatusTransitions"]]


def checkpoint(scripts: Scripts, name: str, file: str = "state.json") -> bytes:
    """A checkpoint in S3, once it is there."""
    key = f"{name}/checkpoints/{file}"

    def look() -> bytes | None:
        try:
            return scripts.road.s3.get_object(Bucket=scripts.road.bucket, Key=key)["Body"].read()
        except scripts.road.s3.exceptions.NoSuchKey:
            return None

    return until(look, f"the checkpoint {key}")


def minder(server: Any, name: str) -> int:
    """The pid of the shim that minds the workload of a job."""
    for path in (Path(server.data) / "jobs").glob("job-*/run/workload.json"):
        if json.loads(path.read_text())["environment"]["TRAINING_JOB_NAME"] == name:
            return json.loads((path.parent / "shim.json").read_text())["pid"]
    raise AssertionError(f"nothing minds {name}")


def interrupt(server: Any, name: str) -> str:
    result = CliRunner().invoke(main, ["interrupt", name, "--data", str(server.data)])
    assert result.exit_code == 0, result.output
    return result.output


def check_resumed(scripts: Scripts, name: str, word: str) -> dict[str, Any]:
    """The job completed in its second attempt, from the checkpoint of the first."""
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    path = ["Starting", "Downloading", "Training"]
    assert steps(job) == [*path, word, *path, "Uploading", "Completed"]
    lines = scripts.lines(job)
    runs = [line for line in lines if line.startswith("run ")]
    assert len(runs) == len(set(runs)) == 2
    assert [line for line in lines if line.startswith("begins at")] == ["begins at 0", "begins at 7"]
    assert any(line.startswith("Attempt 2: ") for line in lines)
    assert scripts.unpacked(f"output/{name}/output/model.tar.gz") == {"steps.txt": b"7"}
    return job


@pytest.fixture
def scripts(server: Any) -> Scripts:
    return Scripts(server)


def test_checkpoints_are_in_s3_while_the_program_runs_and_another_job_begins_from_them(scripts: Scripts) -> None:
    first = start(scripts, "shared")
    assert json.loads(checkpoint(scripts, "shared")) == {"step": 7}
    assert scripts.road.sagemaker.describe_training_job(TrainingJobName=first)["SecondaryStatus"] == "Training"
    scripts.road.sagemaker.stop_training_job(TrainingJobName=first)
    assert wait_for_job(scripts.road.sagemaker, first)["TrainingJobStatus"] == "Stopped"

    config = {"S3Uri": f"s3://{scripts.road.bucket}/shared/checkpoints", "LocalPath": "/opt/ml/work/saved"}
    second = start(scripts, "second", CheckpointConfig=config, Environment={"FOLDER": config["LocalPath"]})
    job = wait_for_job(scripts.road.sagemaker, second)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["CheckpointConfig"] == config
    assert scripts.unpacked(f"output/{second}/output/model.tar.gz") == {"steps.txt": b"7"}


def test_what_a_program_restores_is_its_own_copy(scripts: Scripts) -> None:
    train = """
        import json
        print(json.load(open("/opt/ml/input/config/checkpointconfig.json")))
        with open("/opt/ml/checkpoints/deep/weights", "r+b") as file:
            file.write(b"new")
    """
    for key in ("copy/checkpoints/deep/weights", "elsewhere"):
        scripts.road.put(key, b"old")
    copied = scripts.road.bucket + "/elsewhere"
    scripts.road.s3.copy_object(Bucket=scripts.road.bucket, Key="kept", CopySource=copied)
    job = wait_for_job(scripts.road.sagemaker, start(scripts, "copy", train))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert checkpoint(scripts, "copy", "deep/weights") == b"new"
    assert job["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert str(job["CheckpointConfig"]["S3Uri"]) in "".join(scripts.lines(job))


@pytest.mark.parametrize("end", ["raise SystemExit(2)", "os.kill(os.getpid(), 9)", "signal.pause()"])
def test_checkpoints_are_kept_however_a_job_ends(scripts: Scripts, end: str) -> None:
    train = f"""
        import os, signal
        open("/opt/ml/checkpoints/state.json", "w").write("saved")
        open("/opt/ml/model/half.txt", "w").write("half")
        print("saved", flush=True)
        {end}
    """
    job = wait_for_job(
        scripts.road.sagemaker, start(scripts, "ends", train, StoppingCondition={"MaxRuntimeInSeconds": 6})
    )
    assert job["SecondaryStatus"] in ("Failed", "MaxRuntimeExceeded")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) in (("Failed",) * 2, ("Stopped", "MaxRuntimeExceeded"))
    assert checkpoint(scripts, "ends") == b"saved"


def test_a_job_over_its_time_is_stopped_and_keeps_what_it_saved_when_it_was_told(scripts: Scripts) -> None:
    train = STEPS.replace("sys.exit(3)", 'open("/opt/ml/model/half.txt", "w").write("half"); sys.exit(0)')
    job = wait_for_job(
        scripts.road.sagemaker, start(scripts, "over", train, StoppingCondition={"MaxRuntimeInSeconds": 6})
    )
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert scripts.unpacked(f"output/{job['TrainingJobName']}/output/model.tar.gz") == {"half.txt": b"half"}
    assert "told to end at 7" in scripts.lines(job)


def test_a_spot_job_that_is_interrupted_goes_on_from_its_checkpoint(scripts: Scripts) -> None:
    name = start(scripts, "spot", **SPOT)
    until(lambda: "begins at 0" in logged(scripts, name), f"{name} at work")
    interrupt(scripts.server, name)
    job = check_resumed(scripts, name, "Interrupted")
    assert "told to end at 7" in scripts.lines(job)
    assert job["EnableManagedSpotTraining"]
    assert 1 <= job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    assert job["StoppingCondition"] == SPOT["StoppingCondition"]


def logged(scripts: Scripts, name: str) -> list[str]:
    try:
        return scripts.lines({"TrainingJobName": name})
    except (ClientError, IndexError):
        return []


@pytest.mark.parametrize(
    ("members", "word"), [(SPOT, "Interrupted"), ({"RetryStrategy": {"MaximumRetryAttempts": 1}}, "Restarting")]
)
@pytest.mark.parametrize("server_too", [False, True])
def test_a_job_whose_machine_is_lost_goes_on(
    fresh_server: Any, members: dict[str, Any], word: str, server_too: bool
) -> None:
    scripts = Scripts(fresh_server)
    name = start(scripts, "lost", **members)
    wait_until_training(scripts.road.sagemaker, name)
    until(lambda: "begins at 0" in logged(scripts, name), f"{name} at work")
    state = next((Path(fresh_server.data) / "jobs").glob("job-*/ml/checkpoints"), None)
    assert state is not None
    until((state / "state.json").exists, "the checkpoint")
    shim = minder(fresh_server, name)
    if server_too:
        fresh_server.kill()
    os.kill(shim, signal.SIGKILL)
    if server_too:
        fresh_server.start()
    check_resumed(scripts, name, word)
    until(lambda: not list((Path(fresh_server.data) / "jobs").iterdir()), "an empty folder of jobs")


def test_a_spot_job_gives_its_place_to_an_on_demand_job_and_goes_on_when_that_has_ended(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    whole = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1}
    spot = start(scripts, "spot", resources=whole, **SPOT)
    until(lambda: "begins at 0" in logged(scripts, spot), f"{spot} at work")
    other = start(scripts, "demand", "print('in its place')", resources=whole)
    job = wait_for_job(scripts.road.sagemaker, other)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Pending" in steps(job)
    job = wait_for_job(scripts.road.sagemaker, spot)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert steps(job).count("Interrupted") == 1
    lines = scripts.lines(job)
    assert [line for line in lines if line.startswith("begins at")] == ["begins at 0", "begins at 7"]
    assert "told to end at 7" in lines


def test_retries_come_to_an_end_and_a_program_at_fault_is_not_retried(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    train = 'import signal; print("at work"); signal.pause()'
    name = start(scripts, "twice", train, RetryStrategy={"MaximumRetryAttempts": 1})
    for attempt in (1, 2):
        until(lambda n=attempt: logged(scripts, name).count("at work") == n, f"attempt {attempt} of {name}")
        os.kill(minder(fresh_server, name), signal.SIGKILL)
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert steps(job).count("Restarting") == 1
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 1}

    own = wait_for_job(
        scripts.road.sagemaker, start(scripts, "own", "raise SystemExit(1)", RetryStrategy={"MaximumRetryAttempts": 3})
    )
    assert "Restarting" not in steps(own)
    assert own["FailureReason"].startswith("AlgorithmError")


def test_a_spot_job_that_waited_too_long_is_stopped(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    limits = {"MaxRuntimeInSeconds": 3, "MaxWaitTimeInSeconds": 3}
    train = """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()
    """
    name = start(scripts, "late", train, EnableManagedSpotTraining=True, StoppingCondition=limits)
    job = wait_for_job(scripts.road.sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_a_stopped_spot_job_is_stopped_and_not_interrupted(scripts: Scripts) -> None:
    name = start(scripts, "halt", **SPOT)
    until(lambda: "begins at 0" in logged(scripts, name), f"{name} at work")
    scripts.road.sagemaker.stop_training_job(TrainingJobName=name)
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert "Interrupted" not in steps(job)


def test_interrupting_what_cannot_be_interrupted_is_told(scripts: Scripts) -> None:
    def refused(name: str) -> str:
        result = CliRunner().invoke(main, ["interrupt", name, "--data", str(scripts.server.data)])
        assert result.exit_code == 1
        return result.output

    assert "no managed spot job" in refused(scripts.road.train_once()["TrainingJobName"])
    assert "not found" in refused("no-such-job")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"EnableManagedSpotTraining": True},
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 5, "MaxWaitTimeInSeconds": 4},
            },
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 5, "MaxWaitTimeInSeconds": 9}},
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://bucket/p", "LocalPath": "/var/saved"}}, "below /opt/ml only"),
        ({"CheckpointConfig": {"S3Uri": "s3://bucket/p", "LocalPath": "/opt/ml/input/x"}}, "which is the platform's"),
        ({"CheckpointConfig": {"S3Uri": "s3://bucket/p", "LocalPath": "/opt/ml/../x"}}, "below /opt/ml only"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 31}}, "less than or equal to 30"),
    ],
)
def test_what_cannot_be_is_refused(scripts: Scripts, members: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        start(scripts, "refused", "", **members)


def test_checkpoints_in_a_bucket_that_is_not_there_fail_the_job(scripts: Scripts) -> None:
    job = wait_for_job(
        scripts.road.sagemaker, start(scripts, "nowhere", "", CheckpointConfig={"S3Uri": "s3://no-such-bucket-here/p"})
    )
    assert job["FailureReason"].startswith("ClientError: Data download failed: ")
    assert "no-such-bucket-here" in job["FailureReason"]
