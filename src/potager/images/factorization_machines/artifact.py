"""A finished model on disk: `model.npz` (numbers, no pickles) beside `model.json` (what they mean).

Only features that training has seen are there: the others would be as they were drawn, which says nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from potager.images.algorithm import saved
from potager.images.algorithm.arrays import Ints
from potager.images.algorithm.errors import BrokenModel
from potager.images.factorization_machines.hyperparameters import PREDICTORS
from potager.images.factorization_machines.machine import Machine

FORMAT = saved.Format("factorization-machines")


@dataclass(frozen=True)
class Description:
    """What `model.json` says."""

    predictor_type: str
    num_features: int
    num_factors: int


@dataclass(frozen=True)
class Model:
    """`features`: which of `num_features` each row of the machine stands for, rising, `(n_seen,)`."""

    description: Description
    machine: Machine
    features: Ints


def save(model: Model, folder: Path) -> None:
    """Writes the model's two files, `model.json` last."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = model.machine
    np.savez(
        folder / "model.npz",
        features=model.features,
        bias=machine.bias,
        linear=machine.linear,
        factors=machine.factors,
    )
    FORMAT.write(folder, asdict(model.description))


@saved.reader
def read(folder: Path) -> Model:
    """The model that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    described = FORMAT.read(folder, Description)
    with saved.arrays(folder / "model.npz") as arrays:
        features = arrays["features"].astype(np.int64)
        machine = Machine(*(arrays[name].astype(np.float32) for name in ("bias", "linear", "factors")))
    _check(folder, described, machine, features)
    return Model(described, machine, features)


def _check(folder: Path, described: Description, machine: Machine, features: Ints) -> None:
    if described.predictor_type not in PREDICTORS:
        raise BrokenModel(f"{folder}: unknown predictor_type '{described.predictor_type}'.")
    shapes = (machine.bias.shape, machine.linear.shape, machine.factors.shape)
    wanted = ((1,), (len(features),), (len(features), described.num_factors))
    rising = bool(np.all(np.diff(features) > 0)) and features.ndim == 1
    inside = not len(features) or (features[0] >= 0 and features[-1] < described.num_features)
    if shapes != wanted or not rising or not inside:
        raise BrokenModel(f"{folder}: the numbers have shapes {shapes}, which do not fit what model.json describes.")
    if not all(np.isfinite(part).all() for part in (machine.bias, machine.linear, machine.factors)):
        raise BrokenModel(f"{folder}: the model holds numbers that are not finite.")
