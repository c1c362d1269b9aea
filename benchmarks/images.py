"""Each built-in algorithm beside its library called directly: the same file, the same settings, a process of its own.

Time and the most memory are those of a whole child process from its start to its end, CSV reading included: what a
careful user would write reads the file by Polars. Goals: 1.1 times the library's time past 10 s of training, 1.3 times
its memory.
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
from pathlib import Path

import numpy as np

from benchmarks.measure import say

SCALE = float(os.environ.get("POTAGER_BENCH_SCALE", "1"))
ROWS = int(1_000_000 * SCALE)
WIDTH = 20
TURNS = 3

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

    labels : whether the first column is a label; rows : of the table.
    """

    image: str
    hyperparameters: Mapping[str, str]
    library: str
    direct: str
    labels: bool = True
    rows: int = ROWS
    channel: str = "train"
    content_type: str = "text/csv"


SPLIT = "y, x = table.to_series(0).to_numpy(), table[:, 1:].to_numpy()\n"
HELD = """
held = np.zeros(len(y), bool)
held[np.random.default_rng(0).permutation(len(y))[: len(y) // 5]] = True
held_x, held_y, x, y = x[held], y[held], x[~held], y[~held]
"""
"""A fifth of the rows, held back for early stopping as the image does it."""
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
model = xgboost.train(settings, data, 100, [(data, "train")], verbose_eval=False)
model.save_model(sys.argv[2] + "/model.ubj")
""",
    ),
    Case(
        "lightgbm",
        {"num_boost_round": "200", "objective": "binary", "verbosity": "-1"},
        "lightgbm",
        SPLIT
        + HELD
        + """
import lightgbm
settings = {"objective": "binary", "num_leaves": 64, "max_depth": 6, "min_data_in_leaf": 3, "verbosity": -1}
settings |= {"feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1}
data = lightgbm.Dataset(x, y)
checked = [lightgbm.Dataset(held_x, held_y, reference=data)]
model = lightgbm.train(settings, data, 200, checked, callbacks=[lightgbm.early_stopping(10, verbose=False)])
model.save_model(sys.argv[2] + "/model.txt")
""",
    ),
    Case(
        "catboost",
        {"iterations": "100", "learning_rate": "0.1", "objective": "binary", "eval_metric": "Logloss"},
        "catboost",
        SPLIT
        + HELD
        + """
import catboost
settings = {"iterations": 100, "learning_rate": 0.1, "loss_function": "Logloss", "bootstrap_type": "Bayesian"}
settings |= {"sampling_frequency": "PerTreeLevel"}
model = catboost.CatBoost(settings | {"verbose": 0, "allow_writing_files": False})
model.fit(catboost.Pool(x, y), eval_set=catboost.Pool(held_x, held_y), early_stopping_rounds=5)
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
faiss.write_index(index, sys.argv[2] + "/index")
""",
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
model = IsolationForest(100, max_samples=256, random_state=0).fit(x)
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
    say("| image | rows | time | memory | library | its time | its memory | time, times | memory, times |")
    say("|---|---:|---:|---:|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as base:
        for case in CASES:
            if case.image not in ONLY:
                continue
            table = _table(Path(base), case)
            ours = _most(lambda case=case, table=table: _image(case, table))
            theirs = _most(lambda case=case, table=table: _library(case, table))
            name = case.image.replace("_", "-")
            say(
                f"| {name} | {case.rows:,} | {ours[0]:.1f} s | {ours[1]:.0f} MB | {case.library} "
                f"| {theirs[0]:.1f} s | {theirs[1]:.0f} MB | {ours[0] / theirs[0]:.2f} | {ours[1] / theirs[1]:.2f} |"
            )


def _table(base: Path, case: Case) -> Path:
    """A file of rows from which there is something to learn; the same for every case of its shape."""
    path = base / f"{case.rows}-{case.labels}.csv"
    if path.exists():
        return path
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, case.rows, 50_000):
            count = min(50_000, case.rows - start)
            x = random.normal(size=(count, WIDTH)) + 3 * random.integers(0, 3, size=(count, 1))
            y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 9 + random.normal(size=count) > 0.5).astype(float)
            np.savetxt(file, np.column_stack([y, x]) if case.labels else x, "%.5g", ",")
    return path


def _most(run: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """The best time of some turns, and the least of what memory they took at most."""
    found = [run() for _ in range(TURNS)]
    return min(seconds for seconds, _ in found), min(memory for _, memory in found)


def _image(case: Case, table: Path) -> tuple[float, float]:
    with _folder() as ml:
        config, data = ml / "input" / "config", ml / "input" / "data" / case.channel
        config.mkdir(parents=True)
        data.mkdir(parents=True)
        os.link(table, data / "rows.csv")
        channel = {case.channel: {"ContentType": case.content_type, "TrainingInputMode": "File"}}
        (config / "hyperparameters.json").write_text(json.dumps(dict(case.hyperparameters)))
        (config / "inputdataconfig.json").write_text(json.dumps(channel))
        (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        program = (
            f"from pathlib import Path; from potager.images.{case.image}.train import main; main(Path({str(ml)!r}))"
        )
        return _child(program)


def _library(case: Case, table: Path) -> tuple[float, float]:
    with _folder() as out:
        head = HEAD.replace("COLUMNS", str(WIDTH + case.labels))
        return _child(head + case.direct, str(table), str(out))


def _child(program: str, *arguments: str) -> tuple[float, float]:
    """Seconds that a Python program takes, and MB that it holds at most."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"exit code {child.returncode}"
    return time.perf_counter() - began, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
