"""One training job, from `/opt/ml/input` to `/opt/ml/model`.

hyperparameters -> train channel -> forest -> artifact -> test channel, where there is one -> metrics
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm import job, saved, tables
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.job import Job, quality, say
from potager.images.algorithm.tables import Layout, Table
from potager.images.randomcutforest import artifact
from potager.images.randomcutforest.evaluation import evaluate, limit
from potager.images.randomcutforest.forest import Forest
from potager.images.randomcutforest.growth import grow
from potager.images.randomcutforest.hyperparameters import CATALOGUE, eval_metrics
from potager.images.randomcutforest.scoring import Scorer

_SEED = 0
_NAME = "randomcutforest"


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    values = CATALOGUE.read(job.hyperparameters)
    width = int(values["feature_dim"] or 0)
    train = tables.channels(job, ["train"], Layout(_NAME, labels=None, unsaid=0, width=width))["train"]
    tables.check_width(train, width)
    test = _test(job, width)
    trees, samples = int(values["num_trees"] or 0), int(values["num_samples_per_tree"] or 0)
    if len(train) < samples:
        say(f"num_samples_per_tree is {samples}, but there are {len(train)} rows: each tree is made of all of them")
    forest = grow(train.features, trees, samples, np.random.default_rng(_SEED))
    say(f"Grew {forest.trees} trees of {forest.samples} rows, the deepest of {int(forest.depth.max())} levels")
    artifact.save(forest, job.model)
    if test is not None:
        _evaluate(job, forest, test, eval_metrics(str(values["eval_metrics"])) or ())
    say(f"Saved the model to {job.model}")


def _test(job: Job, width: int) -> Table | None:
    if not job.has("test"):
        return None
    layout = Layout(_NAME, 1, fitting=_labels_fit, complaint=_complaint, width=width)
    table = tables.load(job.folder("test"), "test", job.channels.get("test") or {}, layout, width)
    say(f"Channel 'test': {len(table)} rows of {table.width} features")
    return table


def _labels_fit(labels: Float64) -> bool:
    return bool(np.isin(labels, (0, 1)).all())


def _complaint(label: float) -> str | None:
    if label in (0, 1):
        return None
    return f"label {label:g} is neither 0 (normal) nor 1 (anomalous). Put such a label first, or leave the channel out."


def _evaluate(job: Job, forest: Forest, test: Table, wanted: tuple[str, ...]) -> None:
    scores = Scorer(forest).scores(test.features)
    found = evaluate(scores, test.labels, wanted)
    say(f"Test scores: mean {scores.mean():g}, deviation {scores.std():g}; anomalous above {limit(scores):g}")
    for name, value in found.items():
        quality(job.host, f"test {name} <score>={value!r}")
    content = {"test": {**found, "score_mean": float(scores.mean()), "score_limit": limit(scores)}}
    saved.write(job.model / "evaluation.json", content)
