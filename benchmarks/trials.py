"""What a tuning job of many short trials spends beside training: `python -m benchmarks trials`.

A tuning job with `MaxParallelTrainingJobs` places keeps each of them busy. What the runner adds to a trial is the time
of a place less what the trial itself trained (TrainingStartTime to TrainingEndTime); what a job's walls and imports
take is in its training. Beside it stands the processor time of the server, which does not depend on who else wants the
machine.
`POTAGER_BENCH_TRIALS=10` makes fewer trials, `POTAGER_BENCH_TUNED="script xgboost"` takes some alone, and
`POTAGER_BENCH_PHASES=1` tells how long the jobs were in each secondary status.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import potager
from benchmarks.measure import say
from potager.compute.budget import cores
from tests.clients.road import claims_csv
from tests.clients.tuning import Tuning

TRIALS = int(os.environ.get("POTAGER_BENCH_TRIALS", "50"))
GOAL = 0.3
ROWS = 1400
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
RATE = {"Name": "eta", "MinValue": "0.05", "MaxValue": "0.5", "ScalingType": "Linear"}
LEARNING = {"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.5", "ScalingType": "Logarithmic"}

Start = Callable[[Tuning, str, int, str], str]


def script(tuning: Tuning, name: str, parallel: int, strategy: str) -> str:
    """A script that prints a number and ends."""
    return tuning.start(name, jobs=TRIALS, parallel=parallel, strategy=strategy)


def learner(tuning: Tuning, name: str, parallel: int, strategy: str) -> str:
    """linear-learner on a small table."""
    return _image(tuning, name, parallel, strategy, "validation:objective_loss", LEARNING, tuning.learner())


def xgboost(tuning: Tuning, name: str, parallel: int, strategy: str) -> str:
    """XGBoost's own algorithm on a small table."""
    algorithm = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    static = {"num_round": "50", "objective": "binary:logistic", "eval_metric": "logloss"}
    members = {"AlgorithmSpecification": algorithm, "StaticHyperParameters": static}
    return _image(tuning, name, parallel, strategy, "validation:logloss", RATE, tuning.learner(**members))


def _image(
    tuning: Tuning, name: str, parallel: int, strategy: str, metric: str, tuned: dict[str, str], given: dict[str, Any]
) -> str:
    ranges = {"ContinuousParameterRanges": [tuned]}
    config = tuning.config(
        jobs=TRIALS, parallel=parallel, strategy=strategy, objective=("Minimize", metric), ranges=ranges
    )
    return tuning.create(name, config, given)


KINDS: dict[str, Start] = {"script": script, "linear-learner": learner, "xgboost": xgboost}
ONLY = os.environ.get("POTAGER_BENCH_TUNED", " ".join(KINDS)).split()


def main() -> None:
    """A row for each program, strategy and number of places."""
    say(
        "| trials | strategy | places | a trial, of a place | it trains "
        f"| the runner adds (goal {GOAL:g} s) | the server computes |"
    )
    say("|---|---|---:|---:|---:|---:|---:|")
    with potager.local(cpus=2 * cores()) as server:  # two trials run at a time where there are two cores
        tuning = Tuning(server)
        tuning.road.put("train/claims.csv", claims_csv(ROWS))
        for kind in ONLY:
            for strategy, parallel in (("Random", 1), ("Random", 2), ("Bayesian", 1)):
                say(_measured(server, tuning, kind, strategy, parallel))


def _measured(server: potager.Local, tuning: Tuning, kind: str, strategy: str, parallel: int) -> str:
    spent, began = _processor(server.pid), time.perf_counter()
    job = KINDS[kind](tuning, f"{kind[:6]}{strategy[0]}{parallel}", parallel, strategy)
    while tuning.describe(job)["HyperParameterTuningJobStatus"] == "InProgress":
        time.sleep(0.05)
    place = (time.perf_counter() - began) * parallel / TRIALS
    spent = (_processor(server.pid) - spent) / TRIALS
    described = [
        tuning.sagemaker.describe_training_job(TrainingJobName=each["TrainingJobName"]) for each in tuning.trials(job)
    ]
    assert [each["TrainingJobStatus"] for each in described] == ["Completed"] * TRIALS, described[0]
    own = statistics.fmean((each["TrainingEndTime"] - each["TrainingStartTime"]).total_seconds() for each in described)
    if os.environ.get("POTAGER_BENCH_PHASES"):
        say(_phases(described))
    return (
        f"| {TRIALS} of {kind} | {strategy} | {parallel} | {place * 1e3:.0f} ms | {own * 1e3:.0f} ms "
        f"| {(place - own) * 1e3:.0f} ms | {spent * 1e3:.0f} ms |"
    )


def _phases(described: list[dict[str, Any]]) -> str:
    """Where the jobs' time went, by secondary status, in milliseconds on the average."""
    spent: dict[str, float] = defaultdict(float)
    for each in described:
        for step in each["SecondaryStatusTransitions"]:
            if "EndTime" in step:
                spent[step["Status"]] += (step["EndTime"] - step["StartTime"]).total_seconds() * 1e3
    return ", ".join(f"{status} {taken / len(described):.0f}" for status, taken in spent.items())


def _processor(pid: int | None) -> float:
    """Seconds that a process has computed for, and its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
