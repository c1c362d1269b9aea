"""XML elements and shapes: what a shape reads out of a node, and what it writes as text.

Source: https://smithy.io/2.0/spec/protocol-traits.html#xml-bindings
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from potager.wire import timestamp
from potager.wire.protocols import text
from potager.wire.protocols.shapes import Compiler, Memo, Mistyped, lower_camel
from potager.wire.protocols.xml import Node, escape

Read = Callable[[list[Node]], Any]
"""Takes the nodes of one name: several for a flattened list, else one."""

Write = Callable[[list[str], str, Any], None]
"""`write(out, name, value)` appends the element `name` to `out`."""


def read(shape: Shape, node: Node) -> Any:
    """What a shape makes of an element; `Mistyped` where it cannot."""
    return _reader(shape)([node])


def write(shape: Shape, name: str, value: Any, namespace: str = "", *, milliseconds: bool = False) -> str:
    """The element `name` that holds a value; members that are unknown or None are left out."""
    out: list[str] = []
    (_writer_ms if milliseconds else _writer)(shape)(out, name, value)
    if namespace:
        out[0] = out[0].replace(f"<{name}", f'<{name} xmlns="{namespace}"', 1)
    return "".join(out)


def list_name(shape: Shape, default: str) -> str:
    """What a member's elements are called; a flattened list whose items have a name goes by that name."""
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return shape.member.serialization.get("name") or shape.serialization.get("name", default)
    return shape.serialization.get("name", default)


# --- reading


def _build_reader(shape: Shape, memo: Memo[Read]) -> Read:
    if isinstance(shape, StructureShape):
        return _structure_reader(shape, memo)
    if isinstance(shape, ListShape):
        return _list_reader(shape, memo)
    if isinstance(shape, MapShape):
        return _map_reader(shape, memo)
    scalar = text.reader(shape)
    return memo.put(shape, lambda nodes: scalar(nodes[0].text))


def _structure_reader(shape: StructureShape, memo: Memo[Read]) -> Read:
    fields: dict[str, tuple[str, Read]] = {}
    attributes: dict[str, tuple[str, text.Reader]] = {}

    def read_structure(nodes: list[Node]) -> dict[str, Any]:
        node = nodes[0]
        grouped: dict[str, list[Node]] = {}
        for child in node.children:
            grouped.setdefault(child.name, []).append(child)
        members: dict[str, Any] = {}
        for name, found in grouped.items():
            if name in fields:
                member, read_member = fields[name]
                members[member] = _climbing(read_member, found, member)
        for name, value in node.attributes.items():
            if name in attributes:
                member, read_text = attributes[name]
                members[member] = read_text(value)
        return members

    memo.put(shape, read_structure)
    for name, member in shape.members.items():
        if member.serialization.get("location"):
            continue
        if member.serialization.get("xmlAttribute"):
            local = member.serialization.get("name", name).rpartition(":")[2]
            attributes[local] = (name, text.reader(member))
            continue
        compiled = (name, memo.of(member))
        fields.setdefault(member.serialization.get("name", name), compiled)
        fields.setdefault(list_name(member, name), compiled)
    return read_structure


def _climbing(read_member: Read, nodes: list[Node], member: str) -> Any:
    try:
        return read_member(nodes)
    except Mistyped as error:
        raise error.within(lower_camel(member)) from None


def _list_reader(shape: ListShape, memo: Memo[Read]) -> Read:
    item: list[Read] = []
    flattened = bool(shape.serialization.get("flattened"))

    def read_list(nodes: list[Node]) -> list[Any]:
        return [item[0]([node]) for node in (nodes if flattened else nodes[0].children)]

    memo.put(shape, read_list)
    item.append(memo.of(shape.member))
    return read_list


def _map_reader(shape: MapShape, memo: Memo[Read]) -> Read:
    parts: list[Read] = []
    flattened = bool(shape.serialization.get("flattened"))
    names = (shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value"))

    def read_map(nodes: list[Node]) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for entry in nodes if flattened else nodes[0].children:
            key, value = entry.child(names[0]), entry.child(names[1])
            if key is None or value is None:
                raise Mistyped(f"an entry without <{names[0]}> or <{names[1]}>")
            entries[parts[0]([key])] = parts[1]([value])
        return entries

    memo.put(shape, read_map)
    parts.extend((memo.of(shape.key), memo.of(shape.value)))
    return read_map


_reader = Compiler(_build_reader)


# --- writing


def _build_writer(shape: Shape, memo: Memo[Write]) -> Write:
    if isinstance(shape, StructureShape):
        return _structure_writer(shape, memo)
    if isinstance(shape, ListShape):
        return _list_writer(shape, memo)
    if isinstance(shape, MapShape):
        return _map_writer(shape, memo)
    return memo.put(shape, _scalar_writer(text.writer(shape, "iso8601"), safe=shape.type_name in _SAFE))


_SAFE = ("integer", "long", "boolean", "timestamp")
"""Types whose texts need no escapes."""


def _build_writer_ms(shape: Shape, memo: Memo[Write]) -> Write:
    # S3 writes `.000Z` even where a second is whole, and clients that are not boto3 parse for it.
    if shape.type_name == "timestamp" and "timestampFormat" not in shape.serialization:
        return memo.put(shape, _scalar_writer(timestamp.iso_milliseconds, safe=True))
    return _build_writer(shape, memo)


def _scalar_writer(scalar: text.Writer, *, safe: bool) -> Write:
    def write_safe(out: list[str], tag: str, value: Any) -> None:
        out.append(f"<{tag}>{scalar(value)}</{tag}>")

    def write_scalar(out: list[str], tag: str, value: Any) -> None:
        out.append(f"<{tag}>{escape(scalar(value))}</{tag}>")

    return write_safe if safe else write_scalar


def _structure_writer(shape: StructureShape, memo: Memo[Write]) -> Write:
    fields: dict[str, tuple[str, Write]] = {}
    attributes: dict[str, tuple[str, text.Writer]] = {}
    declared = _namespace(shape)

    def write_structure(out: list[str], tag: str, value: Mapping[str, Any]) -> None:
        out.append(f"<{tag}{declared}{_attributes(attributes, value) if attributes else ''}>")
        for name, item in value.items():
            found = fields.get(name)
            if found is not None and item is not None:
                found[1](out, found[0], item)
        out.append(f"</{tag}>")

    memo.put(shape, write_structure)
    for name, member in shape.members.items():
        if member.serialization.get("location"):
            continue
        if member.serialization.get("xmlAttribute"):
            attributes[name] = (member.serialization.get("name", name), text.writer(member, "iso8601"))
        else:
            fields[name] = (list_name(member, name), memo.of(member))
    return write_structure


def _attributes(bound: Mapping[str, tuple[str, text.Writer]], value: Mapping[str, Any]) -> str:
    given = ((key, scalar(value[name])) for name, (key, scalar) in bound.items() if value.get(name) is not None)
    return "".join(f' {key}="{escape(written)}"' for key, written in given)


def _namespace(shape: Shape) -> str:
    # The default namespace stands on the root alone; prefixes are declared where the model has them.
    trait: Any = shape.serialization.get("xmlNamespace")
    return f' xmlns:{trait["prefix"]}="{trait["uri"]}"' if "prefix" in (trait or ()) else ""


def _list_writer(shape: ListShape, memo: Memo[Write]) -> Write:
    item: list[Write] = []
    flattened = bool(shape.serialization.get("flattened"))
    inner = shape.member.serialization.get("name", "member")

    def write_list(out: list[str], tag: str, value: Any) -> None:
        if flattened:
            for entry in value:
                item[0](out, tag, entry)
            return
        out.append(f"<{tag}>")
        for entry in value:
            item[0](out, inner, entry)
        out.append(f"</{tag}>")

    memo.put(shape, write_list)
    item.append(memo.of(shape.member))
    return write_list


def _map_writer(shape: MapShape, memo: Memo[Write]) -> Write:
    parts: list[Write] = []
    flattened = bool(shape.serialization.get("flattened"))
    names = (shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value"))

    def write_map(out: list[str], tag: str, value: Mapping[str, Any]) -> None:
        if not flattened:
            out.append(f"<{tag}>")
        for key, item in value.items():
            out.append(f"<{tag if flattened else 'entry'}>")
            parts[0](out, names[0], key)
            parts[1](out, names[1], item)
            out.append(f"</{tag if flattened else 'entry'}>")
        if not flattened:
            out.append(f"</{tag}>")

    memo.put(shape, write_map)
    parts.extend((memo.of(shape.key), memo.of(shape.value)))
    return write_map


_writer = Compiler(_build_writer)
_writer_ms = Compiler(_build_writer_ms)
