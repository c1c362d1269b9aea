"""Models on disk: what describes them, and their arrays."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import saved
from potager.images.algorithm.errors import BrokenModel

FORMAT = saved.Format("some", 2)


@dataclass(frozen=True)
class Described:
    k: int


def test_what_is_written_is_read(tmp_path: Path) -> None:
    FORMAT.write(tmp_path / "model", asdict(Described(3)))
    assert FORMAT.read(tmp_path / "model", Described) == Described(3)
    content = json.loads((tmp_path / "model" / "model.json").read_text())
    assert content == {"format": "potager.some", "version": 2, "k": 3}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[1]", "describes no some model"),
        (b'{"format": "potager.other", "version": 2, "k": 3}', "describes no some model"),
        (b'{"format": "potager.some", "version": 3, "k": 3}', "has version 3; this image reads version 2"),
        (b'{"format": "potager.some", "k": 3}', "has version None"),
        (b'{"format": "potager.some", "version": 2}', "cannot be read"),
        (b'{"format": "potager.some", "version": 2, "k": 3, "more": 1}', "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_description_of_something_else_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(BrokenModel, match=complaint):
        FORMAT.read(tmp_path, Described)


def test_a_model_without_its_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="The model folder must hold it"):
        FORMAT.read(tmp_path, Described)


def test_arrays_that_are_not_there_cut_off_or_pickled_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(BrokenModel, match="Train the model again"), saved.arrays(path):
        pass
    np.savez(path, a=np.arange(1000.0), b=np.array([{}], object))
    for name in ("b", "c"):
        with pytest.raises(BrokenModel, match="Train the model again"), saved.arrays(path) as found:
            found[name]
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BrokenModel, match="Train the model again"), saved.arrays(path) as found:
        found["a"]
