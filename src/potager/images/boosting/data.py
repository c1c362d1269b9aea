"""A job's data, ready for a library: what to train on, what to validate on, what is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.algorithm.job import Job, say
from potager.images.boosting import frames
from potager.images.boosting.categories import Vocabulary
from potager.images.boosting.places import places
from potager.images.boosting.split import SHARE, split
from potager.images.boosting.target import Target, decide

_CELLS = 1 << 22  # moved at once


@dataclass(frozen=True)
class Rows:
    """`features`: `(n_rows, n_features)` float32, a category as its number; `codes`: see `Target.encode`."""

    features: Float32
    codes: Float64


@dataclass(frozen=True)
class Data:
    """What a job learns from. `categories` are the words of each categorical feature, counted from 0."""

    train: Rows
    validation: Rows
    target: Target
    categories: Mapping[int, list[str]]

    @property
    def channels(self) -> dict[str, Rows]:
        """The rows by the name that evaluations call them."""
        return {"train": self.train, "validation": self.validation}


def prepare(job: Job, algorithm: str, objective: str, hinted: str) -> Data:
    """Reads, encodes and splits; `objective` and `hinted` are what `target.decide` takes."""
    where = places(job, algorithm)
    vocabularies = {column: Vocabulary() for column in where.categorical}
    train = frames.read(where.train, vocabularies)
    for column, vocabulary in vocabularies.items():
        _renumber(train.features[:, column - 1], vocabulary.close())
    target, reason = decide(objective, hinted, train.labels, where.train.channel)
    say(f"Training a {_named(target)} model, by the {reason}")
    rows = Rows(train.features, target.encode(train.labels, where.train.channel))
    if where.validation is None:
        say(f"No validation channel: {SHARE:.0%} of the rows are held back")
        rows, held = _parted(rows, *split(rows.codes, len(target.classes), where.train.channel))
    else:
        frame = frames.read(where.validation, vocabularies, train.width)
        held = Rows(frame.features, target.encode(frame.labels, where.validation.channel))
    return Data(rows, held, target, {column - 1: known.words for column, known in vocabularies.items()})


def _named(target: Target) -> str:
    return f"{target.kind} ({len(target.classes)} classes)" if target.classes else target.kind


def _renumber(column: Float32, moved: Float32) -> None:
    there = ~np.isnan(column)
    column[there] = moved[column[there].astype(np.int64)]


def _parted(rows: Rows, kept: Ints, held: Ints) -> tuple[Rows, Rows]:
    """The rows kept, moved together where they are, and a copy of the rows held back; both in order."""
    validation = Rows(rows.features[held], rows.codes[held])
    step = max(1, _CELLS // rows.features.shape[1])
    for start in range(0, len(kept), step):  # a row never moves down, so none is overwritten before it is read
        part = kept[start : start + step]
        rows.features[start : start + len(part)] = rows.features[part]
    return Rows(rows.features[: len(kept)], rows.codes[kept]), validation
