"""Compiles shapes: a closure a shape, made once, kept as long as the model is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from botocore.model import Shape

C = TypeVar("C")


class Memo(Generic[C]):
    """What has been compiled under one top shape; shapes of a recursive model find themselves here."""

    def __init__(self, build: Callable[[Shape, Memo[C]], C]) -> None:
        self._build = build
        self._made: dict[str, C] = {}

    def of(self, shape: Shape) -> C:
        key = self._key(shape)
        made = self._made.get(key)
        return self._build(shape, self) if made is None else made

    def put(self, shape: Shape, made: C) -> C:
        """Keeps what a shape compiles to; containers call it before they compile their members."""
        self._made[self._key(shape)] = made
        return made

    @staticmethod
    def _key(shape: Shape) -> str:
        return f"{shape.name} {shape.serialization}"


class Compiler(Generic[C]):
    """`compiler(shape)` gives the shape's closure, compiled when first asked for."""

    def __init__(self, build: Callable[[Shape, Memo[C]], C]) -> None:
        self._build = build
        self._tops: WeakKeyDictionary[Shape, C] = WeakKeyDictionary()

    def __call__(self, shape: Shape) -> C:
        made = self._tops.get(shape)
        if made is None:
            made = self._tops[shape] = Memo(self._build).of(shape)
        return made


class Mistyped(ValueError):
    """A value that cannot be what its shape says; the path is gathered while the error climbs out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path: list[str] = []

    def within(self, *names: str) -> Mistyped:
        self.path[:0] = names
        return self

    def __str__(self) -> str:
        return f"{self.problem} at '{'.'.join(self.path)}'" if self.path else self.problem


def lower_camel(name: str) -> str:
    """A member's name as AWS's messages spell it: `trainingJobName`, `vpcConfig`, `KMSKeyId` as `kMSKeyId`."""
    return name[:1].lower() + name[1:]
