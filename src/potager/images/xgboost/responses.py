"""Scores as AWS's container writes them where no script does: CSV unless asked otherwise.

text/csv                 0.1,0.9          of several classes [0.1, 0.9],[0.7, 0.3]; a line each in a batch transform
application/json         {"predictions": [{"score": 0.1}, {"score": 0.9}]}
application/jsonlines    {"score": 0.1}   a line each
"""

from __future__ import annotations

import json
import os
from typing import Any

from potager.images.python import formats
from potager.images.python.errors import Refused

JSONLINES = "application/jsonlines"
SUPPORTED = (formats.CSV, formats.JSON, JSONLINES)


def body(scores: Any, accept: str) -> tuple[bytes, str]:
    """The scores in the first format of `accept` that can be given, and that format; `Refused`, 406, without one."""
    kind = next((kind for kind in map(_named, accept.split(",")) if kind in SUPPORTED), None)
    if kind is None:
        raise Refused(
            f"Accept '{accept}' is not supported. Ask for {', '.join(SUPPORTED)}, or write an output_fn.", 406
        )
    values: list[Any] = scores.tolist()
    if kind == formats.CSV:
        batch = "SAGEMAKER_BATCH" in os.environ
        text = "\n".join(map(str, values)) + "\n" if batch else ",".join(map(str, values))
    elif kind == formats.JSON:
        text = json.dumps({"predictions": [{"score": value} for value in values]})
    else:
        text = "".join(json.dumps({"score": value}) + "\n" for value in values)
    return text.encode(), kind


def _named(part: str) -> str:
    kind = formats.media_type(part)
    return formats.CSV if kind in ("csv", formats.ANY) else formats.JSON if kind == "json" else kind
