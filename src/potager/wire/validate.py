"""Members held against what the model says of them: required, lengths, ranges, patterns, enums.

The messages are AWS's own, word for word as far as we have seen them, because programs match them:

    2 validation errors detected: Value 'x_y' at 'trainingJobName' failed to satisfy constraint: Member must satisfy
    regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; Value null at 'roleArn' failed to satisfy constraint:
    Member must not be null
"""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from potager.kernel.body import Body
from potager.kernel.errors import Invalid
from potager.wire import errata, pattern, timestamp
from potager.wire.protocols.document import unreadable
from potager.wire.protocols.shapes import Compiler, Memo, lower_camel

Check = Callable[[Any, str, list[str]], Any]
"""`check(value, path, problems)` gives the value without unknown members and appends what is wrong with it."""

Rule = Callable[[Any], str | None]
"""What a scalar fails to be, None when it is right."""

NOT_NULL = "Member must not be null"
MAX_SHOWN = 256
MAX_PROBLEMS = 100
MAX_MATCHED = 256
MOST_FLOAT = 3.4028234663852886e38
"""The greatest number of 32 bits."""


def validate(shape: Shape | None, params: Mapping[str, Any]) -> dict[str, Any]:
    """The members that the shape knows, None dropped, timestamps as datetimes; `Invalid` lists all that is wrong.

    A value of another type than the model's raises `SerializationException`. Absent idempotency tokens that are
    required are made up, as every SDK does.
    """
    if shape is None:
        return {}
    problems: list[str] = []
    value = _checker(shape)(params, "", problems)
    if problems:
        raise Invalid(_sentence(problems))
    return cast("dict[str, Any]", value)


def _sentence(problems: list[str]) -> str:
    count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    return f"{count} detected: {'; '.join(problems[:MAX_PROBLEMS])}"


def failure(value: Any, path: str, constraint: str) -> str:
    """One problem as AWS words it."""
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    text = _java(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def _java(value: Any, depth: int = 0) -> str:
    """As Java prints it: `[a, b]`, `{k=v}`, `true`."""
    if depth > 4:
        return "..."
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        entries = list(cast("Mapping[str, Any]", value).items())[:32]
        return "{" + ", ".join(f"{key}={_java(item, depth + 1)}" for key, item in entries) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_java(item, depth + 1) for item in cast("list[Any]", value)[:32]) + "]"
    if isinstance(value, (bytes, bytearray)):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _build(shape: Shape, memo: Memo[Check]) -> Check:
    if isinstance(shape, StructureShape) and shape.serialization.get("eventstream"):
        return memo.put(shape, _events(_structure(shape, memo)))
    if isinstance(shape, StructureShape):
        return memo.put(shape, _pass) if shape.is_document_type else _structure(shape, memo)
    if isinstance(shape, ListShape):
        return _list(shape, memo)
    if isinstance(shape, MapShape):
        return _map(shape, memo)
    return memo.put(shape, _scalar(shape))


def _pass(value: Any, path: str, problems: list[str]) -> Any:
    return value


def _stream(value: Any, path: str, problems: list[str]) -> Any:
    """A handler gets a `Body`, also from another room that has the bytes at hand."""
    if isinstance(value, str):
        value = value.encode()
    return Body.of(bytes(value)) if isinstance(value, (bytes, bytearray)) else value


def _events(check: Check) -> Check:
    """Events are checked one by one as they come; a bad one raises `Invalid` at the handler that takes it."""

    async def checked(events: AsyncIterable[Any]) -> AsyncIterator[Any]:
        async for event in events:
            problems: list[str] = []
            value = check(event, "", problems)
            if problems:
                raise Invalid(_sentence(problems))
            yield value

    return lambda value, path, problems: checked(value)


def _structure(shape: StructureShape, memo: Memo[Check]) -> Check:
    fields: dict[str, tuple[str, Check]] = {}
    required = [(name, lower_camel(name)) for name in shape.required_members]
    tokens = {name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")}
    union = shape.is_tagged_union

    def check_structure(value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, Mapping):
            raise unreadable(f"{type(value).__name__} can not be converted to a Structure at '{path}'.")
        members: dict[str, Any] = {}
        before = path + "." if path else ""
        given = cast("Mapping[str, Any]", value)
        for name, item in given.items():
            field = fields.get(name)
            if field is not None and item is not None:
                members[name] = field[1](item, before + field[0], problems)
        for name, shown in required:
            if name not in members:
                if name in tokens:
                    members[name] = str(uuid.uuid4())
                else:
                    problems.append(failure(None, before + shown, NOT_NULL))
        if union and len(members) != 1:
            what = ", ".join(name for name, _ in fields.values())
            problems.append(failure(members, path, f"Member must have exactly one of: [{what}]"))
        return members

    memo.put(shape, check_structure)
    for name, member in shape.members.items():
        fields[name] = (lower_camel(name), memo.of(member))
    return check_structure


def _list(shape: ListShape, memo: Memo[Check]) -> Check:
    inner: list[Check] = []
    length = _length_rules(shape)
    plain = not isinstance(shape.member, (StructureShape, ListShape, MapShape))
    summary = _summary(shape.member) if plain else ""

    def check_list(value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, (list, tuple)):
            raise unreadable(f"{type(value).__name__} can not be converted to a List at '{path}'.")
        items = cast("list[Any]", value)
        problems.extend(failure(items, path, problem) for rule in length if (problem := rule(items)))
        if plain:
            found: list[str] = []
            checked = [item if item is None else inner[0](item, path, found) for item in items]
            if found or None in checked:
                problems.append(failure(items, path, f"Member must satisfy constraint: [{summary}]"))
            return checked
        checked = list[Any]()
        for index, item in enumerate(items, 1):
            at = f"{path}.{index}.member"
            if item is None:
                problems.append(failure(None, at, NOT_NULL))
            else:
                checked.append(inner[0](item, at, problems))
        return checked

    memo.put(shape, check_list)
    inner.append(memo.of(shape.member))
    return check_list


def _map(shape: MapShape, memo: Memo[Check]) -> Check:
    parts: list[Check] = []
    length = _length_rules(shape)
    plain = not isinstance(shape.value, (StructureShape, ListShape, MapShape))
    key_summary, value_summary = _summary(shape.key), _summary(shape.value) if plain else ""

    def check_map(value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, Mapping):
            raise unreadable(f"{type(value).__name__} can not be converted to a Map at '{path}'.")
        entries = cast("Mapping[str, Any]", value)
        problems.extend(failure(entries, path, problem) for rule in length if (problem := rule(entries)))
        bad_keys: list[str] = []
        bad_values: list[str] = []
        checked: dict[str, Any] = {}
        for key, item in entries.items():
            parts[0](key, path, bad_keys)
            if item is None:
                bad_values.append(NOT_NULL)
            elif plain:
                checked[key] = parts[1](item, path, bad_values)
            else:
                checked[key] = parts[1](item, f"{path}.{key}.member", problems)
        if bad_keys:
            problems.append(failure(entries, path, f"Map keys must satisfy constraint: [{key_summary}]"))
        if bad_values:
            problems.append(failure(entries, path, f"Map value must satisfy constraint: [{value_summary}]"))
        return checked

    memo.put(shape, check_map)
    parts.extend((memo.of(shape.key), memo.of(shape.value)))
    return check_map


def _scalar(shape: Shape) -> Check:
    types = _TYPES.get(shape.type_name)
    rules = _rules(shape)
    hidden = bool(shape.metadata.get("sensitive"))
    if shape.type_name == "timestamp":
        return _moment
    if shape.serialization.get("streaming"):
        return _stream
    if types is None:
        return _pass
    wanted = shape.type_name.capitalize()

    def check_scalar(value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, types) or (type(value) is bool and bool not in types):
            raise unreadable(f"{type(value).__name__} can not be converted to a {wanted} at '{path}'.")
        for rule in rules:
            if problem := rule(value):
                shown = "[sensitive]" if hidden else value
                problems.append(failure(shown, path, problem))
        return value

    return check_scalar


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "blob": (bytes, bytearray, memoryview),
}


def _moment(value: Any, path: str, problems: list[str]) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        return timestamp.from_epoch(timestamp.epoch(value)) if isinstance(value, datetime) else timestamp.parse(value)
    except ValueError:
        raise unreadable(f"{type(value).__name__} can not be converted to a Timestamp at '{path}'.") from None


def _rules(shape: Shape) -> list[Rule]:
    if isinstance(shape, StringShape):
        return [*_pattern_rules(shape), *_length_rules(shape), *_enum_rules(shape)]
    if shape.type_name == "blob":
        return _length_rules(shape)
    return _range_rules(shape)


def _pattern_rules(shape: Shape) -> list[Rule]:
    said = shape.metadata.get("pattern")
    if not said:
        return []
    constraint = f"Member must satisfy regular expression pattern: {said}"
    # A value that is too long is wrong already; matching it could take what time a stranger likes.
    longest = max(shape.metadata.get("max", math.inf), MAX_MATCHED)
    return [lambda value: constraint if len(value) <= longest and not pattern.matches(said, value) else None]


def _enum_rules(shape: StringShape) -> list[Rule]:
    if not shape.enum or shape.name in errata.S3_OPEN_ENUMS:
        return []
    allowed = frozenset(shape.enum)
    constraint = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    return [lambda value: None if value in allowed else constraint]


def _length_rules(shape: Shape) -> list[Rule]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    rules: list[Rule] = []
    if high is not None:
        most = f"Member must have length less than or equal to {high}"
        rules.append(lambda value: None if len(value) <= high else most)
    if low:
        least = f"Member must have length greater than or equal to {low}"
        rules.append(lambda value: None if len(value) >= low else least)
    return rules


def _range_rules(shape: Shape) -> list[Rule]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "float":  # of 32 bits: what is infinite there, or no number, no document can keep
        high = MOST_FLOAT if high is None else high
    rules: list[Rule] = []
    if high is not None:
        most = f"Member must have value less than or equal to {high}"
        rules.append(lambda value: None if value <= high else most)
    if low is not None:
        least = f"Member must have value greater than or equal to {low}"
        rules.append(lambda value: None if value >= low else least)
    return rules


def _summary(shape: Shape) -> str:
    """All constraints of a list's or map's plain members, which AWS tells together."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    what = "length" if isinstance(shape, StringShape) or shape.type_name == "blob" else "value"
    parts: list[str] = []
    if high is not None:
        parts.append(f"Member must have {what} less than or equal to {high}")
    if low is not None:
        parts.append(f"Member must have {what} greater than or equal to {low}")
    if said := shape.metadata.get("pattern"):
        parts.append(f"Member must satisfy regular expression pattern: {said}")
    if isinstance(shape, StringShape) and shape.enum:
        parts.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return ", ".join([*parts, NOT_NULL])


_checker = Compiler(_build)
