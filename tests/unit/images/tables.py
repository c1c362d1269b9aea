"""The built-in algorithms beside each other: the least that each is told, rows that it learns from, and a request."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.unit.images.jobs import Job


@dataclass(frozen=True)
class Image:
    """One of them.

    given : hyperparameters that any rows of two features go with.
    labelled : whether a label stands before the features.
    gaps : whether a feature may be missing.
    words : whether a label may be a word.
    other : the channel beside `train`.
    needs : a module that its worker has, and this interpreter may not.
    """

    name: str
    given: dict[str, str]
    labelled: bool = True
    gaps: bool = False
    words: bool = False
    other: str = "validation"
    needs: str = "numpy"

    def job(self, folder: Path, capture: pytest.CaptureFixture[str]) -> Job:
        pytest.importorskip(self.needs)
        package = f"potager.images.{self.name}"
        train, serve = (importlib.import_module(f"{package}.{name}") for name in ("train", "serve"))
        return Job(train.main, serve.load, folder / "ml", capture)

    def row(self, *features: str, label: str = "1") -> str:
        return ",".join([label, *features] if self.labelled else features) + "\n"

    def rows(self, count: int = 60) -> str:
        """Rows of two features, drawn the same in every run."""
        drawn = np.random.default_rng(0).normal(size=(count, 2)).tolist()
        return "".join(self.row(repr(a), repr(b), label=str(int(a + b > 0))) for a, b in drawn)


NEEDED = {"feature_dim": "2"}
IMAGES: Sequence[Image] = (
    Image("catboost", {"iterations": "3"}, gaps=True, words=True, needs="catboost"),
    Image(
        "factorization_machines",
        {**NEEDED, "num_factors": "2", "predictor_type": "binary_classifier", "epochs": "2"},
        other="test",
        needs="scipy",
    ),
    Image("kmeans", {**NEEDED, "k": "2"}, labelled=False, other="test"),
    Image(
        "knn", {**NEEDED, "k": "1", "sample_size": "100", "predictor_type": "classifier"}, other="test", needs="faiss"
    ),
    Image("lightgbm", {"num_boost_round": "3"}, gaps=True, words=True, needs="lightgbm"),
    Image("linear_learner", {"predictor_type": "binary_classifier", "epochs": "2", "num_models": "1"}),
    Image("pca", {**NEEDED, "num_components": "1", "mini_batch_size": "10"}, labelled=False, other="test"),
    Image(
        "randomcutforest",
        {**NEEDED, "num_trees": "50", "num_samples_per_tree": "10"},
        labelled=False,
        other="test",
    ),
    Image("xgboost", {"num_round": "2", "objective": "binary:logistic"}, gaps=True, needs="xgboost"),
)
"""Those that read tables of numbers; IP Insights, whose rows are words, has tests of its own."""
