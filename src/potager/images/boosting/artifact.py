"""What stands beside the library's own model file: `model.json`, which says what its numbers mean. No pickles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potager.images.algorithm.errors import BrokenModel
from potager.images.algorithm.saved import Format, reader
from potager.images.boosting.target import BINARY, MULTICLASS, REGRESSION, Class

if TYPE_CHECKING:
    from potager.images.boosting.data import Data


@dataclass(frozen=True)
class Description:
    """What `model.json` says.

    categories : of each categorical feature, counted from 0 (the target is no feature), its categories by number.
    iterations : trees, or rounds of them, that the model has.
    """

    kind: str
    num_features: int
    classes: Sequence[Class] = ()
    categories: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    iterations: int = 0
    hyperparameters: dict[str, Any] = field(default_factory=dict[str, Any])


def write(written: Format, data: Data, iterations: int, hyperparameters: Mapping[str, Any], folder: Path) -> None:
    """Writes `model.json` of a model of so many iterations that was fitted to `data`, when all else is there."""
    description = Description(
        kind=data.target.kind,
        num_features=data.train.features.shape[1],
        classes=data.target.classes,
        categories={str(column): words for column, words in data.categories.items()},
        iterations=iterations,
        hyperparameters=dict(hyperparameters),
    )
    written.write(folder, asdict(description))


@reader
def read(folder: Path, wanted: Format) -> Description:
    """The description that a model folder has; `BrokenModel` where it is damaged or another program's."""
    found = wanted.read(folder, Description)
    words = [found.classes, *found.categories.values()]
    if not all(isinstance(each, list) for each in words):
        raise BrokenModel(f"{folder}: model.json has no lists of classes and categories.")
    if found.kind not in (REGRESSION, BINARY, MULTICLASS) or not _fits(found):
        raise BrokenModel(f"{folder}: kind '{found.kind}' does not go with {len(found.classes)} classes.")
    return found


def _fits(found: Description) -> bool:
    """Whether there are as many classes as the kind of model has."""
    classes = len(found.classes)
    return classes > 1 if found.kind == MULTICLASS else classes == (2 if found.kind == BINARY else 0)
