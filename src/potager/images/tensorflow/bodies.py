"""TF Serving's REST bodies, between JSON and arrays by name.

    rows      {"instances": [1, 2]}, [{"x": 1}, {"x": 2}]   ─►  {"predictions": [...]}
    columns   {"inputs": [1, 2]}, {"x": [1, 2]}             ─►  {"outputs": ...}

A bare JSON list, a CSV without header and JSON Lines are rows too, as AWS's container takes them.
Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from potager.images.python import formats
from potager.images.python.errors import Refused

JSONLINES = ("application/jsonlines", "application/x-jsonlines")


@dataclass(frozen=True, slots=True)
class Asked:
    """Arrays, as nested lists, by the names of the inputs; `rows` where they came row by row."""

    inputs: dict[str, Any]
    rows: bool


def parse(body: bytes | str, content_type: str, names: Sequence[str]) -> Asked:
    """What a request asks of inputs of these names. `Refused`: 415 for another format, 400 for a body that is none."""
    kind = formats.media_type(content_type)
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        if kind == formats.JSON:
            return _json(json.loads(text), names)
        if kind == formats.CSV:
            return _rows([[float(cell) for cell in row] for row in csv.reader(io.StringIO(text)) if row], names)
        if kind in JSONLINES:
            return _rows([json.loads(line) for line in text.splitlines() if line.strip()], names)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused(f"The body cannot be read as {kind}: {error}") from error
    known = ", ".join((formats.JSON, formats.CSV, JSONLINES[0]))
    raise Refused(f"Content type '{content_type}' is not supported. Send {known}, or write an input_fn.", 415)


def _json(content: Any, names: Sequence[str]) -> Asked:
    known: dict[str, Any] = cast("dict[str, Any]", content) if isinstance(content, dict) else {"instances": content}
    if "inputs" in known:
        inputs: Any = known["inputs"]
        columns = cast("dict[str, Any]", inputs) if isinstance(inputs, dict) else {one(names): inputs}
        return Asked({name: _plain(columns[name]) for name in names}, rows=False)
    rows: Any = known.get("instances")
    if not isinstance(rows, list) or not rows:
        raise ValueError('it has no rows: send {"instances": [...]} or {"inputs": ...}')
    return _rows(cast("list[Any]", rows), names)


def _rows(rows: Sequence[Any], names: Sequence[str]) -> Asked:
    if all(isinstance(row, Mapping) and "b64" not in row for row in rows):
        return Asked({name: [_plain(row[name]) for row in rows] for name in names}, rows=True)
    return Asked({one(names): [_plain(row) for row in rows]}, rows=True)


def one(names: Sequence[str]) -> str:
    """The one input of a model; `ValueError` where it has several."""
    if len(names) != 1:
        raise ValueError(f"the model has the inputs {', '.join(names)}: name them")
    return names[0]


def _plain(value: Any) -> Any:
    """The value with bytes in the place of `{"b64": ...}`."""
    if isinstance(value, dict):
        (text,) = cast("dict[str, str]", value).values()
        return base64.b64decode(text, validate=True)
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value


def written(outputs: Mapping[str, Any], rows: bool) -> bytes:
    """The answer: one output by itself, several by their names."""
    lists = {name: _texts(array.tolist()) for name, array in outputs.items()}
    if not rows:
        return json.dumps({"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}).encode()
    if len(lists) == 1:
        return json.dumps({"predictions": next(iter(lists.values()))}).encode()
    each = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return json.dumps({"predictions": each}).encode()


def _texts(value: Any) -> Any:
    """The value with text in the place of bytes; bytes that are none become `{"b64": ...}`."""
    if isinstance(value, list):
        return [_texts(each) for each in cast("list[Any]", value)]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value
