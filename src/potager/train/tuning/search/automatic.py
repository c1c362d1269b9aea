"""What `Autotune` chooses where a request leaves it open: ranges, limits, early stopping, an end on convergence.

A hyperparameter of a built-in algorithm has the range that its catalogue recommends, widened to hold the hint. For a
program of the user's all that is known is an example value: the range reaches a factor of ten to both sides of a real
one, four of a whole one, and stays below 1 for one that is, since most such values are rates and shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from potager.images.algorithm.hyperparameters import Catalogue, Parameter
from potager.kernel.errors import Invalid
from potager.train.tuning.search.ranges import LOGARITHMIC, Choice, Number, Range, combinations, fitting, unquoted

EACH = 20
"""Training jobs for each tuned hyperparameter, where Autotune chooses how many there are."""
FEWEST, MOST = 20, 100
"""Bounds of that choice."""


def recommended(catalogue: Catalogue, static: Mapping[str, str]) -> list[Range]:
    """Every range that an algorithm recommends, but for the hyperparameters given as static."""
    return [_advised(each) for each in catalogue.parameters if each.tunable is not None and each.name not in static]


def hinted(given: Mapping[str, Any], catalogue: Catalogue | None) -> Range:
    """The range of one of `AutoParameters`."""
    name, hint = given["Name"], unquoted(given["ValueHint"]).strip()
    parameter = catalogue.get(name) if catalogue is not None else None
    if catalogue is not None and (parameter is None or parameter.tunable is None):
        raise Invalid(
            f"The hyperparameter [{name}] isn't one that the {catalogue.algorithm} algorithm can tune. Remove it from "
            "AutoParameters."
        )
    if parameter is not None:
        return _widened(parameter, hint)
    if hint.lower() in ("true", "false"):
        return Choice(name, ("True", "False") if hint[0].isupper() else ("true", "false"))
    number = _number(hint)
    if number is None:
        raise Invalid(
            f"No range can be chosen for the hyperparameter [{name}] from the hint [{hint}]. Give its values in "
            "CategoricalParameterRanges."
        )
    return _around(name, number, "." not in hint and "e" not in hint.lower())


def limits(config: Mapping[str, Any], ranges: Sequence[Sequence[Range]]) -> dict[str, Any]:
    """A `HyperParameterTuningJobConfig` with what Autotune chooses in place of what is left out.

    `ranges` are those of each definition. What the request gives stands.
    """
    chosen = dict(config)
    bounds = dict(config.get("ResourceLimits") or {})
    if config.get("Strategy") != "Grid":
        bounds.setdefault("MaxNumberOfTrainingJobs", _budget(ranges))
    chosen["ResourceLimits"] = bounds
    chosen.setdefault("TrainingJobEarlyStoppingType", "Off" if config.get("Strategy") == "Hyperband" else "Auto")
    criteria = dict(config.get("TuningJobCompletionCriteria") or {})
    criteria.setdefault("ConvergenceDetected", {"CompleteOnConvergence": "Enabled"})
    chosen["TuningJobCompletionCriteria"] = criteria
    return chosen


def _budget(ranges: Sequence[Sequence[Range]]) -> int:
    wanted = sum(min(MOST, max(FEWEST, EACH * len(each))) for each in ranges)
    sizes = [combinations(each) for each in ranges]
    return wanted if None in sizes else min(wanted, sum(size for size in sizes if size is not None))


def _advised(parameter: Parameter) -> Range:
    tunable = parameter.tunable
    assert tunable is not None
    if parameter.kind in ("int", "float"):
        integer = parameter.kind == "int"
        scaling = fitting(tunable.low, tunable.high, integer) if tunable.scaling == "Auto" else tunable.scaling
        return Number(parameter.name, tunable.low, tunable.high, integer, scaling)
    words = ("true", "false") if parameter.kind == "bool" else parameter.words
    return Choice(parameter.name, tunable.values or words)


def _widened(parameter: Parameter, hint: str) -> Range:
    advised, number = _advised(parameter), _number(hint)
    if isinstance(advised, Choice):
        return advised if hint in advised.values else Choice(advised.name, (*advised.values, hint))
    if number is None:
        return advised
    if not parameter.holds(number) or (advised.integer and not number.is_integer()):
        raise Invalid(
            f"The ValueHint [{hint}] of the hyperparameter [{parameter.name}] is outside what is allowed: it must be "
            f"{parameter.range}."
        )
    low, high = min(advised.low, number), max(advised.high, number)
    fits = advised.scaling != LOGARITHMIC or low > 0
    return Number(advised.name, low, high, advised.integer, advised.scaling if fits else fitting(low, high, False))


def _around(name: str, hint: float, integer: bool) -> Number:
    if integer:
        low, high = (0.0, 10.0) if hint == 0 else sorted((hint * 4, math.trunc(hint / 4)))
        low = max(1.0, low) if hint > 0 else low
    elif hint == 0:
        low, high = 0.0, 1.0
    elif 0 < hint < 1:
        low, high = hint / 10, min(hint * 10, (1 + hint) / 2)
    else:
        low, high = sorted((hint / 10, hint * 10))
    return Number(name, low, high, integer, fitting(low, high, integer))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
