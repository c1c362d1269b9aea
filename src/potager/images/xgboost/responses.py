"""Scores as AWS's container writes them where no script does: CSV unless asked otherwise.

text/csv                 0.1,0.9          of several classes [0.1, 0.9],[0.7, 0.3]; a line each in a batch transform
application/json         {"predictions": [{"score": 0.1}, {"score": 0.9}]}
application/jsonlines    {"score": 0.1}   a line each

Beside these, which are AWS's: RecordIO and Parquet with a `score`, and NPY.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from potager.images import media, npy, parquet
from potager.images.algorithm import recordio
from potager.images.python import formats
from potager.images.python.errors import Refused

_SHORT = {"csv": formats.CSV, "json": formats.JSON, formats.ANY: formats.CSV}


def body(scores: Any, accept: str) -> tuple[bytes, str]:
    """The scores in the first format of `accept` that can be given, and that format; `Refused`, 406, without one."""
    kind = next((kind for one in media.accepted(accept) if (kind := _SHORT.get(one, one)) in _WRITERS), None)
    if kind is None:
        raise Refused(f"Accept '{accept}' is not supported. Ask for {', '.join(_WRITERS)}, or write an output_fn.", 406)
    try:
        return _WRITERS[kind](scores), kind
    except parquet.NoPyarrow as error:
        raise Refused(str(error), error.status) from error


def _csv(scores: Any) -> bytes:
    values = map(str, scores.tolist())
    return ("\n".join(values) + "\n" if "SAGEMAKER_BATCH" in os.environ else ",".join(values)).encode()


def _json(scores: Any) -> bytes:
    return json.dumps({"predictions": [{"score": value} for value in scores.tolist()]}).encode()


def _lines(scores: Any) -> bytes:
    return "".join(json.dumps({"score": value}) + "\n" for value in scores.tolist()).encode()


def _records(scores: Any) -> bytes:
    return recordio.encode({}, {"score": scores.reshape(len(scores), -1)})


def _parquet(scores: Any) -> bytes:
    return parquet.write({"score": scores})


_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    media.CSV: _csv,
    media.JSON: _json,
    **dict.fromkeys((media.JSONLINES, media.X_JSONLINES), _lines),
    media.RECORDIO: _records,
    **dict.fromkeys((media.PARQUET, media.APACHE_PARQUET), _parquet),
    media.NPY: npy.write,
}
