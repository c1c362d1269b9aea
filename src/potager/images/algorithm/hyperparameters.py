"""Hyperparameters as a table: name, type, default, range and how a tuner may vary each; and the reader that obeys it.

A catalogue is the only place where an algorithm's hyperparameters are described: it validates a job's strings, the
reference page's table is made of it (`reference_table`), and tuning jobs read from it what may be tuned and how.
Standard library only: the server reads catalogues, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from potager.images.algorithm.errors import ClientError

_MOST = 2.0**63
"""What an integer must be below: no library counts further."""

Value = str | int | float | bool | None

Rule = Callable[[Mapping[str, Value]], str | None]
"""What is wrong with values that stand beside each other, None where nothing is."""


@dataclass(frozen=True)
class Tunable:
    """How a tuner may vary a hyperparameter, as AWS's page of the algorithm recommends it.

    A number lies in `[low, high]` and is drawn on `scaling`: Auto, Linear, Logarithmic or ReverseLogarithmic. A choice
    is one of `values`, all of the parameter's where there are none.
    """

    low: float = 0.0
    high: float = 0.0
    scaling: str = "Auto"
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    `kind` is `int`, `float`, `bool`, `choice` or `text`. `words` are the strings allowed beside (or, for a choice,
    instead of) a value of that kind. `low` and `high` bound a number; each bound is excluded when its name is in
    `open`. `required` is one without which no job begins.
    """

    name: str
    kind: str
    default: Value
    help: str
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    open: str = ""
    required: bool = False
    tunable: Tunable | None = None

    def tuned(self, low: float, high: float, scaling: str = "Auto") -> Parameter:
        """The same number as one that a tuner may vary between `low` and `high`."""
        return replace(self, tunable=Tunable(low, high, scaling))

    def varied(self, *values: str) -> Parameter:
        """The same choice as one that a tuner may make, out of `values` where not of all."""
        return replace(self, tunable=Tunable(values=values or self.words))

    @property
    def range(self) -> str:
        """The allowed values in words, for messages and for the reference page."""
        parts = [*self.words]
        if self.kind == "bool":
            parts += ["true", "false"]
        elif self.kind == "text":
            parts.append("any text")
        elif self.kind != "choice":
            parts.append(self._numbers())
        return " or ".join(parts) if len(parts) < 3 else ", ".join(parts[:-1]) + " or " + parts[-1]

    def _numbers(self) -> str:
        noun = "integer" if self.kind == "int" else "number"
        if self.low is None:
            return f"any {noun}"
        left = "(" if "low" in self.open else "["
        right = ")" if "high" in self.open else "]"
        top = "inf)" if self.high is None else f"{self.high:g}{right}" if self.high < 1e6 else f"{int(self.high)}]"
        return f"{noun} in {left}{self.low:g}, {top}"

    def holds(self, number: float) -> bool:
        """Whether a number lies within the bounds."""
        if not math.isfinite(number):
            return False
        low = self.low is None or (number > self.low if "low" in self.open else number >= self.low)
        high = self.high is None or (number < self.high if "high" in self.open else number <= self.high)
        return low and high


def positive(name: str, kind: str, default: Value, text: str, *words: str) -> Parameter:
    """A number above 0: a whole one is at least 1."""
    low, opened = (1, "") if kind == "int" else (0, "low")
    return Parameter(name, kind, default, text, words, low, None, opened)


def choice(name: str, default: Value, text: str, *words: str) -> Parameter:
    """One of some words."""
    return Parameter(name, "choice", default, text, words)


def flag(name: str, default: Value, text: str, *words: str) -> Parameter:
    """True or false."""
    return Parameter(name, "bool", default, text, words)


def unit(name: str, default: Value, text: str, *words: str, opened: str = "low high") -> Parameter:
    """A number between 0 and 1, without the bounds that `opened` names."""
    return Parameter(name, "float", default, text, words, 0, 1, opened)


class Catalogue:
    """The hyperparameters of one algorithm."""

    def __init__(
        self, algorithm: str, parameters: Sequence[Parameter], rules: Sequence[Rule] = (), *, scripted: bool = False
    ) -> None:
        """rules : what values must be beside each other; the first complaint is raised as a `ClientError`.

        scripted : whether the algorithm is a script to AWS, one of JumpStart's: a tuning job may then tune whichever
            of its hyperparameters, and define metrics for what it prints.
        """
        self.algorithm = algorithm
        self.scripted = scripted
        self.parameters = tuple(parameters)
        self._rules = tuple(rules)
        self._by_name = {parameter.name: parameter for parameter in parameters}

    def get(self, name: str) -> Parameter | None:
        """The hyperparameter of a name, None where the algorithm has none."""
        return self._by_name.get(name)

    def read(self, given: Mapping[str, str]) -> dict[str, Value]:
        """A job's hyperparameters, typed, with the defaults of those not given.

        Names that begin with `_` or `sagemaker_` are the platform's own and are left out. `ClientError` names the
        parameter, its value and what is allowed.
        """
        values: dict[str, Value] = {parameter.name: parameter.default for parameter in self.parameters}
        for name, text in given.items():
            if not name.startswith(("_", "sagemaker_")):
                values[name] = typed(self._known(name), str(text))
        for parameter in self.parameters:
            if parameter.required and values[parameter.name] is None:
                raise ClientError(f"Hyperparameter '{parameter.name}' is missing. Set it to {parameter.range}.")
        for rule in self._rules:
            if complaint := rule(values):
                raise ClientError(complaint)
        return values

    def _known(self, name: str) -> Parameter:
        if name not in self._by_name:
            known = ", ".join(sorted(self._by_name))
            raise ClientError(f"Unknown hyperparameter '{name}'. Remove or rename it; {self.algorithm} knows {known}.")
        return self._by_name[name]

    def reference_table(self) -> str:
        """The catalogue as the Markdown table that the algorithm's page in `docs/reference` holds."""
        rows = [
            f"| `{one.name}` | {shown(one.default)} | {one.range.replace('|', ' ')} | {one.help}{_tuning(one)} |"
            for one in self.parameters
        ]
        return "\n".join(["| name | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows])


def typed(parameter: Parameter, text: str) -> Value:
    """The value that a string stands for; `ClientError` where the parameter does not allow it."""
    word = _unquoted(text).strip()
    if word in parameter.words:
        return word
    value = _typed(parameter, word)
    if value is None:
        raise ClientError(
            f"Hyperparameter '{parameter.name}' is '{word}', but must be {parameter.range}. "
            f"Give it such a value, or leave it out for its default ({shown(parameter.default)})."
        )
    return value


def _unquoted(text: str) -> str:
    """The SDK quotes values as JSON (`'"3"'`); a bare word is left as it is."""
    if text[:1] != '"':
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _typed(parameter: Parameter, word: str) -> Value:
    if parameter.kind == "bool":
        return {"true": True, "false": False, "1": True, "0": False}.get(word.lower())
    if parameter.kind in ("choice", "text"):
        return word if parameter.kind == "text" else None
    try:
        number = float(word)
    except ValueError:
        return None
    if not parameter.holds(number) or (parameter.kind == "int" and not (number.is_integer() and abs(number) < _MOST)):
        return None
    return int(number) if parameter.kind == "int" else number


def shown(value: Value) -> str:
    """A value as messages and the reference page have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _tuning(parameter: Parameter) -> str:
    tunable = parameter.tunable
    if tunable is None:
        return ""
    if tunable.values:
        return f" Tunable: {', '.join(tunable.values)}."
    scale = "" if tunable.scaling == "Auto" else f", {tunable.scaling}"
    return f" Tunable: {tunable.low:g} to {tunable.high:g}{scale}."
