"""Model folders that somebody bent on harm has written: each is served, or a `BrokenModel`, and no code in it is run.

XGBoost's artifact is left out: a pickle is one of its formats, as on AWS, and is opened in a worker that is walled off.
CatBoost's and LightGBM's own files are, too: their libraries end the process where one is damaged in certain ways.
"""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potager.images.algorithm.errors import BrokenModel
from tests.unit.images.jobs import Job
from tests.unit.images.tables import Image
from tests.unit.images.test_bad_requests import asked, good, mutated, trained

__all__ = ["trained"]


class Bomb:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def hostile(name: str, whole: bytes) -> Iterator[bytes]:
    """What a file of a model might be instead."""
    bomb = pickle.dumps(Bomb())
    yield from (b"", b"\x00", bomb, whole[: len(whole) // 2], whole[: len(whole) - 1], whole[:4] + b"\xff" * 64)
    drawn = random.Random(name)
    yield from (mutated(drawn, whole) for _ in range(40))
    if name.endswith(".json"):
        yield from (b"[]", b"null", b"[" * 100_000, b"{}", b'{"format": NaN}')
        content = json.loads(whole)
        for member in content:
            for value in (None, -1, 10**30, float("nan"), "x", [], {}, [None], 1e300, True):
                yield json.dumps(content | {member: value}).encode()
            yield json.dumps({one: value for one, value in content.items() if one != member}).encode()
    if name.endswith(".npz"):
        arrays = dict(np.load(io.BytesIO(whole)))
        for member, array in arrays.items():
            objects = np.empty(array.shape or (1,), object)
            objects[...] = Bomb()
            for other in (array.astype(str), array.ravel()[:0], array[..., None], array[None], -array, objects):
                yield npz(arrays | {member: other})
            yield npz({one: value for one, value in arrays.items() if one != member})
            if array.dtype.kind == "f":
                yield npz(arrays | {member: np.full_like(array, np.nan)})
            yield npz(arrays | {member: array + np.array(2**31 - 5).astype(array.dtype)})
        yield lying(arrays)
    if name.endswith(".npy"):
        yield from (npy(np.zeros(3)), npy(np.array([Bomb()])), npy(np.zeros((2, 2, 2))), npy(np.full((60,), np.nan)))
        yield (
            b"\x93NUMPY\x01\x00v\x00"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }".ljust(117)
            + b"\n"
        )


def npz(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def lying(arrays: dict[str, Any]) -> bytes:
    """An archive whose arrays say that they are of a terabyte."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in arrays:
            header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }".ljust(117) + b"\n"
            archive.writestr(f"{member}.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    return out.getvalue()


def test_a_hostile_artifact_is_broken_and_runs_nothing(
    trained: tuple[Image, Job], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    image, job = trained
    monkeypatch.chdir(tmp_path)
    for file in sorted((job.ml / "model").iterdir()):
        if file.name in ("evaluation.json", "model.cbm", "model.txt") or image.name == "xgboost":
            continue
        whole = file.read_bytes()
        for content in hostile(file.name, whole):
            file.write_bytes(content)
            try:
                loaded(image, job)
            finally:
                file.write_bytes(whole)
            assert not Path("ran").exists(), file.name
        file.unlink()
        with pytest.raises(BrokenModel):
            _ = job.predictor
        file.write_bytes(whole)
    assert asked(job.predictor, good(image)["text/csv"], "text/csv")


def loaded(image: Image, job: Job) -> None:
    try:
        predictor = job.predictor
    except BrokenModel as error:
        assert str(error)
        return
    asked(predictor, good(image)["text/csv"], "text/csv")
