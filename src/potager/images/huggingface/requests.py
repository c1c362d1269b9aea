"""A request's body as what a pipeline takes, and answers as CSV.

application/json    {"inputs": ..., "parameters": {...}}     audio/*    the bytes
application/jsonlines    "an input", or {"inputs": ...}, a line each
text/csv            a header with `inputs`, or the columns of each input, such as question and context
image/*             a picture (needs pillow)
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from potager.images.python import formats, handlers
from potager.images.python.errors import Refused, ScriptFailed

_COLUMNS = ("inputs", "question", "context")


def decode(body: bytes | str, content_type: str) -> Any:
    """What a pipeline takes. `Refused`: 415 for another format, 400 for a body that is not of its format."""
    kind = formats.media_type(content_type)
    if kind == formats.JSON:
        return _json(body)
    if kind == formats.CSV:
        return {"inputs": _csv(str(body))}
    if kind in (formats.JSONLINES, formats.X_JSONLINES):
        return {"inputs": _lines(body)}
    if kind.startswith("audio/"):
        return {"inputs": body}
    if kind.startswith("image/") and isinstance(body, bytes):
        return {"inputs": _image(body)}
    return formats.decode(body, content_type)


def _json(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body cannot be read as {formats.JSON}: {error}") from error


def _lines(body: bytes | str) -> list[Any]:
    """An input a line, as a string, or as `{"inputs": ...}` without parameters."""
    rows = [_json(line) for line in body.splitlines() if line.strip()]
    if not rows:
        raise Refused(f"The body cannot be read as {formats.JSONLINES}: it is empty")
    return [row.get("inputs", row) if isinstance(row, dict) else row for row in rows]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _csv(body: str) -> list[Any]:
    rows = list(csv.DictReader(io.StringIO(body)))
    if not rows or not set(_COLUMNS) & set(rows[0]):
        raise Refused(f"A CSV needs a header with one of the columns {', '.join(_COLUMNS)}, and a row.")
    return [row["inputs"] for row in rows] if "inputs" in rows[0] else list(rows)


def _image(body: bytes) -> Any:
    try:
        image: Any = importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ScriptFailed("Images need pillow, which is not installed here. Install it: pip install pillow") from error
    try:
        return image.open(io.BytesIO(body)).convert("RGB")
    except (OSError, ValueError) as error:
        raise Refused(f"The body is no image that can be read: {error}") from error


def to_csv(prediction: Any) -> bytes:
    """Records with a header; `Refused`, 406, for what is no record or list of them."""
    rows: Sequence[Any] = cast("Sequence[Any]", prediction if isinstance(prediction, list) else [prediction])
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise Refused(f"The answer is no list of records, so no {formats.CSV}. Ask for {formats.JSON}.", 406)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def refused(error: Exception) -> Refused:
    """A pipeline's complaint, as the request's fault: 400, as AWS's toolkit has it. The log has its traceback."""
    return Refused(str(handlers.failed(error)))
