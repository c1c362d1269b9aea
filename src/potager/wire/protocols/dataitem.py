"""CBOR (RFC 8949) as Smithy's protocols use it: data items read into plain values, and bytes written by a shape.

Own code rather than a library: it knows the few tags that the protocol has and no others (no regular expressions,
shared references or sets that a stranger could abuse), and depth and number of items are bounded. A request of forty
items takes 20 microseconds; `cbor2` takes 3, which is not worth its tags.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from potager.wire import timestamp
from potager.wire.protocols.shapes import Compiler, Memo

MAX_DEPTH = 64
MAX_ITEMS = 200_000
"""Data items in one document, keys included."""

UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, SIMPLE = range(8)
EPOCH, BIGNUM, NEGATIVE_BIGNUM = 1, 2, 3
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_BREAK = object()


class NotCbor(ValueError):
    """The bytes are not one data item that the protocol knows; the text says why."""


def loads(data: bytes) -> Any:
    """The one data item that the bytes hold; `undefined` is None, tag 1 a datetime. `NotCbor` for all else."""
    reader = _Reader(data)
    value = reader.item(0)
    if value is _BREAK:
        raise NotCbor("a break stands outside of any list or map")
    if reader.at != len(data):
        raise NotCbor("bytes follow the data item")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._left = MAX_ITEMS

    def item(self, depth: int) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise NotCbor(f"it has more than {MAX_DEPTH} levels or {MAX_ITEMS} items")
        at = self.at
        if at >= len(self.data):
            raise NotCbor("it ends in the middle of a data item")
        initial = self.data[at]
        self.at = at + 1
        major, info = initial >> 5, initial & 31
        if major == TEXT:
            return self._text(info)
        if major == SIMPLE:
            return self._simple(info)
        if major == LIST:
            return self._list(info, depth)
        if major == MAP:
            return self._map(info, depth)
        if major == BYTES:
            return self._string(BYTES, info)
        if major == TAG:
            return self._tag(self._argument(info), depth)
        return self._argument(info) if major == UNSIGNED else -1 - self._argument(info)

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise NotCbor("it ends in the middle of a data item")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        width = _WIDTHS.get(info)
        if width is None:
            raise NotCbor(f"a data item has the reserved length {info}")
        return int.from_bytes(self._take(width), "big")

    def _string(self, major: int, info: int) -> bytes:
        if info != _INDEFINITE:
            return self._take(self._argument(info))
        parts: list[bytes] = []
        while (initial := self._take(1)[0]) != 0xFF:
            self._left -= 1
            if initial >> 5 != major or initial & 31 == _INDEFINITE or self._left < 0:
                raise NotCbor("a string of no definite length holds something else than such strings")
            parts.append(self._take(self._argument(initial & 31)))
        return b"".join(parts)

    def _text(self, info: int) -> str:
        try:
            return self._string(TEXT, info).decode()
        except UnicodeDecodeError as error:
            raise NotCbor("a text is not UTF-8") from error

    def _simple(self, info: int) -> Any:
        if info in _FLOATS:
            form, width = _FLOATS[info]
            return struct.unpack(form, self._take(width))[0]
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info == _INDEFINITE:
            return _BREAK
        raise NotCbor(f"the simple value {info} has no meaning here")

    def _list(self, info: int, depth: int) -> list[Any]:
        if info != _INDEFINITE:
            # A length is a promise: what is not there is missed at once, so nothing is made for it.
            return [self._value(depth) for _ in range(self._argument(info))]
        items: list[Any] = []
        while (value := self.item(depth + 1)) is not _BREAK:
            items.append(value)
        return items

    def _map(self, info: int, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        left = -1 if info == _INDEFINITE else self._argument(info)
        while left:
            key = self.item(depth + 1)
            if key is _BREAK and left < 0:
                break
            if type(key) is not str:
                raise NotCbor("a map has a key that is no text")
            entries[key] = self._value(depth)
            left -= 1
        return entries

    def _value(self, depth: int) -> Any:
        value = self.item(depth + 1)
        if value is _BREAK:
            raise NotCbor("a break stands where a value is missing")
        return value

    def _tag(self, tag: int, depth: int) -> Any:
        value = self._value(depth)
        if tag == EPOCH and type(value) in (int, float):
            try:
                return timestamp.from_epoch(value)
            except ValueError as error:
                raise NotCbor(str(error)[:200]) from error
        if tag in (BIGNUM, NEGATIVE_BIGNUM) and type(value) is bytes and len(value) <= 64:
            number = int.from_bytes(value, "big")
            return number if tag == BIGNUM else -1 - number
        raise NotCbor(f"tag {tag} has no meaning here, or not on such a value")


# --- writing

Write = Callable[[bytearray, Any], None]
"""`write(out, value)` appends a data item to `out`."""

_NULL, _FALSE, _TRUE = b"\xf6", b"\xf4", b"\xf5"


def write(shape: Shape, value: Any) -> bytes:
    """The data item of a shape's value; members that are unknown or None are left out."""
    out = bytearray()
    _writer(shape)(out, value)
    return bytes(out)


def head(major: int, argument: int) -> bytes:
    """The first bytes of a data item, as short as can be."""
    initial = major << 5
    if argument < 24:
        return bytes((initial | argument,))
    for info, width in _WIDTHS.items():
        if argument < 1 << 8 * width:
            return bytes((initial | info,)) + argument.to_bytes(width, "big")
    raise ValueError(f"{argument} does not fit into 64 bits")


def text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    return head(TEXT, len(data)) + data


def _build(shape: Shape, memo: Memo[Write]) -> Write:
    if isinstance(shape, StructureShape):
        return memo.put(shape, _any) if shape.is_document_type else _structure(shape, memo)
    if isinstance(shape, ListShape):
        return _list(shape, memo)
    if isinstance(shape, MapShape):
        return _map(shape, memo)
    return memo.put(shape, _SCALARS.get(shape.type_name, _any))


def _structure(shape: StructureShape, memo: Memo[Write]) -> Write:
    fields: dict[str, tuple[bytes, Write]] = {}

    def write_structure(out: bytearray, value: Mapping[str, Any]) -> None:
        given = [(fields[name], item) for name, item in value.items() if item is not None and name in fields]
        out += head(MAP, len(given))
        for (key, write_member), item in given:
            out += key
            write_member(out, item)

    memo.put(shape, write_structure)
    # By the members' own names: `locationName` is there for the service's other protocols.
    fields.update((name, (text(name), memo.of(member))) for name, member in shape.members.items())
    return write_structure


def _list(shape: ListShape, memo: Memo[Write]) -> Write:
    inner: list[Write] = []

    def write_list(out: bytearray, value: Any) -> None:
        out += head(LIST, len(value))
        for item in value:
            _nullable(out, inner[0], item)

    memo.put(shape, write_list)
    inner.append(memo.of(shape.member))
    return write_list


def _map(shape: MapShape, memo: Memo[Write]) -> Write:
    inner: list[Write] = []

    def write_map(out: bytearray, value: Mapping[str, Any]) -> None:
        out += head(MAP, len(value))
        for key, item in value.items():
            out += text(key)
            _nullable(out, inner[0], item)

    memo.put(shape, write_map)
    inner.append(memo.of(shape.value))
    return write_map


def _nullable(out: bytearray, write_value: Write, value: Any) -> None:
    if value is None:
        out += _NULL
    else:
        write_value(out, value)


def _text(out: bytearray, value: Any) -> None:
    out += text(str(value))


def _bytes(out: bytearray, value: bytes | str) -> None:
    data = value.encode() if isinstance(value, str) else value
    out += head(BYTES, len(data))
    out += data


def _boolean(out: bytearray, value: Any) -> None:
    out += _TRUE if value else _FALSE


def _whole(out: bytearray, value: Any) -> None:
    number = int(value)
    out += head(UNSIGNED, number) if number >= 0 else head(NEGATIVE, -1 - number)


def _float(out: bytearray, value: Any) -> None:
    """In four bytes where they hold it exactly, in two where it is no number at all."""
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        out += b"\xf9" + struct.pack(">e", number)
        return
    try:
        single = struct.pack(">f", number)
        exact = struct.unpack(">f", single)[0] == number
    except OverflowError:
        single, exact = b"", False
    out += b"\xfa" + single if exact else b"\xfb" + struct.pack(">d", number)


def _moment(out: bytearray, value: Any) -> None:
    seconds = timestamp.unix(value)
    out += head(TAG, EPOCH)
    if isinstance(seconds, int):
        _whole(out, seconds)
    else:
        out += b"\xfb" + struct.pack(">d", seconds)


def _any(out: bytearray, value: Any) -> None:
    """A document's value, or one of no modelled type: as Python has it."""
    if isinstance(value, Mapping):
        entries: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        out += head(MAP, len(entries))
        for key, item in entries.items():
            out += text(str(key))
            _nullable(out, _any, item)
    elif isinstance(value, (list, tuple)):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        out += head(LIST, len(items))
        for item in items:
            _nullable(out, _any, item)
    else:
        write_plain = next((each for kind, each in _PLAIN if isinstance(value, kind)), _text)
        _nullable(out, write_plain, value)


_PLAIN: tuple[tuple[type, Write], ...] = (
    (str, _text),
    (bool, _boolean),
    (int, _whole),
    (float, _float),
    (bytes, _bytes),
)

_SCALARS: dict[str, Write] = {
    "string": _text,
    "character": _text,
    "boolean": _boolean,
    "integer": _whole,
    "long": _whole,
    "float": _float,
    "double": _float,
    "blob": _bytes,
    "timestamp": _moment,
}

_writer = Compiler(_build)
