"""Scalars as text: in headers, in queries, in paths, in forms and between XML's tags."""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, Shape

from potager.wire import timestamp
from potager.wire.protocols.shapes import Mistyped

Reader = Callable[[str], Any]
Writer = Callable[[Any], str]

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_RANGES = {"integer": 2**31, "long": 2**63}


def reader(shape: Shape) -> Reader:
    """Reads a scalar out of text; `Mistyped` when it is not one."""
    kind = shape.type_name
    if kind in _RANGES:
        return _whole(kind)
    return _READERS.get(kind, _string)


def writer(shape: Shape, moment: str) -> Writer:
    """Writes a scalar as text; `moment` is the place's own timestamp format (`iso8601`, `rfc822`)."""
    if shape.type_name == "timestamp":
        write_moment = timestamp.WRITERS[shape.serialization.get("timestampFormat", moment).lower()]
        return lambda value: str(write_moment(value))
    return _WRITERS.get(shape.type_name, str)


def header_reader(shape: Shape) -> Reader:
    """As `reader`, for headers: also lists, and JSON in base64 (`jsonvalue`)."""
    if isinstance(shape, ListShape):
        item = reader(shape.member)
        split = split_dates if shape.member.type_name == "timestamp" else split_list
        return lambda value: [item(part) for part in split(value)]
    if shape.serialization.get("jsonvalue"):
        return _json_value
    return reader(shape)


def header_writer(shape: Shape) -> Writer:
    """As `writer`, for headers."""
    if isinstance(shape, ListShape):
        item = writer(shape.member, "rfc822")
        return lambda value: ",".join(_listed(item(part)) for part in value)
    if shape.serialization.get("jsonvalue"):
        return lambda value: b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    return writer(shape, "rfc822")


def split_list(value: str) -> list[str]:
    """The items of a header's list; an item in double quotes may hold commas (RFC 9110, section 5.6.1)."""
    if '"' not in value:
        return [part.strip() for part in value.split(",") if part.strip()]
    parts = re.findall(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)', value)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip() for quoted, plain in parts if quoted or plain]


def split_dates(value: str) -> list[str]:
    """HTTP dates have a comma of their own."""
    return [part.strip() for part in re.findall(r"[^,]+,[^,]+", value)]


def _listed(item: str) -> str:
    return '"' + item.replace('"', '\\"') + '"' if '"' in item or "," in item else item


def safe_header(value: str) -> str:
    """A header value that cannot end its line, as Latin-1 text; other characters travel as their UTF-8 bytes."""
    if value.isascii() and value.isprintable():
        return value
    if "\r" in value or "\n" in value or "\0" in value:
        value = re.sub(r"[\r\n\0]+", " ", value)
    if value.isascii():
        return value
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode("latin-1")
    return value


def _string(value: str) -> str:
    return value


def _boolean(value: str) -> bool:
    if (lower := value.strip().lower()) in ("true", "false"):
        return lower == "true"
    raise Mistyped(f"'{value[:40]}' can not be converted to a Boolean")


def _whole(kind: str) -> Reader:
    limit = _RANGES[kind]

    def read_whole(value: str) -> int:
        text = value.strip()
        if not _WHOLE.fullmatch(text) or not -limit <= int(text) < limit:
            raise Mistyped(f"'{value[:40]}' can not be converted to an Integer")
        return int(text)

    return read_whole


def _float(value: str) -> float:
    try:
        return float(value.replace("_", "x"))
    except ValueError:
        raise Mistyped(f"'{value[:40]}' can not be converted to a Double") from None


def _blob(value: str) -> bytes:
    try:
        return a2b_base64("".join(value.split()).encode("ascii"), strict_mode=True) if value.strip() else b""
    except (Base64Error, UnicodeEncodeError) as error:
        raise Mistyped(f"the value is not base64 ({error})") from error


def _timestamp(value: str) -> Any:
    try:
        return timestamp.parse(value)
    except ValueError as error:
        raise Mistyped(f"'{value[:40]}' can not be converted to a Timestamp") from error


def _json_value(value: str) -> Any:
    try:
        return json.loads(_blob(value))
    except (ValueError, RecursionError) as error:
        raise Mistyped("the value is not JSON in base64") from error


def _write_boolean(value: Any) -> str:
    return "true" if value else "false"


def _write_float(value: float) -> str:
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_blob(value: bytes | str) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


_READERS: dict[str, Reader] = {
    "boolean": _boolean,
    "float": _float,
    "double": _float,
    "blob": _blob,
    "timestamp": _timestamp,
}
_WRITERS: dict[str, Writer] = {
    "boolean": _write_boolean,
    "float": _write_float,
    "double": _write_float,
    "blob": _write_blob,
    "integer": lambda value: str(int(value)),
    "long": lambda value: str(int(value)),
}
