"""A stored document as a shape shows it: only what the model knows, None left out.

`Describe` and `List` are this and little more. Values are not converted: the protocol writes datetimes and epoch
seconds alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from potager.wire.protocols.shapes import Compiler, Memo

Projection = Callable[[Any], Any]


def project(shape: Shape | None, doc: Mapping[str, Any]) -> dict[str, Any]:
    """The document's members that the shape knows, recursively, None dropped."""
    return cast("dict[str, Any]", _projector(shape)(doc)) if shape is not None else {}


def unknown(shape: Shape | None, doc: Any, path: str = "") -> Iterator[str]:
    """Paths of what a document holds and its shape does not know: what `project` would leave out."""
    if isinstance(shape, StructureShape) and not shape.is_document_type and isinstance(doc, Mapping):
        for name, value in cast("Mapping[str, Any]", doc).items():
            at = f"{path}.{name}" if path else name
            if name not in shape.members:
                yield at
            else:
                yield from unknown(shape.members[name], value, at)
    elif isinstance(shape, ListShape) and isinstance(doc, (list, tuple)):
        for index, value in enumerate(cast("list[Any]", doc)):
            yield from unknown(shape.member, value, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(doc, Mapping):
        for key, value in cast("Mapping[str, Any]", doc).items():
            yield from unknown(shape.value, value, f"{path}[{key!r}]")


def _build(shape: Shape, memo: Memo[Projection]) -> Projection:
    if isinstance(shape, StructureShape):
        plain = shape.is_document_type or shape.serialization.get("eventstream")
        return memo.put(shape, _same) if plain else _structure(shape, memo)
    if isinstance(shape, ListShape):
        return _list(shape, memo)
    if isinstance(shape, MapShape):
        return _map(shape, memo)
    return memo.put(shape, _same)


def _same(value: Any) -> Any:
    return value


def _structure(shape: StructureShape, memo: Memo[Projection]) -> Projection:
    fields: dict[str, Projection] = {}

    def project_structure(value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: fields[name](item) for name, item in value.items() if item is not None and name in fields}

    memo.put(shape, project_structure)
    fields.update((name, memo.of(member)) for name, member in shape.members.items())
    return project_structure


def _list(shape: ListShape, memo: Memo[Projection]) -> Projection:
    inner: list[Projection] = []

    def project_list(value: Any) -> list[Any]:
        return [inner[0](item) for item in value if item is not None]

    memo.put(shape, project_list)
    inner.append(memo.of(shape.member))
    return project_list


def _map(shape: MapShape, memo: Memo[Projection]) -> Projection:
    inner: list[Projection] = []

    def project_map(value: Mapping[str, Any]) -> dict[str, Any]:
        return {key: inner[0](item) for key, item in value.items() if item is not None}

    memo.put(shape, project_map)
    inner.append(memo.of(shape.value))
    return project_map


_projector = Compiler(_build)
