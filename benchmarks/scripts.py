"""A scikit-learn script's job over a channel of 1 MB from Create to Completed, beside the script by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import potager
from benchmarks.jobs import ended
from benchmarks.measure import milliseconds, p50, say, seconds
from tests.clients.road import claims_csv
from tests.clients.scripts import SKLEARN, Scripts
from tests.wheels import wheel

ROWS = 24_000
"""Rows of some 42 bytes: 1 MB."""
TRAIN = """
import os
import joblib, pandas
from sklearn.linear_model import LogisticRegression

data = pandas.read_csv(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "train.csv"), header=None)
model = LogisticRegression().fit(data.iloc[:, 1:].values, data[0])
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""
RUNS, WARMUP = 11, 2
MET = "scikit-learn>=1.0\npandas\n"
KEPT = MET + "tidings\n"
"""What is installed already, and with it a package that is found in a kept environment from the second job on."""


def main() -> None:
    """The job with requirements that are met and with some that are kept, then the bare script."""
    with tempfile.TemporaryDirectory() as base:
        wheel(Path(base) / "wheels", "tidings", "1.0")
        os.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{base}/wheels"}  # the operator's: they reach every job
        with potager.local() as server:
            measured(server, Path(base))


def measured(server: potager.Local, base: Path) -> None:
    """The turns, and what they took."""
    scripts = Scripts(server)
    data = claims_csv(ROWS)
    scripts.road.put("bench/train.csv", data)
    (base / "train.csv").write_text(data)
    (base / "train.py").write_text(TRAIN)
    met = scripts.source("met", {"train.py": TRAIN, "requirements.txt": MET})
    kept = scripts.source("kept", {"train.py": TRAIN, "requirements.txt": KEPT})
    counter = iter(range(1000))
    turns: list[tuple[float, ...]] = []
    for _ in range(RUNS):  # in turns, so that a load that changes falls on all alike
        turn = [seconds(lambda uri=uri: job(scripts, f"s{next(counter)}", uri), 1) for uri in (met, kept)]
        turns.append((*(taken[0] for taken in turn), seconds(lambda: alone(base), 1)[0]))
    ours, theirs, bare = (sorted(column) for column in zip(*turns[WARMUP:], strict=True))
    say(f"bare script                   {milliseconds(bare)}")
    for what, taken in (("met", ours), ("kept", theirs)):
        say(f"job, requirements {what:4}        {milliseconds(taken)}")
        say(f"overhead                      p50 {(p50(taken) - p50(bare)) * 1e3:8.2f} ms   (goal: at most 1,500 ms)")


def job(scripts: Scripts, name: str, source: str) -> None:
    """One job until it has ended."""
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
    channels = [scripts.road.channel("train", "bench/")]
    members = {"HyperParameters": given, "InputDataConfig": channels}
    ended(scripts.road, scripts.start(name, image=SKLEARN, **members))


def alone(folder: Path) -> None:
    """The script by itself, as a job's program is started."""
    told = {"SM_CHANNEL_TRAIN": str(folder), "SM_MODEL_DIR": str(folder)}
    subprocess.run([sys.executable, "train.py"], cwd=folder, env=os.environ | told, check=True)
