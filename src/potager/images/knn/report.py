"""What a model says of the rows of its channels: the metrics that are printed, and `evaluation.json`.

Of the train channel some rows are looked up, evenly spread, and each finds itself among its neighbours: it shows how
closely the model follows its own rows, for the verdict on fit. How many is bounded by what a search costs. The metrics
that are printed are of all rows of the test channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from potager.images import evaluation
from potager.images.algorithm.arrays import Float32, Ints
from potager.images.algorithm.job import quality, say
from potager.images.algorithm.tables import Table
from potager.images.evaluation import Scored
from potager.images.knn.model import Model
from potager.images.knn.settings import Settings

_WORK = 1_000_000_000  # numbers compared to look train rows up: a fraction of a second
_ROWS = 5_000  # of the train channel, at most
_FEWEST = 100  # at least
_SHARES = 20_000_000  # shares of votes that are held: of more classes or rows, fewer rows are evaluated
_ALL = 2**62


def scored(data: Mapping[str, Table], model: Model, settings: Settings) -> dict[str, Scored]:
    """What the model says of some rows of `train` and of `test`, for their evaluation."""
    train = min(_ROWS, max(_FEWEST, _WORK // (model.index.rows * model.index.width)))
    most = max(_FEWEST, _SHARES // len(model.classes)) if model.classifier else _ALL
    limits = {"train": min(train, most), "test": most}
    return {name: _scored(_some(table, limits[name]), model, settings) for name, table in data.items()}


def _some(table: Table, most: int) -> Table:
    """At most so many rows, evenly spread."""
    if len(table) <= most:
        return table
    rows: Ints = np.linspace(0, len(table) - 1, most).astype(np.int64)
    return Table(table.features[rows], table.labels[rows])


def _scored(table: Table, model: Model, settings: Settings) -> Scored:
    parts = _parts(table, model, settings)
    if not model.classifier:
        return Scored(table.labels, np.concatenate([model.predict(part).predicted for part in parts]), table.features)
    found = [model.judge(part) for part in parts]
    shares = np.concatenate([shares for _, shares in found])
    return Scored(table.labels, shares, table.features, predicted=np.concatenate([labels for labels, _ in found]))


def _parts(table: Table, model: Model, settings: Settings) -> list[Float32]:
    return [table.features[part] for part in model.blocks(len(table), settings.mini_batch_size)]


def tell(test: Table, found: Scored, model: Model, settings: Settings, host: str) -> None:
    """The test channel's accuracy or mean squared error, in the words of AWS's own log and in those of its metrics.

    found : what `scored` has of the channel; where that is not of all rows, the others are looked up, too.
    """
    said = found.predicted if model.classifier else found.scores
    if said is None or len(said) < len(test):
        said = np.concatenate([model.predict(part).predicted for part in _parts(test, model, settings)])
    if model.classifier:
        name, unit, value = "accuracy", "score", float(np.count_nonzero(said == test.labels) / len(test))
    else:
        name, unit, value = "mse", "loss", float(np.square(said - test.labels).mean())
    say(f"#test_score ({host}) : ('{name}', {value!r})")
    quality(host, f"test {name} <{unit}>={value!r}")


def write(folder: Path, found: Mapping[str, Scored], model: Model) -> None:
    """Writes `evaluation.json`."""
    if not model.classifier:
        evaluation.write(folder, problem="regression", channels=found)
        return
    problem = "multiclass" if len(model.classes) > 2 else "binary"
    evaluation.write(folder, problem=problem, channels=found, classes=model.classes)
