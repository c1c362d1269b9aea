"""A finished model on disk: `model.json`, which says what its numbers mean, beside arrays in `.npz`. No pickles.

`model.json` is written last, so a folder without it holds no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from potager.images.algorithm.errors import BrokenModel

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Format:
    """What `model.json` is of: `algorithm`, and the `version` of what is written, others of which are refused."""

    algorithm: str
    version: int = 1

    def write(self, folder: Path, content: Mapping[str, Any]) -> None:
        """Writes `model.json`, and the folder where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "model.json", {"format": self._name, "version": self.version, **content})

    def read(self, folder: Path, described: Callable[..., T]) -> T:
        """`described` of the members that `write` was given; `BrokenModel` where they are another program's."""
        path = folder / "model.json"
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict) or content.pop("format", None) != self._name:  # pyright: ignore[reportUnknownMemberType]
                raise BrokenModel(f"{path} describes no {self.algorithm} model of Potager.")
            if (version := content.pop("version", None)) != self.version:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
                raise BrokenModel(f"{path} has version {version}; this image reads version {self.version}.")
            return described(**content)
        except (OSError, TypeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise BrokenModel(f"{path} cannot be read: {error}. The model folder must hold it.") from error

    @property
    def _name(self) -> str:
        return f"potager.{self.algorithm}"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON document as a file."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def arrays(path: Path) -> Iterator[Mapping[str, Any]]:
    """The arrays of a `.npz` by name; whatever reading them raises is `BrokenModel`."""
    try:
        with np.load(path, allow_pickle=False) as found:
            yield found
    except Exception as error:  # of a zip, of headers that numpy evaluates as Python's own text, and of the reader
        raise BrokenModel(f"{path} cannot be read: {error}. Train the model again.") from error


def reader(read: Callable[P, T]) -> Callable[P, T]:
    """A function that reads a model, which anybody may have written: whatever it stumbles over is `BrokenModel`."""

    @wraps(read)
    def careful(*args: P.args, **given: P.kwargs) -> T:
        try:
            return read(*args, **given)
        except BrokenModel:
            raise
        except Exception as error:
            said = str(error).partition("\n")[0] or type(error).__name__
            raise BrokenModel(
                f"The model holds what this image did not write: {said}. Train the model again."
            ) from error

    return careful
