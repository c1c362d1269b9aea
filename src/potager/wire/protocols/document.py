"""JSON values and shapes: what a shape reads out of a JSON document, and what it writes into one.

CBOR's documents are read here as well (`reading`): they differ in their scalars alone.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from potager.kernel.errors import WireError
from potager.wire import timestamp
from potager.wire.protocols.shapes import Compiler, Memo, Mistyped, lower_camel

Codec = Callable[[Any], Any]

MAX_DEPTH = 64
"""Levels of nesting in a document; SageMaker's deepest input that is not recursive has twelve."""

_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def loads(body: bytes) -> dict[str, Any]:
    """The object that a body holds, `{}` for an empty one; `SerializationException` for all else."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"The request's body is not JSON: {error}"[:300]) from error
    if not isinstance(value, dict):
        raise unreadable(f"{_kind(value)} can not be converted to a Structure.")
    value = cast("dict[str, Any]", value)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _no_json(name: str) -> Any:
    """Python reads NaN and Infinity as numbers, which JSON does not have."""
    raise ValueError(f"{name} is no JSON")


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in _inside(item) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise unreadable(f"The request's body is nested deeper than {MAX_DEPTH} levels.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value)


def dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def unreadable(message: str) -> WireError:
    """The error of a body that cannot be read."""
    return WireError("SerializationException", message, 400)


def read(shape: Shape, value: Any) -> Any:
    """What a shape makes of a JSON value: unknown members dropped, blobs decoded, timestamps aware."""
    try:
        return _reader(shape)(value)
    except Mistyped as error:
        raise unreadable(f"{error}.") from error


def write(shape: Shape, value: Any) -> Any:
    """A JSON value for a shape's value; members that are unknown or None are left out."""
    return _writer(shape)(value)


def read_bytes(shape: Shape, data: bytes) -> Any:
    """As `read`, out of a document's bytes."""
    return read(shape, loads(data))


def write_bytes(shape: Shape, value: Any) -> bytes:
    """As `write`, as a document's bytes."""
    return dumps(write(shape, value))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return "NULL_VALUE"


_KINDS: tuple[tuple[type, str], ...] = (
    (str, "STRING_VALUE"),
    (int, "NUMBER_VALUE"),
    (float, "NUMBER_VALUE"),
    (list, "START_ARRAY"),
    (dict, "START_OBJECT"),
    (bytes, "BLOB_VALUE"),
    (datetime, "TIMESTAMP_VALUE"),
)


def mistyped(value: Any, wanted: str) -> Mistyped:
    """A value of another kind than its shape's."""
    article = "an" if wanted[0] in "AEIOU" else "a"
    return Mistyped(f"{_kind(value)} can not be converted to {article} {wanted}")


# --- reading


def reading(scalars: Mapping[str, Codec]) -> Compiler[Codec]:
    """Readers of shapes, given those of scalars by type; they raise `Mistyped`."""

    def build(shape: Shape, memo: Memo[Codec]) -> Codec:
        if isinstance(shape, StructureShape):
            return memo.put(shape, _any) if shape.is_document_type else _structure_reader(shape, memo)
        if isinstance(shape, ListShape):
            return _list_reader(shape, memo)
        if isinstance(shape, MapShape):
            return _map_reader(shape, memo)
        return memo.put(shape, scalars.get(shape.type_name, _any))

    return Compiler(build)


def _structure_reader(shape: StructureShape, memo: Memo[Codec]) -> Codec:
    fields: dict[str, tuple[str, Codec]] = {}

    def read_structure(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise mistyped(value, "Structure")
        members: dict[str, Any] = {}
        for name, given in cast("dict[str, Any]", value).items():
            field = fields.get(name)
            if field is not None and given is not None:
                try:
                    members[field[0]] = field[1](given)
                except Mistyped as error:
                    raise error.within(lower_camel(field[0])) from None
        return members

    memo.put(shape, read_structure)
    for name, member in shape.members.items():
        fields[member.serialization.get("name", name)] = (name, memo.of(member))
    return read_structure


def _list_reader(shape: ListShape, memo: Memo[Codec]) -> Codec:
    member: list[Codec] = []

    def read_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise mistyped(value, "List")
        items = cast("list[Any]", value)
        read_member = member[0]
        try:
            return [None if item is None else read_member(item) for item in items]
        except Mistyped as error:
            raise error.within(str(_first_bad(read_member, items)), "member") from None

    memo.put(shape, read_list)
    member.append(memo.of(shape.member))
    return read_list


def _first_bad(reader: Codec, items: list[Any]) -> int:
    """Counted from one, as AWS counts; found again only once there is an error to tell."""
    for index, item in enumerate(items, 1):
        try:
            if item is not None:
                reader(item)
        except Mistyped:
            return index
    return 0


def _map_reader(shape: MapShape, memo: Memo[Codec]) -> Codec:
    values: list[Codec] = []

    def read_map(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise mistyped(value, "Map")
        entries: dict[str, Any] = {}
        for key, given in cast("dict[str, Any]", value).items():
            try:
                entries[_string(key)] = None if given is None else values[0](given)
            except Mistyped as error:
                raise error.within(key, "member") from None
        return entries

    memo.put(shape, read_map)
    values.append(memo.of(shape.value))
    return read_map


def _any(value: Any) -> Any:
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise mistyped(value, "String")
    if not value.isascii() and _SURROGATE.search(value):
        # JSON can spell half a character (`\ud800`); no file name, no database and no UTF-8 can.
        raise Mistyped("The value is not valid Unicode")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise mistyped(value, "Boolean")
    return value


def _whole(type_name: str) -> Codec:
    low, high = _RANGES[type_name]
    wanted = type_name.capitalize()

    def read_whole(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise mistyped(value, wanted)
        if not low <= value <= high:
            raise Mistyped(f"{str(value)[:40]} is out of the range of {wanted}")
        return value

    return read_whole


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise Mistyped("The number is out of the range of Double") from None
    if type(value) is str and value in _SPECIAL:
        return _SPECIAL[value]
    raise mistyped(value, "Double")


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise mistyped(value, "Blob")
    try:
        return a2b_base64(value.encode("ascii"), strict_mode=True) if value else b""
    except (Base64Error, UnicodeEncodeError) as error:
        raise Mistyped(f"The value is not base64 ({error})") from error


def _timestamp(value: Any) -> Any:
    try:
        return timestamp.parse(value)
    except ValueError as error:
        raise mistyped(value, "Timestamp") from error


SCALARS: dict[str, Codec] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "integer": _whole("integer"),
    "long": _whole("long"),
    "float": _float,
    "double": _float,
    "blob": _blob,
    "timestamp": _timestamp,
}

_reader = reading(SCALARS)


# --- writing


def _build_writer(shape: Shape, memo: Memo[Codec]) -> Codec:
    if isinstance(shape, StructureShape):
        return memo.put(shape, _any) if shape.is_document_type else _structure_writer(shape, memo)
    if isinstance(shape, ListShape):
        return _list_writer(shape, memo)
    if isinstance(shape, MapShape):
        return _map_writer(shape, memo)
    if shape.type_name == "timestamp":
        return memo.put(shape, timestamp.WRITERS[shape.serialization.get("timestampFormat", "unixTimestamp").lower()])
    return memo.put(shape, _SCALAR_WRITERS.get(shape.type_name, _any))


def _structure_writer(shape: StructureShape, memo: Memo[Codec]) -> Codec:
    fields: dict[str, tuple[str, Codec]] = {}

    def write_structure(value: Mapping[str, Any]) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name, given in value.items():
            field = fields.get(name)
            if field is not None and given is not None:
                written[field[0]] = field[1](given)
        return written

    memo.put(shape, write_structure)
    for name, member in shape.members.items():
        fields[name] = (member.serialization.get("name", name), memo.of(member))
    return write_structure


def _list_writer(shape: ListShape, memo: Memo[Codec]) -> Codec:
    member: list[Codec] = []

    def write_list(value: Any) -> list[Any]:
        write_member = member[0]
        return [None if item is None else write_member(item) for item in value]

    memo.put(shape, write_list)
    member.append(memo.of(shape.member))
    return write_list


def _map_writer(shape: MapShape, memo: Memo[Codec]) -> Codec:
    values: list[Codec] = []

    def write_map(value: Mapping[str, Any]) -> dict[str, Any]:
        write_value = values[0]
        return {key: None if item is None else write_value(item) for key, item in value.items()}

    memo.put(shape, write_map)
    values.append(memo.of(shape.value))
    return write_map


def _write_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_blob(value: bytes | str) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


_SCALAR_WRITERS: dict[str, Codec] = {
    "float": _write_float,
    "double": _write_float,
    "blob": _write_blob,
    "integer": int,
    "long": int,
    "boolean": bool,
}

_writer = Compiler(_build_writer)
