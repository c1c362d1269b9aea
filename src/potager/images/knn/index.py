"""The rows that are searched, and the search: exact over an array, or by faiss's inverted lists.

    Flat            the rows themselves, `vectors.npy`; mapped when a model is loaded, never copied
    IVFFlat, IVFPQ  faiss's own index, `index.faiss`

Flat needs no index: faiss searches any array. Neighbours are ordered by distance, and of rows at one distance the one
that came first goes first (by L2; the other metrics leave that open).

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_how-it-works.html, https://faiss.ai
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

import faiss  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from potager.images.algorithm.arrays import Float32, Ints
from potager.images.algorithm.errors import BrokenModel, ClientError
from potager.images.knn.hyperparameters import COSINE, FLAT, IVFPQ, L2
from potager.images.knn.settings import Settings

_faiss: Any = faiss
# By matrix products a distance is a difference of large numbers, and right to few digits. So it is computed as such.
_faiss.cvar.distance_compute_blas_threshold = 2**31 - 1

_SMALLEST_QUANTIZED = 256  # rows: a codebook has that many entries
_VECTORS, _INDEX = "vectors.npy", "index.faiss"


class Index(Protocol):
    """Rows that can be searched; any number of threads may."""

    rows: int
    width: int

    def nearest(self, queries: Float32, k: int) -> tuple[Float32, Ints]:
        """faiss's distances and row numbers, both `(n_queries, k)`, the nearest first."""
        ...

    def save(self, folder: Path) -> None: ...


class Flat:
    """Every row is looked at."""

    def __init__(self, vectors: Float32, metric: str) -> None:
        self._vectors, self._metric = vectors, metric
        self.rows, self.width = vectors.shape

    def nearest(self, queries: Float32, k: int) -> tuple[Float32, Ints]:
        return _faiss.knn(queries, self._vectors, k, metric=_metric(self._metric))

    def save(self, folder: Path) -> None:
        np.save(folder / _VECTORS, self._vectors)


class Lists:
    """Rows in lists around centroids; the lists nearest to a query are looked at.

    How many: the square root of their number, and all of them where those hold fewer rows than are asked for.
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        self.rows, self.width = int(index.ntotal), int(index.d)
        index.nprobe = math.ceil(math.sqrt(index.nlist))

    def nearest(self, queries: Float32, k: int) -> tuple[Float32, Ints]:
        distances, rows = self._index.search(queries, k)
        short = np.flatnonzero(rows[:, -1] < 0)
        if len(short):
            every = _faiss.SearchParametersIVF(nprobe=self._index.nlist)
            distances[short], rows[short] = self._index.search(queries[short], k, params=every)
        return distances, rows

    def save(self, folder: Path) -> None:
        _faiss.write_index(self._index, str(folder / _INDEX))


def build(vectors: Float32, settings: Settings) -> Index:
    """The index of `vectors` `(n_rows, n_dimensions)`; `ClientError` where they are too few for its type."""
    if settings.index_type == FLAT:
        return Flat(vectors, settings.index_metric)
    rows, width = vectors.shape
    lists = settings.faiss_index_ivf_nlists or max(1, math.isqrt(rows))
    if lists > rows:
        raise ClientError(
            f"Hyperparameter 'faiss_index_ivf_nlists' is {lists}, but {rows} rows were drawn. Lower it, or "
            "leave it out."
        )
    quantizer, metric = _faiss.IndexFlat(width, _metric(settings.index_metric)), _metric(settings.index_metric)
    if settings.index_type == IVFPQ:
        if rows < _SMALLEST_QUANTIZED:
            raise ClientError(
                f"{rows} rows were drawn, but index_type {IVFPQ} needs {_SMALLEST_QUANTIZED} or more. Raise "
                f"sample_size, add rows to channel 'train', or use index_type {FLAT}."
            )
        index = _faiss.IndexIVFPQ(quantizer, width, lists, settings.faiss_index_pq_m, 8, metric)
        index.pq.cp.min_points_per_centroid = 1
    else:
        index = _faiss.IndexIVFFlat(quantizer, width, lists, metric)
    index.cp.min_points_per_centroid = 1  # few rows make a coarse index, which is no reason for a warning
    index.train(vectors)
    index.add(vectors)
    return Lists(index)


def load(folder: Path, index_type: str, metric: str) -> Index:
    """The index that `save` wrote into a model folder; `BrokenModel` where it cannot be read."""
    try:
        if index_type == FLAT:
            return Flat(_checked(np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False)), metric)
        return Lists(_faiss.read_index(str(folder / _INDEX)))
    except (OSError, ValueError, EOFError, RuntimeError, AttributeError) as error:
        raise BrokenModel(f"The index in {folder} cannot be read: {error}. Train the model again.") from error


def _checked(vectors: Any) -> Float32:
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise ValueError(f"{_VECTORS} is no table of float32")
    return vectors


def _metric(name: str) -> int:
    return _faiss.METRIC_L2 if name == L2 else _faiss.METRIC_INNER_PRODUCT


def shaped(rows: Float32, metric: str, width: int) -> Float32:
    """Rows as they are searched: of length 1 for COSINE, and padded with zeros to `width`."""
    rows = np.ascontiguousarray(rows, np.float32)
    if metric == COSINE:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return rows if rows.shape[1] == width else np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


def told(distances: Float32, metric: str) -> Float32:
    """Distances as a client is told them, the smallest first.

    L2 is the Euclidean distance (faiss has its square), COSINE 1 less the cosine, INNER_PRODUCT the product's negative.
    """
    if metric == L2:
        return np.sqrt(np.maximum(distances, 0))
    return 1 - distances if metric == COSINE else -distances
