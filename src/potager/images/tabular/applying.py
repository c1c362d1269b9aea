"""A raw row made into what a model reads, by the recipe of the table that it has learned from.

    recipe.json + {"Plan": "Basic", "Age": "31"} ─► "31,0,1,0,0"

Pure and of the standard library: the server does it, too. A recipe is an object that anybody may have written: one that
is none raises `KeyError`, `TypeError`, `ValueError` or `AttributeError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.tabular.encoding import EPOCH, MISSING, line, recalled
from potager.images.tabular.plan import Plan
from potager.images.tabular.reading import gap, number
from potager.images.tabular.seeing import day


@dataclass(frozen=True)
class Field:
    """A column of the raw table, as a form asks for it.

    kind : number, date or categories. value : a typical one. choices : the categories that are told apart.
    """

    name: str
    kind: str
    value: str
    choices: tuple[str, ...] = ()


def fields(recipe: Mapping[str, Any]) -> list[Field]:
    """The columns that a model's features come of."""
    return [_field(told) for told in recipe["columns"]]


def _field(told: Mapping[str, Any]) -> Field:
    name, kind = str(told["name"]), str(told["kind"])
    if kind == "number":
        return Field(name, kind, f"{float(told['mean']):.4g}")
    if kind == "date":
        at = EPOCH + timedelta(days=round(float(told[f"{name} day"]["mean"])))
        return Field(name, kind, at.isoformat())
    levels = [str(level) for level in told["categories"]]
    return Field(name, kind, next((level for level in levels if level != MISSING), ""), tuple(levels))


def row(recipe: Mapping[str, Any], raw: Mapping[str, str]) -> str:
    """The features of a raw row as a line of CSV; a column that it has not is missing. `ClientError` names a cell."""
    plan = Plan.of(recipe["plan"])
    cells = [
        cell
        for told in recipe["columns"]
        for cell in recalled(told, plan).cells(_fit(told, raw.get(told["name"], "").strip()))
    ]
    if len(cells) != len(recipe["features"]):
        raise ValueError("The recipe's columns make other features than it names.")
    return line(cells)


def _fit(told: Mapping[str, Any], cell: str) -> str:
    reads = {"number": (number, "a number"), "date": (day, "a date such as 2026-03-31")}.get(told["kind"])
    if reads and not gap(cell) and reads[0](cell) is None:
        raise ClientError(f"{told['name']} is '{cell}', but must be {reads[1]}, or empty where it is not known.")
    return cell
