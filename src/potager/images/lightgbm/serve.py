"""A trained model answering requests; `load` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import lightgbm

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel
from potager.images.boosting import artifact
from potager.images.boosting.categories import Vocabulary
from potager.images.boosting.predictor import Predictor
from potager.images.boosting.requests import Cells, numbers
from potager.images.lightgbm.train import FORMAT, MODEL, known

_MANY = 2000  # rows that are worth more than one thread


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    description = artifact.read(model, FORMAT)
    try:
        booster = lightgbm.Booster(model_file=model / MODEL)
    except (lightgbm.basic.LightGBMError, OSError) as error:
        raise BrokenModel(f"{model / MODEL} cannot be read: {error}. Train the model again.") from error
    if booster.num_feature() != description.num_features:
        raise BrokenModel(
            f"{model}: model.txt has {booster.num_feature()} features, model.json {description.num_features}."
        )
    columns = {int(column): _reader(words) for column, words in description.categories.items()}

    def scores(rows: Sequence[Cells]) -> Float64:
        features = known(numbers(rows, columns), list(columns))
        return booster.predict(features, num_threads=1 if len(features) < _MANY else 0)  # type: ignore[return-value]

    return Predictor(description, scores)


def _reader(words: Sequence[str]) -> Callable[[str], float]:
    vocabulary = Vocabulary(words, closed=True)
    return lambda cell: float(vocabulary.codes([cell])[0])
