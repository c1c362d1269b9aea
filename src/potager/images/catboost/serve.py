"""A trained model answering requests; `load` is the way in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel
from potager.images.boosting import artifact
from potager.images.boosting.categories import canonical
from potager.images.boosting.predictor import Predictor
from potager.images.boosting.requests import Cells, number_of, numbers, text
from potager.images.catboost.pools import catboost
from potager.images.catboost.train import FORMAT, MODEL, answer

_MANY = 2000  # rows that are worth more than one thread


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    description = artifact.read(model, FORMAT)
    trees: Any = catboost.CatBoost()
    try:
        trees.load_model(str(model / MODEL), format="cbm")
    except (catboost.CatBoostError, OSError) as error:
        raise BrokenModel(f"{model / MODEL} cannot be read: {error}. Train the model again.") from error
    if len(trees.feature_names_) != description.num_features:
        raise BrokenModel(
            f"{model}: model.cbm has {len(trees.feature_names_)} features, model.json {description.num_features}."
        )
    categorical = frozenset(map(int, description.categories))
    wanted = answer(description.kind)

    def scores(rows: Sequence[Cells]) -> Float64:
        table = _mixed(rows, categorical) if categorical else numbers(rows, {})
        return trees.predict(table, prediction_type=wanted, thread_count=1 if len(rows) < _MANY else -1)

    return Predictor(description, scores)


def _mixed(rows: Sequence[Cells], categorical: frozenset[int]) -> list[list[Any]]:
    """Words in the columns that are categories, numbers in the others."""
    return [
        [
            canonical(text(value)) if column in categorical else number_of(value, number, column + 1)
            for column, value in enumerate(row)
        ]
        for number, row in enumerate(rows, 1)
    ]
