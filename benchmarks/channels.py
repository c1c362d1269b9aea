"""How long a job takes from Create to Training over a channel of gigabytes, beside one over a few kilobytes.

Size of the large one in GB: `POTAGER_BENCH_CHANNEL_GB`, 1 when it is not set. It takes twice that of the disk for a
time: the file that is uploaded, and the object.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from boto3.s3.transfer import TransferConfig

import potager
from benchmarks.measure import milliseconds, p50, say, seconds
from tests.clients.road import ROLE, Road, wait_for_job, wait_until_training

GIGABYTES = float(os.environ.get("POTAGER_BENCH_CHANNEL_GB", "1"))
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1"
WAIT = ["python", "-c", "import signal; signal.pause()"]
MODES = ("File", "FastFile", "Pipe")
RUNS = 9


def main() -> None:
    """Uploads both by boto3's own transfer and starts jobs that do nothing, the first one right after the upload."""
    with tempfile.TemporaryDirectory() as base:
        data = Path(base) / "data"
        data.mkdir(mode=0o700)
        with potager.local(data) as server:
            road = Road(server)
            road.put("small/data", os.urandom(10_000))
            start(road, "warm", "small/", "File")
            upload(road, Path(base) / "large")
            say(f"first job, {GIGABYTES:g} GB      {milliseconds([start(road, 'first', 'large/', 'File')])}")
            for mode in MODES:
                taken: dict[str, list[float]] = {"small/": [], "large/": []}
                for number in range(RUNS * 2):  # in turns, so that a busy machine is as busy for both
                    prefix = ("small/", "large/")[number % 2]
                    taken[prefix].append(start(road, f"{mode}-{number}", prefix, mode))
                small, large = sorted(taken["small/"]), sorted(taken["large/"])
                say(f"{mode:8} 10 KB       {milliseconds(small)}")
                say(f"{mode:8} {GIGABYTES:g} GB        {milliseconds(large)}   {p50(large) / p50(small):.2f} x")


def upload(road: Road, file: Path) -> None:
    """An object of so many gigabytes, as `upload_file` sends it: in parts of 8 MiB, ten at a time."""
    block = os.urandom(2**20)
    with file.open("wb") as target:
        for _ in range(int(GIGABYTES * 1e9) // len(block) + 1):
            target.write(block)
    took = seconds(lambda: road.s3.upload_file(str(file), road.bucket, "large/data", Config=TransferConfig()), 1)
    say(f"upload               {GIGABYTES * 1e3 / took[0]:8.0f} MB/s")
    file.unlink()


def start(road: Road, name: str, prefix: str, mode: str) -> float:
    """Seconds from Create until a job trains; it is stopped then."""
    full = f"{road.prefix}-{name}"
    began = time.perf_counter()
    road.sagemaker.create_training_job(
        TrainingJobName=full,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": mode, "ContainerEntrypoint": WAIT},
        RoleArn=ROLE,
        InputDataConfig=[road.channel("train", prefix)],
        OutputDataConfig={"S3OutputPath": f"s3://{road.bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 50},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    wait_until_training(road.sagemaker, full)
    taken = time.perf_counter() - began
    road.sagemaker.stop_training_job(TrainingJobName=full)
    wait_for_job(road.sagemaker, full)
    return taken
