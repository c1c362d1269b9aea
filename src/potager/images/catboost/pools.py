"""Rows as CatBoost takes them: an array where all is numbers, else a frame whose categories are words.

The model keeps the words themselves (their hashes), so that anybody can ask it with theirs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float32
from potager.images.boosting.data import Rows

catboost: Any = importlib.import_module("catboost")  # it has no types

GAP = ""
"""The category of an empty cell."""
_UNSEEN = "\ufffd unseen"


def pool(rows: Rows, categories: Mapping[int, list[str]], classes: int) -> Any:
    """A labelled pool; labels are whole numbers of a classifier's `classes`."""
    labels = rows.codes.astype(np.int64) if classes else rows.codes
    return catboost.Pool(table(rows.features, categories), label=labels, cat_features=list(categories) or None)


def table(features: Float32, categories: Mapping[int, list[str]]) -> Any:
    """`features` as they are where there are no categories, else a data frame."""
    if not categories:
        return features
    pandas: Any = importlib.import_module("pandas")
    columns = {
        column: _words(pandas, features[:, column], categories[column]) if column in categories else features[:, column]
        for column in range(features.shape[1])
    }
    return pandas.DataFrame(columns, copy=False)


def _words(pandas: Any, codes: Float32, words: list[str]) -> Any:
    gaps = np.isnan(codes)
    places = np.where(gaps, len(words), np.where(codes < 0, len(words) + 1, codes)).astype(np.int32)
    return pandas.Categorical.from_codes(places, categories=[*words, GAP, _UNSEEN])
