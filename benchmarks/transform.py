"""A batch transform of a million rows of 20 columns, beside in-process prediction of the same bytes in the same run."""

from __future__ import annotations

import io
import os
import random
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import potager
from benchmarks.measure import p50, say, seconds
from tests.clients.road import Road

ROWS, COLUMNS = 1_000_000, 20
GOAL, RUNS = 1.5, 5


def main() -> None:
    """CSV in and CSV out, SplitType Line, as AWS's defaults have it: one instance, 6 MB a request."""
    body = rows(ROWS)
    with potager.local() as server:
        road = Road(server)
        road.put("wide/train.csv", labelled(2000))
        job = road.train("wide", channels=[road.channel("train", "wide/")])
        model = road.model("wide", job)
        road.put("in/rows.csv", body)
        counter = iter(range(100))
        predictor = loaded(road, job)
        before = peak(server.pid)
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(RUNS):  # turn about, so that a busy machine is busy for both
            bare += seconds(lambda: predictor.predict(body, "text/csv", "text/csv"), 1)
            ours += seconds(lambda: transform(road, model, f"t{next(counter)}"), 1)
        grown = peak(server.pid) - before
        joined = seconds(lambda: transform(road, model, f"t{next(counter)}", {"JoinSource": "Input"}), 1)
    ratio = p50(ours) / p50(bare)
    say(f"input                {len(body) / 2**20:8.1f} MB, {ROWS:,} rows of {COLUMNS} columns")
    say(f"transform            p50 {p50(ours):8.2f} s    ({ROWS / p50(ours):,.0f} rows/s)")
    say(f"in-process predict   p50 {p50(bare):8.2f} s    ({ROWS / p50(bare):,.0f} rows/s)")
    say(f"ratio                    {ratio:8.2f}      (goal: at most {GOAL})")
    say(f"transform, joined        {p50(joined):8.2f} s    (JoinSource Input, once)")
    say(f"server's peak memory grew by {grown:.0f} MB")


def rows(count: int) -> bytes:
    """Lines of `COLUMNS` numbers; the same thousand over and over."""
    source = random.Random(0)
    some = "".join(",".join(f"{source.gauss(0, 1):.5f}" for _ in range(COLUMNS)) + "\n" for _ in range(1000))
    return some.encode() * (count // 1000)


def labelled(count: int) -> str:
    """Rows to train on: a label that the first column explains, then the columns."""
    lines = rows(count).decode().splitlines()
    return "".join(f"{int(not line.startswith('-'))},{line}\n" for line in lines)


def transform(road: Road, model: str, name: str, processing: dict[str, str] | None = None) -> None:
    """One job until it has ended."""
    full = f"{road.prefix}-{name}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{road.bucket}/in/"}}
    more: dict[str, Any] = {"DataProcessing": processing} if processing else {}
    road.sagemaker.create_transform_job(
        TransformJobName=full,
        ModelName=model,
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={
            "S3OutputPath": f"s3://{road.bucket}/out/{name}",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    )
    while True:
        shown = road.sagemaker.describe_transform_job(TransformJobName=full)
        if shown["TransformJobStatus"] not in ("InProgress", "Stopping"):
            assert shown["TransformJobStatus"] == "Completed", shown.get("FailureReason")
            return
        time.sleep(0.02)


def loaded(road: Road, job: dict[str, Any]) -> Any:
    """The model in this process."""
    from potager.images.linear_learner.serve import load

    key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    body = road.s3.get_object(Bucket=road.bucket, Key=key)["Body"].read()
    folder = Path(tempfile.mkdtemp())
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        tar.extractall(folder, filter="data")
    return load(folder)


def peak(pid: int) -> float:
    """The most memory that a process ever had resident, in MB; its workers are others. Linux only."""
    if not os.path.exists(f"/proc/{pid}/status"):
        return float("nan")
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
