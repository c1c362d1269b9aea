"""Metric math: expressions over the results of other queries. Pure.

    read("SUM([m1, m2]) / PERIOD(m1)") ─► a tree ─► value(tree, Scene) ─► a number, a series, or several series

A series is values by moment. Between two series, moments that one of them lacks are left out, as on AWS.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import math
import operator
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from potager.kernel.errors import Invalid, Unserved

Series = dict[float, float]
Value = float | Series | list[Series]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^()\[\],<>])|(?P<wrong>\S))"
)
_LEVELS = (("||", "OR"), ("&&", "AND"), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
FILLS = ("REPEAT", "LINEAR")
"""What FILL takes beside numbers and series."""
DEEPEST = 50
"""Brackets within brackets of one expression."""
MOST_OPERATORS = 200
"""Operators of one expression: a row of them is a tree as deep."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression: `number`, `id`, `list`, an operator, or a function's name."""

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()

    def ids(self) -> set[str]:
        """The queries that it names."""
        own = {self.text} if self.kind == "id" and self.text.upper() not in FILLS else set[str]()
        return own.union(*(part.ids() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Scene:
    """What an expression can see.

    Parameters
    ----------
    found : what the queries that it names gave, by id.
    periods : their periods in seconds.
    metrics : the ids of those that ask for a metric, for `METRICS()`.
    moments : where datapoints can be.
    """

    found: Mapping[str, Value]
    periods: Mapping[str, int] = field(default_factory=dict[str, int])
    metrics: Sequence[str] = ()
    moments: Sequence[float] = ()


def read(text: str) -> Node:
    """The tree of an expression. `Invalid` for one that cannot be read, `Unserved` for a function that is not here."""
    if found := re.search(r"^\s*SELECT\s|\bSEARCH\s*\(", text, re.IGNORECASE):
        raise Unserved(
            f"{found[0].strip(' (')} expressions are not served. Name the metrics, each in a query of its own."
        )
    tokens: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(text.rstrip()):
        if found["wrong"]:
            raise Invalid(f"Invalid expression {text!r}: {found['wrong']!r} is not understood.")
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
    reader = _Reader(text, [*tokens, ("end", "")])
    tree = reader.level(0)
    reader.expect("end")
    return tree


class _Reader:
    def __init__(self, text: str, tokens: list[tuple[str, str]]) -> None:
        self._text, self._tokens, self._place, self._depth = text, tokens, 0, 0
        self._operators = 0

    def level(self, number: int) -> Node:
        """Operators of one precedence and what binds tighter, from the left."""
        if number == len(_LEVELS):
            return self._unary()
        left = self.level(number + 1)
        while (sign := self._peek()[1].upper()) in _LEVELS[number]:
            self._next()
            self._operators += 1
            if self._operators > MOST_OPERATORS:
                raise Invalid(f"Invalid expression: it has more than {MOST_OPERATORS} operators. Use SUM([...]).")
            left = Node("operator", {"OR": "||", "AND": "&&"}.get(sign, sign), (left, self.level(number + 1)))
        return left

    def _unary(self) -> Node:
        if self._peek() == ("sign", "-"):
            self._next()
            return Node("operator", "-", (Node("number", "0"), self._deeper(self._unary)))
        left = self._primary()
        if self._peek() == ("sign", "^"):
            self._next()
            return Node("operator", "^", (left, self._deeper(self._unary)))
        return left

    def _primary(self) -> Node:
        kind, text = self._next()
        if kind == "number":
            return Node("number", text)
        if kind == "name" and self._peek() == ("sign", "("):
            self._next()
            if text.upper() not in FUNCTIONS:
                known = ", ".join(sorted(FUNCTIONS))
                raise Unserved(f"The function {text} of metric math is not served. There are {known}.")
            return Node("function", text.upper(), self._list(")"))
        if kind == "name":
            return Node("id", text)
        if text == "(":
            inner = self._deeper(lambda: self.level(0))
            self.expect(")")
            return inner
        if text == "[":
            return Node("list", parts=self._list("]"))
        raise self._wrong(text)

    def _list(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        if self._peek()[1] != end:
            found.append(self._deeper(lambda: self.level(0)))
            while self._peek()[1] == ",":
                self._next()
                found.append(self._deeper(lambda: self.level(0)))
        self.expect(end)
        return tuple(found)

    def _deeper(self, inner: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Invalid(f"Invalid expression: its parts are nested deeper than {DEEPEST} levels.")
        found = inner()
        self._depth -= 1
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place]

    def _next(self) -> tuple[str, str]:
        self._place += 1
        return self._tokens[self._place - 1]

    def expect(self, wanted: str) -> None:
        kind, text = self._next()
        if wanted not in (kind, text):
            raise self._wrong(text)

    def _wrong(self, text: str) -> Invalid:
        return Invalid(f"Invalid expression {self._text!r}: {repr(text) if text else 'its end'} is not expected there.")


def value(node: Node, scene: Scene) -> Value:
    """What an expression gives."""
    match node.kind:
        case "number":
            return float(node.text)
        case "id":
            if node.text not in scene.found:
                raise Invalid(f"The expression names {node.text}, which is the Id of no query.")
            return scene.found[node.text]
        case "list":
            return [series for part in node.parts for series in _several(value(part, scene), scene)]
        case "operator":
            left, right = (value(part, scene) for part in node.parts)
            return _zipped(_OPERATORS[node.text], left, right)
        case _:
            return _called(node, scene)


def _called(node: Node, scene: Scene) -> Value:
    name, parts = node.text, node.parts
    least, most = FUNCTIONS[name]
    if not least <= len(parts) <= most:
        raise Invalid(f"{name} takes {least} to {most} arguments, {len(parts)} were given.")
    if name == "METRICS":
        return [series for each in scene.metrics for series in _several(scene.found[each], scene)]
    if name == "PERIOD":
        return float(scene.periods.get(parts[0].text, 0))
    if name == "FILL":
        by = 0.0 if parts[1].text.upper() in FILLS else value(parts[1], scene)
        return _mapped(value(parts[0], scene), lambda series: _filled(series, parts[1].text.upper(), by, scene))
    given = [value(part, scene) for part in parts]
    if name == "IF":
        return _chosen(*given)
    if name == "TIME_SERIES":
        return _series(given[0], scene)
    if name == "METRIC_COUNT":
        return float(len(given[0])) if isinstance(given[0], list) else 1.0
    if name in _POINTWISE:
        return _mapped(given[0], lambda series: _each(series, _POINTWISE[name]), _POINTWISE[name])
    if name in _RUNNING:
        return _mapped(given[0], _RUNNING[name])
    return _aggregated(_AGGREGATES[name], given[0])


def _several(found: Value, scene: Scene) -> list[Series]:
    return found if isinstance(found, list) else [_series(found, scene)]


def _series(found: Value, scene: Scene) -> Series:
    if isinstance(found, list):
        raise Invalid("An array of time series stands where one is expected.")
    return dict.fromkeys(scene.moments, found) if isinstance(found, (int, float)) else found


def _zipped(apply: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return _safe(apply, left, right)
    if isinstance(left, list):
        if isinstance(right, list):
            raise Invalid("An operator stands between two arrays of time series. Aggregate one of them first.")
        return [cast("Series", _zipped(apply, each, right)) for each in left]
    if isinstance(right, list):
        return [cast("Series", _zipped(apply, left, each)) for each in right]
    moments = [*(left if isinstance(left, dict) else cast("Series", right))]
    pairs = ((at, _at(left, at), _at(right, at)) for at in moments)
    found = ((at, _safe(apply, one, two)) for at, one, two in pairs if one is not None and two is not None)
    return {at: each for at, each in found if math.isfinite(each)}


def _at(found: Value, at: float) -> float | None:
    if isinstance(found, list):
        raise Invalid("An array of time series stands where one is expected.")
    return found if isinstance(found, (int, float)) else found.get(at)


def _safe(apply: Callable[..., float], *given: float) -> float:
    """NaN for what has no result, such as a division by zero: such datapoints are left out."""
    try:
        found = apply(*given)
    except (ArithmeticError, ValueError):
        return math.nan
    return float(found)


def _each(series: Series, apply: Callable[[float], float]) -> Series:
    found = {at: _safe(apply, each) for at, each in series.items()}
    return {at: each for at, each in found.items() if math.isfinite(each)}


def _mapped(found: Value, apply: Callable[[Series], Series], scalar: Callable[[float], float] | None = None) -> Value:
    if isinstance(found, list):
        return [apply(each) for each in found]
    if isinstance(found, (int, float)):
        if scalar is None:
            raise Invalid("A number stands where a time series is expected.")
        return _safe(scalar, found)
    return apply(found)


def _aggregated(apply: Callable[[Sequence[float]], float], found: Value) -> Value:
    """Over an array of series: of the values at each moment. Over one series: of all its values, a number."""
    if isinstance(found, (int, float)):
        return apply([found])
    if isinstance(found, dict):
        return apply([*found.values()]) if found else math.nan
    moments = sorted({at for series in found for at in series})
    return {at: apply([series[at] for series in found if at in series]) for at in moments}


def _filled(series: Series, how: str, by: Value, scene: Scene) -> Series:
    found: Series = {}
    last: float | None = None
    moments = sorted({*scene.moments, *series})
    for place, at in enumerate(moments):
        each = series.get(at)
        if each is None and how == "REPEAT":
            each = last
        elif each is None and how == "LINEAR":
            each = _between(series, moments, place)
        elif each is None:
            each = _at(by, at)
        if each is not None:
            found[at] = last = each
    return found


def _between(series: Series, moments: Sequence[float], place: int) -> float | None:
    """The value on the line between the neighbours that have one."""
    before = next((at for at in reversed(moments[:place]) if at in series), None)
    after = next((at for at in moments[place:] if at in series), None)
    if before is None or after is None:
        return None
    share = (moments[place] - before) / (after - before)
    return series[before] + share * (series[after] - series[before])


def _chosen(condition: Value, true: Value, false: Value | None = None) -> Value:
    if isinstance(condition, (int, float)):
        return true if condition else ({} if false is None else false)
    if isinstance(condition, list):
        raise Invalid("The condition of IF is an array of time series. Aggregate it first.")
    found: Series = {}
    for at, each in condition.items():
        picked = true if each else false
        if picked is not None and (one := _at(picked, at)) is not None:
            found[at] = one
    return found


def _rate(series: Series) -> Series:
    moments = sorted(series)
    pairs = pairwise(moments)
    return {now: (series[now] - series[before]) / (now - before) for before, now in pairs}


def _diff(series: Series) -> Series:
    moments = sorted(series)
    return {now: series[now] - series[before] for before, now in pairwise(moments)}


def _running(series: Series) -> Series:
    total, found = 0.0, Series()
    for at in sorted(series):
        total += series[at]
        found[at] = total
    return found


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": _power,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&&": lambda left, right: bool(left and right),
    "||": lambda left, right: bool(left or right),
}
_POINTWISE: Mapping[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
_RUNNING: Mapping[str, Callable[[Series], Series]] = {"RATE": _rate, "DIFF": _diff, "RUNNING_SUM": _running}
_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": statistics.fmean,
    "SUM": math.fsum,
    "MIN": min,
    "MAX": max,
    "STDDEV": statistics.pstdev,
}
FUNCTIONS = {
    **dict.fromkeys((*_POINTWISE, *_RUNNING, *_AGGREGATES, "METRIC_COUNT", "PERIOD", "TIME_SERIES"), (1, 1)),
    "FILL": (2, 2),
    "IF": (2, 3),
    "METRICS": (0, 0),
}
"""The functions that there are, and how many arguments each takes."""
