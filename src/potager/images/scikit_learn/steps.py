"""The transformers of a pipeline, done again for few rows: the same arithmetic in the same types, without the checks.

Known are ColumnTransformer, Pipeline, StandardScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder and SimpleImputer.
Rows are arrays of `(n, width)`, or the columns of a frame. What a step does not know how to do it leaves to
scikit-learn: at load by `NotCompiled`, for single rows by `Odd`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.compiled.choice import NotCompiled

Table = Any
"""Rows as an array, or as the list of a frame's columns."""


class Odd(Exception):
    """Rows that scikit-learn must answer, or refuse, itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column comes from: `raw = value * scale + offset` in the column `raw` of the rows, or one of `known`."""

    raw: int
    scale: float = 1.0
    offset: float = 0.0
    known: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A transformer: the function of rows, and the place of each column that it gives."""

    apply: Callable[[Table], Any]
    places: list[Place]


def step(transformer: Any, places: list[Place]) -> Step:
    """The transformer as a step of columns that come from these places; `NotCompiled` says what cannot be."""
    if transformer == "passthrough" or (_kind(transformer) == "FunctionTransformer" and transformer.func is None):
        return Step(_numbers, places)
    maker = _MAKERS.get(_kind(transformer))
    if maker is None:
        raise NotCompiled(f"{type(transformer).__name__} is not translated")
    return maker(transformer, places)


def _kind(transformer: Any) -> str:
    """The class's name, "" for one that is not scikit-learn's own."""
    return type(transformer).__name__ if type(transformer).__module__.startswith("sklearn.") else ""


def chain(transformers: Sequence[Any], places: list[Place]) -> Step:
    """Steps one after the other."""
    steps: list[Step] = []
    for one in transformers:
        steps.append(step(one, steps[-1].places if steps else places))

    def apply(rows: Table) -> Any:
        for one in steps:
            rows = one.apply(rows)
        return rows

    return Step(apply if steps else _numbers, steps[-1].places if steps else places)


def _numbers(rows: Table) -> Any:
    """The rows as an array of numbers that are finite: scikit-learn says what becomes of others."""
    if isinstance(rows, list):
        rows = np.stack(rows, axis=1)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if rows.dtype.kind not in "iuf" or not np.isfinite(rows).all():
        raise Odd
    return rows


def _floats(rows: Table) -> Any:
    rows = _numbers(rows)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def _columns(transformer: Any, places: list[Place]) -> Step:
    taken: Mapping[str, Any] = transformer._transformer_to_input_indices
    parts: list[tuple[Step, Any]] = []
    for name, one, _ in transformer.transformers_:
        at = list(taken[name])
        if one != "drop" and at:
            parts.append((step(one, [places[index] for index in at]), np.array(at)))

    def apply(rows: Table) -> Any:
        made = [one.apply([rows[i] for i in at] if isinstance(rows, list) else rows[:, at]) for one, at in parts]
        return np.concatenate(made, axis=1)

    return Step(apply, [place for one, _ in parts for place in one.places])


def _pipeline(transformer: Any, places: list[Place]) -> Step:
    return chain([one for _, one in transformer.steps], places)


def _standard(transformer: Any, places: list[Place]) -> Step:
    means = transformer.mean_ if transformer.with_mean else np.zeros(len(places))
    scales = transformer.scale_ if transformer.with_std else np.ones(len(places))
    by_type = {np.dtype(kind): (means.astype(kind), scales.astype(kind)) for kind in (np.float32, np.float64)}

    def apply(rows: Table) -> Any:
        rows = _floats(rows)
        mean, scale = by_type[rows.dtype]
        return (rows - mean) / scale

    return Step(apply, [_moved(*each) for each in zip(places, scales, means, strict=True)])


def _min_max(transformer: Any, places: list[Place]) -> Step:
    if transformer.clip:
        raise NotCompiled("MinMaxScaler with clip is not translated")
    scales, least = transformer.scale_, transformer.min_

    def apply(rows: Table) -> Any:
        rows = _floats(rows).copy()
        rows *= scales
        rows += least
        return rows

    return Step(apply, [_moved(p, 1 / s, -m / s) for p, s, m in zip(places, scales, least, strict=True)])


def _moved(place: Place, scale: float, offset: float) -> Place:
    return Place(place.raw, place.scale * scale, place.scale * offset + place.offset, place.known)


def _imputer(transformer: Any, places: list[Place]) -> Step:
    """Nothing is missing in rows that come so far."""
    missing = transformer.missing_values
    if not isinstance(missing, float) or missing == missing or transformer.add_indicator:
        raise NotCompiled("SimpleImputer of other things than NaN, or with an indicator, is not translated")
    if transformer.statistics_.dtype.kind != "f" or not np.isfinite(transformer.statistics_).all():
        raise NotCompiled("SimpleImputer of columns that are not all numbers is not translated")
    return Step(_floats, places)


def _cells(rows: Table) -> list[list[Any]]:
    """The columns' values; those of columns of objects are words."""
    columns: list[Any] = list(rows if isinstance(rows, list) else rows.T)  # pyright: ignore[reportUnknownArgumentType]
    found: list[list[Any]] = [column.tolist() for column in columns]
    for column, values in zip(columns, found, strict=True):
        if column.dtype.kind == "O" and not all(type(value) is str for value in values):
            raise Odd
        if column.dtype.kind not in "iufO":
            raise Odd
    return found


def _categories(transformer: Any) -> list[dict[Any, int]]:
    if transformer.min_frequency is not None or transformer.max_categories is not None:
        raise NotCompiled(f"{type(transformer).__name__} of infrequent categories is not translated")
    found: list[dict[Any, int]] = []
    for values in transformer.categories_:
        plain: list[Any] = values.tolist()
        words = all(type(value) is str for value in plain)
        if not words and (values.dtype.kind not in "iuf" or not np.isfinite(values).all()):
            raise NotCompiled("categories that are neither words nor numbers are not translated")
        found.append({value: number for number, value in enumerate(plain)})
    return found


def _known(places: list[Place], categories: list[dict[Any, int]]) -> list[Place]:
    return [Place(place.raw, known=tuple(one)) for place, one in zip(places, categories, strict=True)]


def _one_hot(transformer: Any, places: list[Place]) -> Step:
    if transformer.handle_unknown not in ("error", "ignore"):
        raise NotCompiled(f"OneHotEncoder(handle_unknown='{transformer.handle_unknown}') is not translated")
    lenient, places_of = transformer.handle_unknown == "ignore", _categories(transformer)
    dropped: Any = transformer.drop_idx_
    at: list[dict[Any, int | None]] = []
    width = 0
    for number, values in enumerate(places_of):
        without = None if dropped is None else dropped[number]
        kept = [index for index in values.values() if index != without]
        slots: dict[int, int | None] = {index: width + slot for slot, index in enumerate(kept)}
        at.append({value: slots.get(index) for value, index in values.items()})
        width += len(kept)
    lenient = lenient and dropped is None
    kind = np.dtype(transformer.dtype)

    def apply(rows: Table) -> Any:
        columns = _cells(rows)
        made = np.zeros((len(columns[0]), width), kind)
        for slots, column in zip(at, columns, strict=True):
            for row, value in enumerate(column):
                if value in slots:
                    slot = slots[value]
                    if slot is not None:
                        made[row, slot] = 1
                elif not lenient or value != value:
                    raise Odd
        return made

    known = zip(_known(places, places_of), at, strict=True)
    return Step(apply, [place for place, slots in known for slot in slots.values() if slot is not None])


def _ordinal(transformer: Any, places: list[Place]) -> Step:
    numbers, kind = _categories(transformer), np.dtype(transformer.dtype)

    def apply(rows: Table) -> Any:
        try:
            made = [[one[value] for value in column] for one, column in zip(numbers, _cells(rows), strict=True)]
        except KeyError:
            raise Odd from None
        return np.array(made, kind).T

    return Step(apply, _known(places, numbers))


_MAKERS: Mapping[str, Callable[[Any, list[Place]], Step]] = {
    "ColumnTransformer": _columns,
    "MinMaxScaler": _min_max,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "Pipeline": _pipeline,
    "SimpleImputer": _imputer,
    "StandardScaler": _standard,
}
