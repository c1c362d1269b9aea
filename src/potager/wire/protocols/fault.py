"""What the protocols' errors have in common: the modelled shape, its status, its members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from potager.kernel.errors import WireError


def shape_of(operation: OperationModel | None, code: str) -> StructureShape | None:
    """The exception shape of a code: one that the operation models, else one that its service knows."""
    if operation is None:
        return None
    shapes = [*exceptions(operation.error_shapes), *exceptions(operation.service_model.error_shapes)]
    return next((shape for shape in shapes if code in (shape.error_code, shape.name)), None)


def exceptions(shapes: Iterable[Shape]) -> list[StructureShape]:
    """All of them: that exceptions are structures is more than botocore's stubs know."""
    return [shape for shape in shapes if isinstance(shape, StructureShape)]


def codes(operation: OperationModel) -> frozenset[str]:
    """What the operation's modelled errors are called, on the wire and in the model."""
    found = exceptions(operation.error_shapes)
    return frozenset(name for shape in found for name in (shape.error_code, shape.name) if name)


def status_of(shape: StructureShape | None, error: WireError) -> int:
    """The status that the model fixes, else the error's own."""
    fixed = shape.metadata.get("error", {}).get("httpStatusCode") if shape else None
    return int(fixed) if fixed else error.status


def members(shape: StructureShape | None, error: WireError) -> dict[str, tuple[Shape, Any]]:
    """Values of the shape's members by their names; the message stands where the shape has it."""
    if shape is None:
        return {}
    given = {name.lower(): value for name, value in error.fields.items()}
    given.setdefault("message", error.message)
    return {
        name: (member, given[name.lower()])
        for name, member in shape.members.items()
        if given.get(name.lower()) is not None
    }


def body(
    operation: OperationModel | None, error: WireError, write: Callable[[Shape, Any], Any]
) -> tuple[int, dict[str, Any]]:
    """Status and JSON members of an error; clients look for `message` and for `Message`."""
    shape = shape_of(operation, error.code)
    written = {
        member.serialization.get("name", name): write(member, value)
        for name, (member, value) in members(shape, error).items()
    }
    if not any(name.lower() == "message" for name in written):
        written["message"] = error.message
    written.update({name: value for name, value in error.fields.items() if shape is None and value is not None})
    return status_of(shape, error), written


def query_header(operation: OperationModel | None, error: WireError, status: int) -> list[tuple[str, str]]:
    """For a service that spoke Query before: the code that it had there, and whose fault it is."""
    if operation is None or not operation.service_model.is_query_compatible:
        return []
    shape = shape_of(operation, error.code)
    code = shape.error_code if shape is not None and shape.error_code else error.code
    return [("x-amzn-query-error", f"{code};{sender(status)}")]


def sender(status: int) -> str:
    """Whose fault it is, as Query's errors say it."""
    return "Sender" if status < 500 else "Receiver"
