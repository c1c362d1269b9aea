"""What one training job definition searches: its ranges, read from `ParameterRanges` and checked.

What AWS refuses at CreateHyperParameterTuningJob is refused here, as `Invalid`: bounds that are no numbers or the
wrong way round, a scale that the bounds do not allow, a name given twice or tuned and static at once, and, where the
image is a built-in algorithm, what its catalogue does not know, does not allow, or does not have tuned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Catalogue, Parameter, typed
from potager.kernel.errors import Invalid
from potager.train.tuning.search import automatic
from potager.train.tuning.search.ranges import (
    LINEAR,
    LOGARITHMIC,
    REVERSE,
    Choice,
    Number,
    Range,
    combinations,
    fitting,
    unquoted,
)

MOST = 30
"""Hyperparameters that one definition may have tuned."""
LARGEST = 2**53
"""Whole numbers up to here are told apart by the arithmetic of the scales."""
FURTHEST = 1e300


@dataclass(frozen=True)
class Space:
    """What a definition searches; `static` are the hyperparameters that all its training jobs share."""

    name: str
    ranges: tuple[Range, ...]
    static: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(
        cls,
        name: str,
        ranges: Mapping[str, Any] | None,
        catalogue: Catalogue | None = None,
        static: Mapping[str, str] | None = None,
        autotune: bool = False,
    ) -> Space:
        """The space that a `ParameterRanges` of the wire describes.

        Parameters ---------- name : the definition's, for messages. catalogue : the hyperparameters of the image's
        algorithm, None where the image runs a program of the user's. static : `StaticHyperParameters`. autotune :
        whether ranges may be chosen here (`Autotune`): those of `AutoParameters`, or all that are recommended.
        """
        given, still = ranges or {}, dict(static or {})
        if given.get("AutoParameters") and not autotune:
            raise Invalid("AutoParameters can be used only with Autotune. Set Autotune's Mode to Enabled.")
        found = [
            *(_integer(each, catalogue) for each in given.get("IntegerParameterRanges") or ()),
            *(_continuous(each, catalogue) for each in given.get("ContinuousParameterRanges") or ()),
            *(_categorical(each, catalogue) for each in given.get("CategoricalParameterRanges") or ()),
            *(automatic.hinted(each, catalogue) for each in given.get("AutoParameters") or ()),
        ]
        if not found and autotune and catalogue is not None:
            found = automatic.recommended(catalogue, still)
        _check_names(name, [each.name for each in found], still)
        return cls(name, tuple(found), still)

    @property
    def size(self) -> int | None:
        """How many different points there are, None where there is no end of them."""
        return combinations(self.ranges)

    def values(self, places: Sequence[float]) -> dict[str, str]:
        """The hyperparameters at a point of the unit cube."""
        return {each.name: each.text(place) for each, place in zip(self.ranges, places, strict=True)}

    def places(self, values: Mapping[str, str]) -> list[float] | None:
        """The point that hyperparameters stand at, None where one is missing or is none of its range's kind."""
        found = [each.place(values[each.name]) if each.name in values else None for each in self.ranges]
        return None if None in found else [place for place in found if place is not None]

    def holds(self, values: Mapping[str, str]) -> bool:
        """Whether hyperparameters lie within all ranges."""
        places = self.places(values)
        return places is not None and all(0.0 <= place <= 1.0 for place in places)


def _check_names(definition: str, names: Sequence[str], static: Mapping[str, str]) -> None:
    where = f" of the training job definition [{definition}]" if definition else ""
    if not names:
        raise Invalid(
            f"You must specify at least one hyperparameter range{where}. Give ParameterRanges with a range for each "
            "hyperparameter to tune."
        )
    if len(names) > MOST:
        raise Invalid(f"The number of tuned hyperparameters{where}, [{len(names)}], is above the limit of [{MOST}].")
    if twice := _repeated(names):
        raise Invalid(f"Duplicate hyperparameter names{where}: [{', '.join(twice)}]. Give each one range.")
    if both := sorted(set(names) & set(static)):
        raise Invalid(
            f"The hyperparameters [{', '.join(both)}]{where} are both tuned and static. Remove them from "
            "StaticHyperParameters or from ParameterRanges."
        )


def _repeated(words: Iterable[str]) -> list[str]:
    words = list(words)
    return sorted({word for word in words if words.count(word) > 1})


def _integer(given: Mapping[str, Any], catalogue: Catalogue | None) -> Number:
    low, high = (_whole(given, key) for key in ("MinValue", "MaxValue"))
    return _number(given, catalogue, low, high, True)


def _continuous(given: Mapping[str, Any], catalogue: Catalogue | None) -> Number:
    low, high = (_real(given, key) for key in ("MinValue", "MaxValue"))
    return _number(given, catalogue, low, high, False)


def _whole(given: Mapping[str, Any], key: str) -> float:
    try:
        value = int(given[key])
    except ValueError:
        raise Invalid(f"The {key} [{given[key]}] of the hyperparameter [{given['Name']}] is not an integer.") from None
    if abs(value) > LARGEST:
        raise Invalid(f"The {key} [{given[key]}] of the hyperparameter [{given['Name']}] is beyond {LARGEST}.")
    return float(value)


def _real(given: Mapping[str, Any], key: str) -> float:
    try:
        value = float(given[key])
    except ValueError:
        value = math.nan
    if not abs(value) <= FURTHEST:
        raise Invalid(f"The {key} [{given[key]}] of the hyperparameter [{given['Name']}] is not a number.")
    return value


def _number(given: Mapping[str, Any], catalogue: Catalogue | None, low: float, high: float, integer: bool) -> Number:
    name = given["Name"]
    if low >= high:
        raise Invalid(
            f"The MinValue [{given['MinValue']}] of the hyperparameter [{name}] must be less than its MaxValue "
            f"[{given['MaxValue']}]. Give a value that does not vary as a static hyperparameter."
        )
    parameter = _parameter(name, catalogue)
    if parameter is not None:
        _check_bounds(parameter, given, low, high, integer)
    return Number(name, low, high, integer, _scaling(given, parameter, low, high, integer))


def _scaling(given: Mapping[str, Any], parameter: Parameter | None, low: float, high: float, integer: bool) -> str:
    asked = given.get("ScalingType") or "Auto"
    if asked == "Auto":
        advised = parameter.tunable.scaling if parameter is not None and parameter.tunable is not None else "Auto"
        return advised if _allows(advised, low, high, integer) else fitting(low, high, integer)
    if _allows(asked, low, high, integer):
        return asked
    name, span = given["Name"], f"[{given['MinValue']}, {given['MaxValue']}]"
    if asked == LOGARITHMIC:
        raise Invalid(
            f"Logarithmic scaling of the hyperparameter [{name}] works only for ranges that have only values greater "
            f"than 0, and its range is {span}. Raise MinValue above 0, or use Linear."
        )
    if integer:
        raise Invalid(
            f"ReverseLogarithmic scaling works only for continuous hyperparameters, and [{name}] is an integer. "
            "Use Linear or Logarithmic."
        )
    raise Invalid(
        f"ReverseLogarithmic scaling of the hyperparameter [{name}] works only for ranges that are entirely within "
        f"0 <= x < 1.0, and its range is {span}. Narrow the range, or use Linear."
    )


def _allows(scaling: str, low: float, high: float, integer: bool) -> bool:
    if scaling == LOGARITHMIC:
        return low > 0
    if scaling == REVERSE:
        return not integer and low >= 0 and high < 1
    return scaling == LINEAR


def _categorical(given: Mapping[str, Any], catalogue: Catalogue | None) -> Choice:
    name, values = given["Name"], tuple(given["Values"])
    if not values:
        raise Invalid(f"The categorical hyperparameter [{name}] has no values. Give at least one.")
    if twice := _repeated(unquoted(value) for value in values):
        raise Invalid(f"The categorical hyperparameter [{name}] has duplicate values: [{', '.join(twice)}].")
    parameter = _parameter(name, catalogue)
    if parameter is not None:
        _check_values(parameter, values)
    return Choice(name, values)


def _check_values(parameter: Parameter, values: Iterable[str]) -> None:
    for value in values:
        try:
            typed(parameter, value)
        except ClientError as error:
            raise Invalid(str(error)) from error


def _parameter(name: str, catalogue: Catalogue | None) -> Parameter | None:
    """The algorithm's hyperparameter of that name, which must be one that may be tuned; None without a catalogue."""
    if catalogue is None:
        return None
    parameter = catalogue.get(name)
    tunable = ", ".join(each.name for each in catalogue.parameters if each.tunable is not None)
    if parameter is None:
        raise Invalid(
            f"The hyperparameter [{name}] is not one of the {catalogue.algorithm} algorithm's. It can tune: {tunable}."
        )
    if parameter.tunable is None and not catalogue.scripted:
        raise Invalid(
            f"The hyperparameter [{name}] of the {catalogue.algorithm} algorithm isn't tunable. Give it as a static "
            f"hyperparameter. It can tune: {tunable}."
        )
    return parameter


def _check_bounds(parameter: Parameter, given: Mapping[str, Any], low: float, high: float, integer: bool) -> None:
    if parameter.kind not in ("int", "float"):
        raise Invalid(
            f"The hyperparameter [{parameter.name}] is categorical. Give it in CategoricalParameterRanges, with values "
            f"that are {parameter.range}."
        )
    if (parameter.kind == "int") != integer:
        right = "IntegerParameterRanges" if parameter.kind == "int" else "ContinuousParameterRanges"
        raise Invalid(f"The hyperparameter [{parameter.name}] has the wrong type of range. Give it in {right}.")
    for key, value in (("MinValue", low), ("MaxValue", high)):
        if not parameter.holds(value):
            raise Invalid(
                f"The {key} [{given[key]}] of the hyperparameter [{parameter.name}] is outside what is allowed: "
                f"it must be {parameter.range}."
            )
