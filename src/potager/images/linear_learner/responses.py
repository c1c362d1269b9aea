"""Predictions as the client accepts them: JSON, JSON Lines, CSV, RecordIO, Parquet or NPY.

JSON, JSON Lines and RecordIO are as AWS documents them
(https://docs.aws.amazon.com/sagemaker/latest/dg/LL-in-formats.html). AWS documents no CSV; ours is a line a row:
`predicted_label,score` for a binary classifier, `predicted_label,score of class 0,score of class 1,...` for a
multiclass one, `score` for a regressor. An NPY has the same columns, a Parquet `predicted_label` and `score`.
"""

from __future__ import annotations

import numpy as np

from potager.images import media, npy, parquet
from potager.images.algorithm import recordio
from potager.images.algorithm.arrays import Float64, Ints
from potager.images.algorithm.errors import BadRequest
from potager.images.media import CSV, JSON, RECORDIO


def body_of(scores: Float64, labels: Ints | None, kind: str) -> bytes:
    """Predictions `(n_rows, n_scores)` and, of a classifier, labels `(n_rows,)` as bytes of the given kind."""
    if kind == RECORDIO:
        answer = {"score": scores} if labels is None else {"score": scores, "predicted_label": labels[:, None]}
        return recordio.encode({}, {name: values.astype(np.float32) for name, values in answer.items()})
    if kind in (media.PARQUET, media.APACHE_PARQUET):
        return _parquet(scores, labels)
    if kind == media.NPY:
        return npy.write(scores if labels is None else np.column_stack([labels, scores]))
    if kind == CSV:
        return "".join(_csv(scores, labels)).encode()
    rows = _objects(scores, labels)
    if kind == JSON:
        return ('{"predictions": [' + ", ".join(rows) + "]}").encode()
    return "".join(row + "\n" for row in rows).encode()


def _parquet(scores: Float64, labels: Ints | None) -> bytes:
    shown = {"score": scores[:, 0] if scores.shape[1] == 1 else scores}
    try:
        return parquet.write(shown if labels is None else {"predicted_label": labels, **shown})
    except parquet.NoPyarrow as error:
        raise BadRequest(str(error), error.status) from error


def _objects(scores: Float64, labels: Ints | None) -> list[str]:
    if labels is None:
        return [f'{{"score": {score!r}}}' for score in scores[:, 0].tolist()]
    shown = scores[:, 0].tolist() if scores.shape[1] == 1 else scores.tolist()
    pairs = zip(shown, labels.tolist(), strict=True)
    return [f'{{"score": {score!r}, "predicted_label": {label}}}' for score, label in pairs]


def _csv(scores: Float64, labels: Ints | None) -> list[str]:
    if labels is None:
        return [f"{score!r}\n" for score in scores[:, 0].tolist()]
    pairs = zip(scores.tolist(), labels.tolist(), strict=True)
    return [f"{label},{','.join(map(repr, row))}\n" for row, label in pairs]
