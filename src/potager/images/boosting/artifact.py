"""What stands beside the library's own model file: `model.json`, which says what its numbers mean. No pickles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from potager.images.algorithm.errors import BrokenModel
from potager.images.boosting.target import BINARY, MULTICLASS, REGRESSION, Class

_VERSION = 1


@dataclass(frozen=True)
class Description:
    """What `model.json` says.

    categories : of each categorical feature, counted from 0 (the target is no feature), its categories by number.
    iterations : trees, or rounds of them, that the model has.
    """

    format: str
    kind: str
    num_features: int
    classes: Sequence[Class] = ()
    categories: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    iterations: int = 0
    hyperparameters: dict[str, Any] = field(default_factory=dict[str, Any])
    version: int = _VERSION


def write(description: Description, folder: Path) -> None:
    """Writes `model.json`, which is done last: a folder without it is no model."""
    text = json.dumps(asdict(description), indent=2, sort_keys=True)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def read(folder: Path, wanted: str) -> Description:
    """The description that `write` wrote; `BrokenModel` where it is damaged or another program's."""
    path = folder / "model.json"
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != wanted:  # pyright: ignore[reportUnknownMemberType]
            raise BrokenModel(f"{path} does not describe a {wanted.partition('.')[2]} model of Potager.")
        if content.get("version") != _VERSION:  # pyright: ignore[reportUnknownMemberType]
            raise BrokenModel(f"{path} has version {content.get('version')}; this image reads version {_VERSION}.")  # pyright: ignore[reportUnknownMemberType]
        found = Description(**content)  # pyright: ignore[reportUnknownArgumentType]
    except (OSError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BrokenModel(f"{path} cannot be read: {error}. The model folder must hold it.") from error
    if found.kind not in (REGRESSION, BINARY, MULTICLASS) or bool(found.classes) != (found.kind != REGRESSION):
        raise BrokenModel(f"{path}: kind '{found.kind}' does not go with {len(found.classes)} classes.")
    return found
