"""A training job from Create to Completed, beside the bare fit of the same data in a process that is warm."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import potager
from benchmarks.measure import milliseconds, p50, say, seconds
from tests.clients.road import Road, claims_csv


def main() -> None:
    """1,000 rows through linear-learner, both ways."""
    with potager.local() as server:
        road = Road(server)
        road.put("bench/train.csv", claims_csv(1000))
        road.put("bench-validation/train.csv", claims_csv(200, seed=1))
        channels = [road.channel("train", "bench/"), road.channel("validation", "bench-validation/")]
        counter = iter(range(1000))
        ours = seconds(lambda: job(road, f"b{next(counter)}", channels), 7, 2)
    with tempfile.TemporaryDirectory() as base:
        folders = iter([laid_out(Path(base) / str(number)) for number in range(9)])
        bare = seconds(lambda: fit(next(folders)), 7, 2)
    say(f"job, 1,000 rows      {milliseconds(ours)}")
    say(f"bare fit             {milliseconds(bare)}")
    say(f"overhead             p50 {(p50(ours) - p50(bare)) * 1e3:8.2f} ms   (goal: at most 1,500 ms)")


def job(road: Road, name: str, channels: list[dict[str, Any]]) -> None:
    """One job until it has ended."""
    ended(road, road.start(name, channels=channels))


def ended(road: Road, full: str) -> None:
    """Returns once a job has completed; polled often, for boto3's waiter would round it up to its delay."""
    while True:
        shown = road.sagemaker.describe_training_job(TrainingJobName=full)
        if shown["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
            return
        time.sleep(0.01)


def laid_out(ml: Path) -> Path:
    """A folder that holds what `/opt/ml` holds when a job begins: the same rows and hyperparameters."""
    config = ml / "input" / "config"
    config.mkdir(parents=True)
    hyperparameters = {"predictor_type": "binary_classifier", "mini_batch_size": "100", "epochs": "5"}
    channel = {"ContentType": "text/csv", "TrainingInputMode": "File", "RecordWrapperType": "None"}
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": channel, "validation": channel}))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    for name, rows, seed in (("train", 1000, 0), ("validation", 200, 1)):
        folder = ml / "input" / "data" / name
        folder.mkdir(parents=True)
        (folder / "train.csv").write_text(claims_csv(rows, seed=seed))
    for name in ("model", "output"):
        (ml / name).mkdir()
    return ml


def fit(ml: Path) -> None:
    """The image's own training function in this process; from files to a model folder, as a job's program."""
    from potager.images.linear_learner.train import main as train

    with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
        train(ml)
