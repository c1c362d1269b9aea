"""A finished model on disk: `model.json` (what it is) beside the rows and their labels, no pickles.

model.json      predictor_type, k, metric, index type, features
vectors.npy     the rows, of a Flat index; index.faiss of another
labels.npy      their labels
reduction.npz   the random projection, where there is one
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from potager.images.algorithm import saved
from potager.images.algorithm.errors import BrokenModel
from potager.images.knn import index
from potager.images.knn.hyperparameters import COSINE, FLAT, INNER_PRODUCT, IVF, IVFPQ, L2, PREDICTORS
from potager.images.knn.model import Model
from potager.images.knn.reduction import Reduction

FORMAT = saved.Format("knn")


@dataclass(frozen=True)
class Description:
    """What `model.json` says."""

    predictor_type: str
    k: int
    num_features: int
    index_type: str
    index_metric: str
    reduced: bool = False


def save(model: Model, index_type: str, folder: Path) -> None:
    """Writes the model's files, `model.json` last."""
    folder.mkdir(parents=True, exist_ok=True)
    model.index.save(folder)
    np.save(folder / "labels.npy", model.labels)
    if model.reduction is not None:
        np.savez(folder / "reduction.npz", signs=model.reduction.signs, kept=model.reduction.kept)
    description = Description(
        predictor_type=PREDICTORS[0] if model.classifier else PREDICTORS[1],
        k=model.k,
        num_features=model.features,
        index_type=index_type,
        index_metric=model.metric,
        reduced=model.reduction is not None,
    )
    FORMAT.write(folder, asdict(description))


@saved.reader
def read(folder: Path) -> Model:
    """The model that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    described = _description(folder)
    rows = index.load(folder, described.index_type, described.index_metric)
    try:
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BrokenModel(f"{folder / 'labels.npy'} cannot be read: {error}. Train the model again.") from error
    reduction = _reduction(folder / "reduction.npz") if described.reduced else None
    searched = described.num_features if reduction is None else reduction.target
    if (
        type(described.k) is not int
        or labels.shape != (rows.rows,)
        or not 1 <= described.k <= rows.rows
        or rows.width < searched
    ):
        raise BrokenModel(
            f"{folder}: the index holds {rows.rows} rows of {rows.width} numbers, which do not fit {len(labels)} "
            f"labels, k {described.k} and {searched} dimensions."
        )
    return Model(
        rows,
        labels.astype(np.float64),
        reduction,
        features=described.num_features,
        k=described.k,
        metric=described.index_metric,
        classifier=described.predictor_type == PREDICTORS[0],
    )


def _reduction(path: Path) -> Reduction:
    with saved.arrays(path) as arrays:
        return Reduction(arrays["signs"].astype(np.int8), arrays["kept"].astype(np.int64))


def _description(folder: Path) -> Description:
    described = FORMAT.read(folder, Description)
    known = (PREDICTORS, (FLAT, IVF, IVFPQ), (L2, INNER_PRODUCT, COSINE))
    said = (described.predictor_type, described.index_type, described.index_metric)
    if any(one not in words for one, words in zip(said, known, strict=True)):
        raise BrokenModel(f"{folder} describes a model of a kind that this image does not know: {', '.join(said)}.")
    return described
