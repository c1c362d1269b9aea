"""Each built-in algorithm beside its library called directly: the same file, the same settings, a process of its own.

Time and the most memory are those of a whole child process from its start to its end, CSV reading included: what a
careful user would write reads the file by Polars. Processor time stands beside the clock's, for a machine that others
use. Goals: 1.1 times the library's time past 10 s of training, 1.3 times its memory.

Both have the machine's threads and the environment of a job. What an image does beyond its library is in its time: it
checks every cell, prints metrics, and evaluates the model on its channels.
`POTAGER_BENCH_SCALE=0.1` makes the tables smaller, for a look, and
`POTAGER_BENCH_IMAGES="kmeans pca"` takes some images alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.measure import say
from potager.compute.budget import cores
from potager.compute.process import limits

SCALE = float(os.environ.get("POTAGER_BENCH_SCALE", "1"))
ROWS = int(1_000_000 * SCALE)
WIDTH = 20
TURNS = int(os.environ.get("POTAGER_BENCH_TURNS", "3"))
ENVIRONMENT = limits.thread_environment(cores())
"""What a job finds about threads."""

Taken = tuple[float, float, float]
"""Seconds by the clock, seconds of processor time, and MB held at most."""

HEAD = """
import sys
import numpy as np
import polars
table = polars.read_csv(sys.argv[1], has_header=False, schema={str(i): polars.Float32 for i in range(COLUMNS)})
"""
"""How the library's side reads its file; `COLUMNS` is set before."""


@dataclass(frozen=True)
class Case:
    """An image, its hyperparameters, and the same by its library in plain Python.

    library : "" where no common one does the same, and the image stands alone.
    labels : whether the first column is a label; rows : of the table; tested : of them, how many are the test channel.
    events : the table is of names and addresses.
    """

    image: str
    hyperparameters: Mapping[str, str]
    library: str = ""
    direct: str = ""
    labels: bool = True
    rows: int = ROWS
    channel: str = "train"
    content_type: str = "text/csv"
    tested: int = 0
    events: bool = False


SPLIT = "y, x = table.to_series(0).to_numpy(), table[:, 1:].to_numpy()\n"
HELD = """
held = np.zeros(len(y), bool)
held[np.random.default_rng(0).permutation(len(y))[: len(y) // 5]] = True
held_x, held_y, x, y = x[held], y[held], x[~held], y[~held]
"""
"""A fifth of the rows, held back for validation as the image does it; nothing stops early, so both grow all trees."""
WHOLE = "x = np.ascontiguousarray(table.to_numpy())\n"

CASES = (
    Case(
        "xgboost",
        {"num_round": "100", "objective": "binary:logistic", "max_depth": "6"},
        "xgboost",
        SPLIT
        + """
import xgboost
data = xgboost.QuantileDMatrix(x, y)
settings = {"objective": "binary:logistic", "max_depth": 6}
model = xgboost.train(settings, data, 100, evals=[(data, "train")], verbose_eval=False)
model.save_model(sys.argv[2] + "/model.ubj")
""",
    ),
    Case(
        "lightgbm",
        {"num_boost_round": "200", "objective": "binary", "verbosity": "-1", "early_stopping_rounds": "0"},
        "lightgbm",
        SPLIT
        + HELD
        + """
import lightgbm
settings = {"objective": "binary", "num_leaves": 64, "max_depth": 6, "min_data_in_leaf": 3, "verbosity": -1}
settings |= {"feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1}
data = lightgbm.Dataset(x, y)
checked = [lightgbm.Dataset(held_x, held_y, reference=data)]
model = lightgbm.train(settings, data, 200, checked)
model.save_model(sys.argv[2] + "/model.txt")
""",
    ),
    Case(
        "catboost",
        {
            "iterations": "100",
            "learning_rate": "0.1",
            "objective": "binary",
            "eval_metric": "Logloss",
            "early_stopping_rounds": "0",
        },
        "catboost",
        SPLIT
        + HELD
        + """
import catboost
settings = {"iterations": 100, "learning_rate": 0.1, "loss_function": "Logloss", "bootstrap_type": "Bayesian"}
settings |= {"sampling_frequency": "PerTreeLevel"}
model = catboost.CatBoost(settings | {"verbose": 0, "allow_writing_files": False})
model.fit(catboost.Pool(x, y), eval_set=catboost.Pool(held_x, held_y), use_best_model=True)
model.save_model(sys.argv[2] + "/model.cbm")
""",
    ),
    Case(
        "knn",
        {"k": "10", "sample_size": str(ROWS), "predictor_type": "classifier", "feature_dim": str(WIDTH)},
        "faiss",
        SPLIT
        + """
import faiss
index = faiss.IndexFlatL2(x.shape[1])
index.add(np.ascontiguousarray(x))
_, found = index.search(x[:TESTED], 10)
right = np.mean((y[found].mean(1) > 0.5) == y[:TESTED])
faiss.write_index(index, sys.argv[2] + "/index")
""",
        tested=2000,
    ),
    Case(
        "factorization_machines",
        {"feature_dim": str(WIDTH), "num_factors": "16", "predictor_type": "binary_classifier", "epochs": "5"},
    ),
    Case(
        "ipinsights",
        {"num_entity_vectors": "10000", "vector_dim": "32", "epochs": "2", "mini_batch_size": "5000"},
        events=True,
    ),
    Case(
        "kmeans",
        {"k": "10", "feature_dim": str(WIDTH), "extra_center_factor": "4"},
        "scikit-learn's MiniBatchKMeans",
        WHOLE
        + """
from sklearn.cluster import MiniBatchKMeans
model = MiniBatchKMeans(10, batch_size=5000, n_init=3, random_state=0).fit(x)
np.save(sys.argv[2] + "/centres.npy", model.cluster_centers_)
""",
        labels=False,
        content_type="text/csv;label_size=0",
    ),
    Case(
        "pca",
        {"num_components": "5", "feature_dim": str(WIDTH), "mini_batch_size": "5000"},
        "scikit-learn's PCA",
        WHOLE
        + """
from sklearn.decomposition import PCA
model = PCA(5, svd_solver="covariance_eigh").fit(x)
np.save(sys.argv[2] + "/components.npy", model.components_)
""",
        labels=False,
        content_type="text/csv;label_size=0",
    ),
    Case(
        "randomcutforest",
        {"num_trees": "100", "num_samples_per_tree": "256", "feature_dim": str(WIDTH)},
        "scikit-learn's IsolationForest",
        WHOLE
        + """
from sklearn.ensemble import IsolationForest
import pickle
model = IsolationForest(n_estimators=100, max_samples=256, random_state=0).fit(x)
pickle.dump(model, open(sys.argv[2] + "/model.pkl", "wb"))
""",
        labels=False,
        content_type="text/csv;label_size=0",
    ),
    Case(
        "linear_learner",
        {"predictor_type": "binary_classifier", "num_models": "1", "epochs": "5"},
        "scikit-learn's LogisticRegression",
        SPLIT
        + """
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
model = LogisticRegression(max_iter=100).fit(StandardScaler(copy=False).fit_transform(x), y)
np.save(sys.argv[2] + "/weights.npy", model.coef_)
""",
    ),
)


ONLY = os.environ.get("POTAGER_BENCH_IMAGES", " ".join(case.image for case in CASES)).split()


def main() -> None:
    """A row for each image that is here."""
    say("| image | rows | time | processor | memory | library | time | processor | memory | times of all three |")
    say("|---|---:|---:|---:|---:|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as base:
        for case in CASES:
            if case.image not in ONLY:
                continue
            table = _table(Path(base), case)
            ours = _least(lambda case=case, table=table: _image(case, table))
            name = case.image.replace("_", "-")
            if not case.library:
                say(f"| {name} | {case.rows:,} | {_shown(ours)} | none | | | | |")
                continue
            theirs = _least(lambda case=case, table=table: _library(case, table))
            say(
                f"| {name} | {case.rows:,} | {_shown(ours)} | {case.library} | {_shown(theirs)} | "
                + ", ".join(f"{one / other:.2f}" for one, other in zip(ours, theirs, strict=True))
                + " |"
            )


def _table(base: Path, case: Case) -> Path:
    """A file of rows from which there is something to learn; the same for every case of its shape."""
    path = base / f"{case.rows}-{'events' if case.events else case.labels}.csv"
    if path.exists():
        return path
    random = np.random.default_rng(0)
    if case.events:
        _write_events(path, case.rows)
        return path
    with path.open("wb") as file:
        for start in range(0, case.rows, 50_000):
            count = min(50_000, case.rows - start)
            x = random.normal(size=(count, WIDTH)) + 3 * random.integers(0, 3, size=(count, 1))
            y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 9 + random.normal(size=count) > 0.5).astype(float)
            np.savetxt(file, np.column_stack([y, x]) if case.labels else x, "%.5g", ",")
    return path


def _write_events(path: Path, rows: int) -> None:
    """Who came from where: each of 5,000 from a network of his own, nine times in ten."""
    random = np.random.default_rng(0)
    who, host = random.integers(0, 5000, rows), random.integers(1, 255, rows)
    network = np.where(random.random(rows) < 0.9, who, random.integers(0, 5000, rows))
    with path.open("w") as file:
        for one, net, last in zip(who.tolist(), network.tolist(), host.tolist(), strict=True):
            file.write(f"user{one},10.{net >> 8}.{net & 255}.{last}\n")


def _shown(taken: Taken) -> str:
    return f"{taken[0]:.1f} s | {taken[1]:.1f} s | {taken[2]:.0f} MB"


def _least(run: Callable[[], Taken]) -> Taken:
    """The least of each of some turns."""
    times, computed, memory = zip(*(run() for _ in range(TURNS)), strict=True)
    return min(times), min(computed), min(memory)


def _image(case: Case, table: Path) -> Taken:
    with _folder() as ml:
        config, data = ml / "input" / "config", ml / "input" / "data" / case.channel
        config.mkdir(parents=True)
        data.mkdir(parents=True)
        os.link(table, data / "rows.csv")
        channel = {case.channel: {"ContentType": case.content_type, "TrainingInputMode": "File"}}
        if case.tested:
            (data.parent / "test").mkdir()
            with table.open() as rows:
                (data.parent / "test" / "rows.csv").write_text("".join(islice(rows, case.tested)))
            channel["test"] = channel[case.channel]
        (config / "hyperparameters.json").write_text(json.dumps(dict(case.hyperparameters)))
        (config / "inputdataconfig.json").write_text(json.dumps(channel))
        (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        program = (
            f"from pathlib import Path; from potager.images.{case.image}.train import main; main(Path({str(ml)!r}))"
        )
        return _child(program)


def _library(case: Case, table: Path) -> Taken:
    with _folder() as out:
        head = f"TESTED = {case.tested}" + HEAD.replace("COLUMNS", str(WIDTH + case.labels))
        return _child(head + case.direct, str(table), str(out))


def _child(program: str, *arguments: str) -> Taken:
    """What a Python program takes."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, env=os.environ | ENVIRONMENT
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"exit code {child.returncode}"
    took, computed = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
    return took, computed, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
