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
REQUIREMENTS = "scikit-learn>=1.0\npandas\n"


def main() -> None:
    """The job and the bare script, in turns."""
    with tempfile.TemporaryDirectory() as base, potager.local() as server:
        scripts = Scripts(server)
        data = claims_csv(ROWS)
        scripts.road.put("bench/train.csv", data)
        (Path(base) / "train.csv").write_text(data)
        (Path(base) / "train.py").write_text(TRAIN)
        source = scripts.source("bench", {"train.py": TRAIN, "requirements.txt": REQUIREMENTS})
        counter = iter(range(1000))
        ours = seconds(lambda: job(scripts, f"s{next(counter)}", source), 9, 2)
        bare = seconds(lambda: alone(Path(base)), 9, 2)
    say(f"script job, {len(data) / 1e6:.1f} MB   {milliseconds(ours)}")
    say(f"bare script          {milliseconds(bare)}")
    say(f"overhead             p50 {(p50(ours) - p50(bare)) * 1e3:8.2f} ms   (goal: at most 1,500 ms)")


def job(scripts: Scripts, name: str, source: str) -> None:
    """One job until it has ended."""
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
    channels = [scripts.road.channel("train", "bench/")]
    ended(scripts.road, scripts.start(name, image=SKLEARN, HyperParameters=given, InputDataConfig=channels))


def alone(folder: Path) -> None:
    """The script by itself, as a job's program is started."""
    told = {"SM_CHANNEL_TRAIN": str(folder), "SM_MODEL_DIR": str(folder)}
    subprocess.run([sys.executable, "train.py"], cwd=folder, env=os.environ | told, check=True)
