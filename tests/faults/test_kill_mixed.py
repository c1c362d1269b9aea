"""`kill -9` of the server at 50 moments while everything runs at once: every job ends once, and nothing of it stays.

The moments come from a fixed seed. Every second one counts from the start of the server's process, and so falls into
its start-up, when it takes up what the one before left; the others count from when it is up. What is asserted holds
whatever the moments hit.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import potager
from potager.cli.child import NotStarted
from tests.clients.processing import Processing
from tests.clients.road import claims_csv, until, wait_for_job
from tests.clients.scripts import Scripts

KILLS = 50
LATEST = 0.8
"""Seconds to a kill at most, from the start of the server's process or from when it is up."""
JOBS = 36
MARK = "LC_POTAGER_KILLED"
"""A variable that every process below a server inherits, and by which this test finds them."""

WORK = """
    import json, os, time, uuid

    print("run", uuid.uuid4().hex)
    path = "/opt/ml/checkpoints/step"
    step = int(open(path).read()) if os.path.exists(path) else 0
    while step < 25:
        step += 1
        with open(path + ".part", "w") as file:
            file.write(str(step))
        os.replace(path + ".part", path)
        time.sleep(0.05)
    open(os.environ["SM_MODEL_DIR"] + "/steps.txt", "w").write(str(step))
    open(os.environ["SM_OUTPUT_DATA_DIR"] + "/steps.txt", "w").write(str(step))
    raise SystemExit(int(os.environ.get("CODE", 0)))
"""
PROCESS = """
    import time, uuid
    print("run", uuid.uuid4().hex)
    for step in range(10):
        open(f"/opt/ml/processing/live/{step}.txt", "w").write("whole")
        time.sleep(0.05)
    open("/opt/ml/processing/out/end.txt", "w").write("end")
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3000, "MaxWaitTimeInSeconds": 6000},
}
RETRIED = {"RetryStrategy": {"MaximumRetryAttempts": 30}}


@dataclass
class Load:
    """What is asked of the server while it is killed, and what became of the asking."""

    scripts: Scripts
    processing: Processing
    transformed: str
    bucket: str
    jobs: dict[str, str] = field(default_factory=dict[str, str])
    """Kind by name, of everything that was acknowledged."""

    @property
    def kinds(self) -> dict[str, Callable[[str], Any]]:
        """How a job of each kind is asked for."""
        source = self.scripts.source("mixed", {"train.py": WORK})
        program = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}

        def script(name: str, **members: Any) -> None:
            config = {"S3Uri": f"s3://{self.bucket}/checkpoints/{name}"}
            self.scripts.start(name, HyperParameters=program, CheckpointConfig=config, **members)

        return {
            "built-in": lambda name: self.scripts.road.start(name, hyperparameters={"epochs": "60"}),
            "script": lambda name: script(name),
            "spot": lambda name: script(name, **SPOT),
            "retried": lambda name: script(name, **RETRIED),
            "fails": lambda name: script(name, Environment={"CODE": "3"}),
            "transform": self.transform,
            "processing": self.process,
        }

    def process(self, name: str) -> None:
        live = self.processing.output("live", mode="Continuous", key=f"{name}/live")
        self.processing.start(name, PROCESS, outputs=[live, self.processing.output("out", key=f"{name}/out")])

    def transform(self, name: str) -> None:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/rows/"}}
        self.scripts.road.sagemaker.create_transform_job(
            TransformJobName=f"{self.scripts.road.prefix}-{name}",
            ModelName=self.transformed,
            TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{self.bucket}/out/{name}", "Accept": "text/csv"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )

    def ask(self, kind: str, make: Callable[[str], Any], number: int) -> None:
        """Asks until the server says that it has the job; a request that a kill cut off is asked again."""
        name = f"{kind}-{number}"
        while True:
            try:
                make(name)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceInUse":  # else the first asking did it
                    raise
            except BotoCoreError:
                threading.Event().wait(0.02)
                continue
            self.jobs[f"{self.scripts.road.prefix}-{name}"] = kind
            return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[potager.Local]:
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    with potager.local() as running:
        yield running


def test_a_server_killed_at_fifty_moments_ends_every_job_once_and_leaves_nothing(server: potager.Local) -> None:
    patient = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    load, endpoint, answer = set_up(server, patient)
    moments = random.Random(20261123)
    kinds = load.kinds
    turn = threading.Semaphore(0)
    trouble: list[BaseException] = []

    def asking() -> None:
        try:
            for number in range(JOBS):
                turn.acquire()
                kind = list(kinds)[number % len(kinds)]
                load.ask(kind, kinds[kind], number)
        except BaseException as error:
            trouble.append(error)

    asker = threading.Thread(target=asking, daemon=True)
    asker.start()
    server.kill()
    for number in range(KILLS):
        if number % 4 != 3:
            turn.release()
        if number % 5 == 4:
            kill_a_shim(server, moments)
        moment = moments.uniform(0, LATEST)
        if number % 2:
            kill_while_starting(server, moment)
        else:
            server.start()
            threading.Event().wait(moment)
            server.kill()
    server.start()
    asker.join(120)
    assert not trouble
    assert len(load.jobs) == JOBS
    for name, kind in load.jobs.items():
        check(load, name, kind)
    row = claims_csv(1, label=False)
    assert (
        load.scripts.road.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)[
            "Body"
        ].read()
        == answer
    )
    load.scripts.road.delete(endpoint)
    check_nothing_is_left(server)


def set_up(server: potager.Local, config: Config) -> tuple[Load, str, bytes]:
    """A load to put on, an endpoint that answers, and its answer."""
    scripts = Scripts(server)
    road = scripts.road
    endpoint = road.deploy(road.train_once(), "mixed")
    row = claims_csv(1, label=False)
    answer = road.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)["Body"].read()
    for number in range(3):
        road.put(f"rows/{number}.csv", claims_csv(300, seed=number, label=False))
    model = road.model("rows", road.train_once())
    road.sagemaker = server.client("sagemaker", config=config)
    processing = Processing(server)
    processing.road = road
    return Load(scripts, processing, model, road.bucket), endpoint, answer


def kill_while_starting(server: potager.Local, moment: float) -> None:
    """Starts the server and kills it `moment` seconds after its process began, whether it is up by then or not."""

    def strike() -> None:
        pid = until(lambda: server.pid, "the server's process")
        threading.Event().wait(moment)
        os.kill(pid, signal.SIGKILL)

    striker = threading.Thread(target=strike)
    striker.start()
    with suppress(NotStarted):
        server.start()
    striker.join()
    server.kill()


def kill_a_shim(server: potager.Local, moments: random.Random) -> None:
    """Kills what minds one of the jobs that go on after that, as a reboot would."""
    found: list[int] = []
    for path in sorted((server.data / "jobs").glob("job-*/run/shim.json")):
        work = json.loads((path.parent / "workload.json").read_text())
        kind = work["environment"]["TRAINING_JOB_NAME"].split("-")[1]
        if kind in ("spot", "retried") and not (path.parent / "exit.json").exists():
            found.append(json.loads(path.read_text())["pid"])
    if found:
        with suppress(ProcessLookupError):
            os.kill(moments.choice(found), signal.SIGKILL)


def check(load: Load, name: str, kind: str) -> None:
    """The job ended once, as its kind has it, and what it made is whole."""
    road = load.scripts.road
    if kind in ("transform", "processing"):
        (check_transform if kind == "transform" else check_processing)(load, name)
        return
    job = wait_for_job(road.sagemaker, name)
    expected = "Failed" if kind == "fails" else "Completed"
    assert job["TrainingJobStatus"] == expected, (name, job.get("FailureReason"))
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    attempts = 1 + steps.count("Interrupted") + steps.count("Restarting")
    assert steps.count("Training") == attempts, (name, steps)
    assert steps.count(expected) == 1
    assert steps[-1] == expected
    if attempts > 1:
        assert kind in ("spot", "retried")
    archive = load.scripts.unpacked(f"output/{name}/output/model.tar.gz")
    if kind == "built-in":
        assert archive
        assert sum("Training a binary_classifier" in line for line in load.scripts.lines(job)) == 1
        return
    assert archive == {"steps.txt": b"25"}
    assert load.scripts.unpacked(f"output/{name}/output/output.tar.gz") == {"steps.txt": b"25"}
    runs = [line for line in load.scripts.lines(job) if line.startswith("run ")]
    assert len(runs) == len(set(runs)), (name, runs)
    assert 1 <= len(runs) <= attempts  # an attempt may be lost before its first line
    if attempts == 1:
        assert len(runs) == 1
    step = road.s3.get_object(Bucket=load.bucket, Key=f"checkpoints/{name.partition('-')[2]}/step")["Body"].read()
    assert step == b"25"
    if kind == "fails":
        assert "ExitCode 3" in job["FailureReason"]


def check_transform(load: Load, name: str) -> None:
    """The job completed, with one whole output an input."""
    road = load.scripts.road

    def ended() -> str | None:
        status = road.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
        return status if status in ("Completed", "Failed", "Stopped") else None

    assert until(ended, f"the end of {name}") == "Completed"
    short = name.partition("-")[2]
    for number in range(3):
        body = road.s3.get_object(Bucket=load.bucket, Key=f"out/{short}/{number}.csv.out")["Body"].read()
        assert len(body.splitlines()) == 300


def check_processing(load: Load, name: str) -> None:
    """The job completed, in one run of its program, with all of its outputs."""
    job = load.processing.wait(name)
    assert job["ProcessingJobStatus"] == "Completed", (name, job.get("FailureReason"))
    assert sum(line.startswith("run ") for line in load.processing.lines(job)) == 1
    short = name.partition("-")[2]
    assert load.processing.content(f"{short}/live/") == {f"{step}.txt": b"whole" for step in range(10)}
    assert load.processing.content(f"{short}/out/") == {"end.txt": b"end"}


def check_nothing_is_left(server: potager.Local) -> None:
    """No folder of a job, no process but the server and its parent of workers, no mount."""
    until(lambda: not list((server.data / "jobs").iterdir()), "an empty folder of jobs")
    until(lambda: len(processes()) <= 2, f"the end of all but the server {server.pid} and its zygote")
    assert server.pid in processes()
    assert str(server.data) not in Path("/proc/self/mountinfo").read_text()
    assert list((server.data / "blobs" / "tmp").iterdir()) == []


def processes() -> list[int]:
    """The processes that were started by this test's servers, and what those started."""
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
