"""Two models of claims, made anew in a second, and rows to ask them about."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FEATURES, TREES, DEPTH = 20, 100, 6
NUMBERS = ["age", "years_insured", "premium", "claim_amount", "injuries", "witnesses"]
CATEGORIES = {
    "incident_type": ["collision", "theft", "parked", "other"],
    "police_report": ["yes", "no"],
    "car": ["compact", "family", "sport", "van", "pickup"],
    "state": ["CA", "NY", "TX", "FL", "WA", "OR", "NV", "AZ"],
}
COLUMNS = [*NUMBERS, *CATEGORIES]

SCRIPT = f"""
import io, json, os
import joblib, pandas as pd

COLUMNS = {COLUMNS!r}


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "pipeline.joblib"))


def input_fn(body, content_type):
    if content_type == "application/json":
        return pd.DataFrame(json.loads(body)["instances"], columns=COLUMNS)
    return pd.read_csv(io.StringIO(body), names=COLUMNS)
"""
"""What a data scientist writes to serve the pipeline; it is served as it is."""


@dataclass(frozen=True, slots=True)
class Models:
    """Where the models lie.

    folder : with `xgboost-model.json` and `pipeline.joblib`.
    rows, claims : single rows for the one and for the other, as lists.
    """

    folder: Path
    rows: list[list[float]]
    claims: list[list[float | str]]


def make(folder: Path) -> Models:
    """Trains both models into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    rows = random.normal(size=(4000, FEATURES)).astype("float32")
    _xgboost(folder / "xgboost-model.json", rows, random)
    claims = _pipeline(folder / "pipeline.joblib", random)
    return Models(folder, np.round(rows[:256].astype(float), 5).tolist(), claims)


def _xgboost(path: Path, rows: np.ndarray, random: np.random.Generator) -> None:
    import xgboost

    signal = rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2] * 2) - rows[:, 3] + random.normal(0, 0.3, len(rows))
    parameters = {"max_depth": DEPTH, "objective": "binary:logistic", "nthread": 1}
    xgboost.train(parameters, xgboost.DMatrix(rows, (signal > 0).astype(int)), TREES).save_model(path)


def _pipeline(path: Path, random: np.random.Generator) -> list[list[float | str]]:
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    size = 4000
    frame = pd.DataFrame({name: np.round(random.normal(50, 20, size), 2) for name in NUMBERS})
    for name, known in CATEGORIES.items():
        frame[name] = random.choice(known, size)
    label = frame["claim_amount"] + 20 * (frame["incident_type"] == "theft") + random.normal(0, 10, size) > 60
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES))
    )
    pipeline = make_pipeline(columns, RandomForestClassifier(50, max_depth=8, n_jobs=1, random_state=0))
    joblib.dump(pipeline.fit(frame, label), path)
    return frame.head(256).to_numpy().tolist()


def archive(files: dict[str, bytes]) -> bytes:
    """A model.tar.gz."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return made.getvalue()
