"""A pipeline of scikit-learn's as a program for few rows: its transformers by numpy, its trees by ONNX Runtime.

    rows ─► steps ─► estimators ─► prediction      odd rows, large batches, what is not known: scikit-learn itself

Two kinds of rows are taken: an array, which the default `input_fn` gives, and a frame of the columns that the model was
fitted on, which a script's may give. Each is held against scikit-learn's own answers before it is used.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, cast

import numpy as np

from potager.images.compiled import choice, parity
from potager.images.compiled.choice import Candidate, NotCompiled, Program
from potager.images.scikit_learn import estimators, steps
from potager.images.scikit_learn.steps import Place

MOST_ROWS = 256
MOST_VISITS = 100_000
"""Rows times trees; beyond, the milliseconds that scikit-learn needs to begin are little."""


class Compiled:
    """A model's program. `why` says what serves, for the log."""

    def __init__(self, model: Any, version: str) -> None:
        self.why, self._most = "", 0
        self._programs: dict[str, Program] = {}
        self._names: list[Any] = list(getattr(model, "feature_names_in_", ()))
        library = f"scikit-learn {version}"
        for form, suits in (("array", _of_arrays), ("frame", _of_frames)):
            if suits(model):
                rows = partial(self._sample, form)
                found = choice.choose(library, self._candidates(model, form), model.predict, rows)
                self.why = found.why if found.program or not self.why else self.why
                if found.program:
                    self._programs[form] = found.program

    def __bool__(self) -> bool:
        return bool(self._programs)

    def predict(self, rows: Any) -> Any:
        """The prediction, None for rows that scikit-learn must be asked of."""
        program = self._programs.get(_form(rows))
        if program is None or not 0 < len(rows) <= self._most:
            return None
        try:
            return program(rows)
        except Exception:  # whatever is wrong with the rows, scikit-learn says it in its own words
            return None

    def _candidates(self, model: Any, form: str) -> list[Candidate]:
        try:
            self._read(model)
        except NotCompiled as error:
            reason = error

            def never() -> tuple[str, Program]:
                raise reason

            return [Candidate(choice.wanted()[0], never)] if choice.wanted() else []

        def make() -> tuple[str, Program]:
            name, answer = self._made.make()
            table = self._array if form == "array" else self._frame
            self._check(model, form, table)
            return name, lambda rows: answer(_finite(self._step.apply(table(rows))))

        return [Candidate(self._made.kind, make)]

    def _read(self, model: Any) -> None:
        before, last = ([one for _, one in model.steps[:-1]], model.steps[-1][1]) if _piped(model) else ([], model)
        self._width = int(model.n_features_in_)
        self._step = steps.chain(before, [Place(column) for column in range(self._width)])
        self._made = estimators.made(last)
        trees = len(self._made.forest.roots) if self._made.forest else 1
        self._most = min(MOST_ROWS, MOST_VISITS // max(1, trees))

    def _check(self, model: Any, form: str, table: Any) -> None:
        """`Differs` where the transformers do not give the very numbers that scikit-learn's give."""
        if not _piped(model) or len(model.steps) == 1:
            return
        sample = self._sample(form)
        for rows in [sample, sample.astype(np.float64)] if form == "array" else [sample]:
            wanted = model[:-1].transform(rows)
            found = self._step.apply(table(rows))
            if not np.array_equal(found, wanted.toarray() if hasattr(wanted, "toarray") else wanted):
                raise parity.Differs("the transformers give other numbers")

    def _array(self, rows: Any) -> Any:
        if rows.ndim != 2 or rows.shape[1] != self._width or rows.dtype.kind not in "iuf":
            raise steps.Odd
        return rows

    def _frame(self, rows: Any) -> Any:
        if rows.columns.tolist() != self._names:
            raise steps.Odd
        columns = [rows[name] for name in self._names]
        if not all(isinstance(column.dtype, np.dtype) for column in columns):
            raise steps.Odd
        return [column.to_numpy() for column in columns]

    def _sample(self, form: str) -> Any:
        """Rows that the steps lead to the estimator's thresholds, with the categories that the encoders know."""
        random, places, forest = np.random.default_rng(7), self._step.places, self._made.forest
        last = parity.rows([forest]) if forest is not None else random.normal(size=(parity.ROWS, len(places)))
        columns: list[Any] = [random.normal(size=parity.ROWS).astype(np.float32) for _ in range(self._width)]
        for at, place in enumerate(places):
            if place.known:
                known = random.integers(0, len(place.known), parity.ROWS)
                columns[place.raw] = np.array([place.known[each] for each in known], dtype=_dtype(place.known))
            else:
                with np.errstate(over="ignore"):
                    raw = (last[:, at].astype(np.float64) * place.scale + place.offset).astype(np.float32)
                columns[place.raw] = np.where(np.abs(raw) < 1e30, raw, np.float32(place.offset))
        if form == "array":
            return np.stack(columns, axis=1).astype(np.float32)
        pandas: Any = importlib.import_module("pandas")
        return pandas.DataFrame(dict(zip(self._names, columns, strict=True)))


def _form(rows: Any) -> str:
    if type(rows) is np.ndarray:
        return "array"
    return "frame" if type(rows).__module__.startswith("pandas.") and hasattr(rows, "columns") else ""


def _finite(rows: Any) -> Any:
    if not np.isfinite(rows).all():
        raise steps.Odd
    return rows


def _dtype(known: tuple[Any, ...]) -> Any:
    return object if isinstance(known[0], str) else np.float64


def _piped(model: Any) -> bool:
    return type(model).__name__ == "Pipeline" and hasattr(model, "steps")


def _of_arrays(model: Any) -> bool:
    """Whether it takes arrays: one whose columns are chosen by name does not."""
    first: Any = model.steps[0][1] if _piped(model) else model
    return not any(isinstance(name, str) for name in _chosen(first))


def _chosen(transformer: Any) -> list[Any]:
    """The columns by which a ColumnTransformer was made, one after the other."""
    found: list[Any] = []
    for _, one, columns in getattr(transformer, "transformers", ()):
        if one != "drop":
            found += cast("list[Any]", columns if isinstance(columns, list | tuple) else [columns])
    return found


def _of_frames(model: Any) -> bool:
    """Whether it was fitted on a frame, and knows its columns by names that are all different."""
    names = list(getattr(model, "feature_names_in_", ()))
    return bool(names) and len(set(names)) == len(names)
