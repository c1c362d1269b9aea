"""The controls that a hyperparameter table makes, and what is wrong with what was typed into them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Catalogue, Parameter, shown, typed


@dataclass(frozen=True)
class Control:
    """One field of the form.

    kind : `choice`, `number` or `text`. options : of a choice. default : as it is said, "" where there is none.
    range : what is allowed, in words; "" where that is any text or stands in the options.
    """

    name: str
    kind: str
    options: Sequence[str]
    default: str
    range: str
    help: str
    required: bool


def control(parameter: Parameter) -> Control:
    """The control for a hyperparameter."""
    default = "" if parameter.default is None else shown(parameter.default)
    options: tuple[str, ...] = ()
    kind = "number" if parameter.kind in ("int", "float") else parameter.kind
    if kind in ("choice", "bool"):
        options = (*parameter.words, *(("true", "false") if kind == "bool" else ()))
        kind = "choice"
    spoken = "" if kind in ("choice", "text") and not (kind == "text" and parameter.words) else parameter.range
    return Control(parameter.name, kind, options, default, spoken, parameter.help, parameter.required)


def grouped(catalogue: Catalogue, common: Sequence[str]) -> dict[str, list[Control]]:
    """The controls: required ones, those that one looks at first, in the order of `common`, and all others."""
    first = [found for name in common if (found := catalogue.get(name)) and not found.required]
    return {
        "required": [control(one) for one in catalogue.parameters if one.required],
        "common": [control(one) for one in first],
        "advanced": [control(one) for one in catalogue.parameters if not one.required and one not in first],
    }


def faults(catalogue: Catalogue, given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by the hyperparameter's name; "" stands for what belongs to none of them.

    Each value is looked at by itself first; what values must be beside each other is asked once those are right.
    """
    found: dict[str, str] = {}
    for name, text in given.items():
        if parameter := catalogue.get(name):
            try:
                typed(parameter, text)
            except ClientError as error:
                found[name] = str(error)
    for parameter in catalogue.parameters:
        if parameter.required and not given.get(parameter.name):
            found[parameter.name] = f"{parameter.name} is required: set it to {parameter.range}."
    if found:
        return found
    try:
        catalogue.read(given)
    except ClientError as error:
        named = (name for name in re.findall(r"'([^']+)'", str(error)) if catalogue.get(name))
        found[next(named, "")] = str(error)
    return found
