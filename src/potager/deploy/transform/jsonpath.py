"""The JSONPath that batch transform knows: `InputFilter` and `OutputFilter`.

    $   $.name   $['name']   $['a','b']   $[0]   $[-1]   $[0,2]   $[1:]   $[0,5:]   $.*   $[*]

A path that can only meet one value gives that value; one that can meet several gives them as a list, except that
several names, which end a path, give an object. Source:
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from potager.kernel.errors import Invalid

_STEP = re.compile(
    r"""\.?\[\s*(?P<inside>(?:'[^']*'|"[^"]*"|[^\]'"])*?)\s*\] | \.(?P<all>\*) | \.(?P<name>[^\s.\[\]*'"()?@$,:]+)""",
    re.VERBOSE,
)
_NAMES = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)")\s*(?:,|$)""")
_ITEM = re.compile(r"\s*(?:(-?\d+)|(-?\d+)?\s*:\s*(-?\d+)?)\s*")
SERVED = "Potager reads $, .name, ['name', ...], [number, ...], [start:end] and *, as SageMaker documents them."


@dataclass(frozen=True, slots=True)
class Names:
    """Members of an object."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """Elements of a list: indexes, and (start, end) of slices."""

    items: tuple[int | tuple[int | None, int | None], ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every member or element."""


Step = Names | Items | All


@dataclass(frozen=True, slots=True)
class Path:
    """A path, ready to select with."""

    text: str
    steps: tuple[Step, ...]

    @property
    def whole(self) -> bool:
        """Whether it selects everything: `$`."""
        return not self.steps

    @property
    def names(self) -> bool:
        """Whether it names members, which a row of CSV has none of."""
        return any(isinstance(step, Names) for step in self.steps)

    def select(self, value: Any) -> Any:
        """The part of a JSON value; `LookupError` tells what it lacks.

        >>> parse("$[1:]").select([1, 2, 3]), parse("$.a['b','c']").select({"a": {"b": 1, "c": 2}})
        ([2, 3], {'b': 1, 'c': 2})
        """
        found: list[Any] = [value]
        several = False
        for step in self.steps:
            several = several or _spreads(step)
            found = [part for each in found for part in self._parts(each, step)]
        return found if several else found[0]

    def _parts(self, value: Any, step: Step) -> list[Any]:
        if isinstance(step, Names):
            if not isinstance(value, dict):
                raise LookupError(f"'{self.text}' looks for the member '{step.names[0]}' in what is no object.")
            return [self._members(cast("dict[str, Any]", value), step.names)]
        if isinstance(step, All) and isinstance(value, dict):
            return list(cast("dict[str, Any]", value).values())
        if not isinstance(value, list):
            raise LookupError(f"'{self.text}' looks for elements in what is no list.")
        values = cast("list[Any]", value)
        return values if isinstance(step, All) else self._elements(values, step.items)

    def _members(self, value: dict[str, Any], names: tuple[str, ...]) -> Any:
        for name in names:
            if name not in value:
                raise LookupError(f"'{self.text}' looks for the member '{name}', which is not there.")
        return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}

    def _elements(self, values: list[Any], items: Sequence[int | tuple[int | None, int | None]]) -> list[Any]:
        chosen: list[Any] = []
        for item in items:
            if isinstance(item, tuple):
                chosen += values[slice(*item)]
            elif -len(values) <= item < len(values):
                chosen.append(values[item])
            else:
                raise LookupError(f"'{self.text}' looks for element {item} of {len(values)}.")
        return chosen


def _spreads(step: Step) -> bool:
    if isinstance(step, Items):
        return len(step.items) > 1 or any(isinstance(item, tuple) for item in step.items)
    return isinstance(step, All)


def parse(text: str) -> Path:
    """A path out of its text; `Invalid` says what in it is not served."""
    if not text.startswith("$"):
        raise Invalid(f"The JSONPath '{text}' does not begin with '$'. {SERVED}")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        found = _STEP.match(text, position)
        step = _step(found) if found else None
        if found is None or step is None:
            raise Invalid(f"The JSONPath '{text}' cannot be read from '{text[position:]}' on. {SERVED}")
        steps.append(step)
        position = found.end()
    if any(isinstance(step, Names) and len(step.names) > 1 for step in steps[:-1]):
        raise Invalid(f"In the JSONPath '{text}', several names stand before the end. {SERVED}")
    return Path(text, tuple(steps))


def _step(found: re.Match[str]) -> Step | None:
    if found["all"]:
        return All()
    if found["name"]:
        return Names((found["name"],))
    inside = found["inside"]
    if inside == "*":
        return All()
    return _names(inside) if inside[:1] in ("'", '"') else _items(inside)


def _names(inside: str) -> Names | None:
    names: list[str] = []
    position = 0
    while position < len(inside):
        found = _NAMES.match(inside, position)
        if found is None:
            return None
        names.append(found[1] if found[1] is not None else found[2])
        position = found.end()
    return None if inside.rstrip().endswith(",") else Names(tuple(names))


def _items(inside: str) -> Items | None:
    found = [_ITEM.fullmatch(part) for part in inside.split(",")]
    if not all(found):
        return None
    return Items(tuple(_item(each) for each in found if each))


def _item(found: re.Match[str]) -> int | tuple[int | None, int | None]:
    if found[1] is not None:
        return int(found[1])
    start, end = (None if text is None else int(text) for text in (found[2], found[3]))
    return start, end
