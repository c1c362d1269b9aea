"""The models in an artifact without a `model_fn`: every `xgboost-model*` at its top, else every file there.

Several files are the folds of one cross-validation: their predictions are averaged, as AWS's container does it; where
they are classes, the class that most of them name is taken. A file is a pickle (of a Booster or a scikit-learn
estimator) or XGBoost's own format. Pickles run code when they are opened. They are opened here only, in a worker that
is walled off.
"""

from __future__ import annotations

import importlib
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.compiled.choice import Program
from potager.images.python.errors import BrokenModel, Refused
from potager.images.xgboost import compiled

NAME = "xgboost-model"
_PICKLE = b"\x80"
"""How a pickle of protocol 2 and later begins; no format of XGBoost's does."""
_CLASSES = ("multi:softmax", "binary:hinge")
"""The objectives whose predictions are classes."""
_TREES = ("gbtree", "dart")
"""The boosters that predict from arrays as they are."""

_ONE_THREAD = 200_000
"""Rows times rounds that one thread predicts, some 2 ms: more threads are no faster, and wait for busy cores."""

Scores = NDArray[np.float32]


class Ensemble:
    """One or several boosters that answer as one, few rows at a time by what they were compiled to."""

    def __init__(self, boosters: Sequence[Any], *, whole: bool = False) -> None:
        """whole : whether all rounds count, as they do where nobody says which, also if training stopped early."""
        self._boosters = [(one, _kind(one) in _TREES, (0, 0) if whole else _ranges(one)) for one in boosters]
        self._rounds = sum(one.num_boosted_rounds() for one in boosters)
        self._votes = _config(boosters[0])["objective"]["name"] in _CLASSES
        self._one_thread = False
        self.features = int(boosters[0].num_features())
        self._program: Program | None = None
        self._most = 0

    def compile(self) -> str:
        """Has few rows answered by a faster program, where one agrees with the boosters; what serves, and why."""
        version = importlib.import_module("xgboost").__version__
        boosters = [(one, rounds) for one, _, (_, rounds) in self._boosters]
        choice, self._most = compiled.chosen(boosters, self.predict, version)
        self._program = choice.program
        return choice.why

    def compiled(self, rows: Any) -> Scores | None:
        """The same as `predict`, None for rows that the boosters themselves must be asked of."""
        if self._program is None or type(rows) is not np.ndarray:
            return None
        table: Scores = rows
        fits = table.ndim == 2 and table.shape[0] <= self._most and table.shape[1] == self.features
        return self._program(table) if fits and table.dtype == np.float32 else None

    def predict(self, rows: Any, validate_features: bool = False) -> Scores:
        """Scores `(n_rows,)`, or `(n_rows, n_classes)` where the objective gives one a class: the boosters' mean.

        rows : `(n_rows, n_features)`, an array, a sparse matrix whose absent entries are missing, or a DMatrix.
            `Refused`, 400, where the model cannot take them.
        """
        quick = self.compiled(rows)
        if quick is not None:
            return quick
        xgboost: Any = importlib.import_module("xgboost")
        self._share(rows.num_row() if isinstance(rows, xgboost.DMatrix) else rows.shape[0])
        try:
            found = [self._scores(xgboost, rows, *one, validate_features) for one in self._boosters]
        except (ValueError, xgboost.core.XGBoostError) as error:
            raise Refused(f"The model cannot take these rows: {_first_line(error)}") from error
        if len(found) == 1:
            return found[0]
        return _most_named(found) if self._votes else np.asarray(np.mean(found, axis=0), np.float32)

    def _share(self, rows: int) -> None:
        """Has the boosters use one thread for few rows, and as many as the worker has for more."""
        alone = rows * self._rounds <= _ONE_THREAD
        if alone != self._one_thread:
            for booster, _, _ in self._boosters:
                booster.set_param({"nthread": 1 if alone else 0})
            self._one_thread = alone

    @staticmethod
    def _scores(xgboost: Any, rows: Any, booster: Any, trees: bool, ranges: tuple[int, int], validate: bool) -> Any:
        if isinstance(rows, xgboost.DMatrix):
            return booster.predict(rows, iteration_range=ranges, validate_features=validate)
        if trees:
            return booster.inplace_predict(rows, iteration_range=ranges, validate_features=validate)
        return booster.predict(xgboost.DMatrix(rows), iteration_range=ranges, validate_features=validate)


def _config(booster: Any) -> Any:
    return json.loads(booster.save_config())["learner"]


def _kind(booster: Any) -> str:
    return _config(booster)["gradient_booster"]["name"]


def _most_named(found: Sequence[Scores]) -> Scores:
    """The class of each row that most say, the lowest of several."""
    named = np.stack(found)
    classes = np.unique(named)
    return classes[np.stack([(named == one).sum(axis=0) for one in classes]).argmax(axis=0)]


def _ranges(booster: Any) -> tuple[int, int]:
    """The rounds that count: those up to the best one where training stopped early, else all."""
    best = booster.attr("best_iteration")
    return (0, 0 if best is None else int(best) + 1)


def load(model_dir: str) -> Ensemble:
    """The model of a folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Ensemble(_boosters(model_dir))


def load_for_script(model_dir: str) -> Any:
    """The same for a script's functions, which know boosters: the booster itself where there is but one."""
    boosters = _boosters(model_dir)
    return boosters[0] if len(boosters) == 1 else Ensemble(boosters)


def _boosters(model_dir: str) -> list[Any]:
    return [_booster(file) for file in found(Path(model_dir))]


def found(folder: Path) -> list[Path]:
    """The model files at the folder's top; hidden files are none."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    named = [path for path in files if path.name.startswith(NAME)]
    if not files:
        remedy = f"Save the model there as {NAME}, or write model_fn(model_dir) in code/inference.py."
        raise BrokenModel(f"The artifact holds no model file at its top. {remedy}")
    return named or files


def _booster(file: Path) -> Any:
    with file.open("rb") as opened:
        pickled = opened.read(1) == _PICKLE
    return _unpickled(file) if pickled else _native(file)


def _unpickled(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            model: Any = pickle.load(opened)  # noqa: S301 - this worker is walled off, and opens nothing else
    except Exception as error:
        remedy = (
            "A pickle opens only where the packages that it names are, and one made before XGBoost 1.0 not at all: "
            "open it with the version that made it, and save it again with save_model('xgboost-model.json')."
        )
        raise BrokenModel(f"{file.name} cannot be unpickled: {_first_line(error)}. {remedy}") from error
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    if not hasattr(booster, "inplace_predict"):
        raise BrokenModel(f"{file.name} is a pickle of {type(model).__name__}, which is no model of XGBoost's.")
    return booster


def _native(file: Path) -> Any:
    booster: Any = importlib.import_module("xgboost").Booster()
    try:
        booster.load_model(bytearray(file.read_bytes()))
    except Exception as error:
        remedy = f"Leave only models at the artifact's top, or name them {NAME}*."
        raise BrokenModel(
            f"{file.name} is neither a pickle nor a model in XGBoost's JSON or UBJSON: {_first_line(error)}. {remedy}"
        ) from error
    return booster


def _first_line(error: Exception) -> str:
    """What an error says, without the stack of XGBoost's own that comes after."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"
