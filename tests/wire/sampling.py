"""Values drawn from a shape: what a client might send, what a room might answer.

Draws respect required members, enums, lengths, ranges and, where a pattern is easily walked, patterns. `exact` says
whether all of that could be respected, so that a test may ask that the draw is valid.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from re import _constants as opcode  # pyright: ignore
from re import _parser as parser  # pyright: ignore
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from potager.wire import pattern

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXTS = "abcXYZ 059_-é<&>\"'ü/漢"


@dataclass
class Sampler:
    """Draws values.

    Parameters
    ----------
    seed : what the draws depend on.
    optional : the chance of an optional member to be there.
    plain : texts are ASCII without what protocols escape.
    """

    seed: str
    optional: float = 1.0
    plain: bool = False
    exact: bool = True
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def structure(self, shape: StructureShape, depth: int = 0) -> dict[str, Any]:
        members = dict(shape.members)
        if shape.is_tagged_union:
            name = self.random.choice(list(members))
            return {name: self.value(members[name], depth + 1)}
        keep = {
            name: member
            for name, member in members.items()
            if name in shape.required_members or (depth < 4 and self.random.random() < self.optional)
        }
        if depth and not keep and members:
            # A structure without members leaves nothing in a form or in a flattened list.
            keep = dict(self.random.sample(list(members.items()), 1))
        return {
            name: self._headers(member)
            if member.serialization.get("location") == "headers"
            else self.value(member, depth + 1)
            for name, member in keep.items()
            if not member.serialization.get("eventstream")
        }

    def value(self, shape: Shape, depth: int = 0) -> Any:
        if isinstance(shape, StructureShape):
            return {"a": [1, "b", None]} if shape.is_document_type else self.structure(shape, depth)
        if isinstance(shape, ListShape):
            return [self.value(shape.member, depth + 1) for _ in range(self._count(shape, depth))]
        if isinstance(shape, MapShape):
            pairs = [
                (self.text(shape.key), self.value(shape.value, depth + 1)) for _ in range(self._count(shape, depth))
            ]
            return dict(pairs)
        return getattr(self, "_" + shape.type_name)(shape)

    def _headers(self, shape: Shape) -> dict[str, str]:
        assert isinstance(shape, MapShape)
        return {"a-key": "a value", "b": "1, 2"}

    def _count(self, shape: Shape, depth: int) -> int:
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 2)
        return max(low, min(high, 0 if depth > 6 else self.random.choice((1, 2))))

    def _string(self, shape: Shape) -> str:
        return self.text(shape)

    def text(self, shape: Shape) -> str:
        if isinstance(shape, StringShape) and shape.enum:
            return self.random.choice(shape.enum)
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 64)
        length = max(low, min(high, self.random.randint(1, 12)))
        where = shape.serialization.get("location")
        narrow = self.plain or where in ("header", "headers", "uri") or "pattern" in shape.metadata
        drawn = "".join(self.random.choice(LETTERS if narrow else TEXTS) for _ in range(length))
        if "pattern" not in shape.metadata:
            return drawn.strip() if len(drawn.strip()) >= low else "x" * length
        return self._patterned(shape.metadata["pattern"], low, high, drawn)

    def _patterned(self, said: str, low: int, high: int, drawn: str) -> str:
        if pattern.matches(said, drawn):
            return drawn
        for _ in range(8):
            walked = self.matching(said)
            if low <= len(walked) <= high and pattern.matches(said, walked) and walked.strip() == walked and walked:
                return walked
        self.exact = False
        return drawn

    def matching(self, said: str) -> str:
        """A text that a pattern is likely to match, "" for a pattern that cannot be walked."""
        try:
            return self._walk(parser.parse(said))
        except (re.error, NotImplementedError):
            return ""

    def _walk(self, tokens: Any) -> str:
        return "".join(self._token(op, argument) for op, argument in tokens)

    def _token(self, op: Any, argument: Any) -> str:
        if op is opcode.LITERAL:
            return chr(argument)
        if op is opcode.ANY:
            return self.random.choice(LETTERS)
        if op is opcode.IN:
            return self._in(argument)
        if op in (opcode.MAX_REPEAT, opcode.MIN_REPEAT):
            low, high, inner = argument
            return "".join(self._walk(inner) for _ in range(max(low, min(int(high), self.random.randint(1, 3)))))
        if op is opcode.SUBPATTERN:
            return self._walk(argument[3])
        if op is opcode.BRANCH:
            return self._walk(self.random.choice(argument[1]))
        if op is opcode.AT:
            return ""
        raise NotImplementedError(op)

    def _in(self, choices: Any) -> str:
        op, argument = self.random.choice([choice for choice in choices if choice[0] is not opcode.NEGATE])
        if choices[0][0] is opcode.NEGATE:
            return self.random.choice(LETTERS)
        if op is opcode.LITERAL:
            return chr(argument)
        if op is opcode.RANGE:
            return chr(self.random.randint(argument[0], min(argument[1], argument[0] + 40)))
        return self.random.choice("abc")

    def _integer(self, shape: Shape) -> int:
        low, high = shape.metadata.get("min", -3), shape.metadata.get("max", 1000)
        return self.random.randint(int(low), int(max(low, high)))

    _long = _integer

    def _double(self, shape: Shape) -> float:
        low, high = shape.metadata.get("min", -3), shape.metadata.get("max", 1000)
        return round(self.random.uniform(float(low), float(max(low, high))), 3)

    _float = _double

    def _boolean(self, shape: Shape) -> bool:
        return self.random.random() < 0.5

    def _blob(self, shape: Shape) -> bytes:
        length = max(shape.metadata.get("min", 0), 5)
        return bytes(self.random.randint(1, 127) for _ in range(length))

    def _timestamp(self, shape: Shape) -> datetime:
        return datetime.fromtimestamp(self.random.randint(0, 2**31), UTC)
