"""`profile.json`: a table's columns, relations, likely target and warnings, as one document of plain JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from potager.images.algorithm.errors import ClientError
from potager.images.profile import VERSION, findings, power, relations, target
from potager.images.profile.look import Look, View

MOST_RELATED = 40
"""Columns of the matrices: those that tell the most of the target, else the first ones."""
MOST_CODES = 1000
"""Different values of a category that goes into the matrices."""


def document(look: Look, asked: str, seed: int) -> dict[str, Any]:
    """The profile; `asked` is the target that was named, "" to have one found."""
    aim = _target(look, asked)
    related = _relations(look, aim)
    told = {
        "version": VERSION,
        "table": _table(look, seed),
        "columns": [view.document() for view in look.views],
        "relations": related,
        "target": aim,
        "warnings": [one.document() for one in findings.find(look, aim.get("name") and aim, related)],
    }
    return plain(told)


def _table(look: Look, seed: int) -> dict[str, Any]:
    twins, compared = look.twins
    gaps = sum(column.gaps for column in look.columns)
    known = {column.place for column in look.columns}
    left = [name for place, name in enumerate(look.names, 1) if place not in known]
    return {
        "rows": look.rows,
        "columns": len(look.names),
        "left_out": {"count": len(left), "names": left[:20]},
        "gaps": {"count": gaps, "share": gaps / max(1, look.rows * len(look.columns))},
        "duplicate_rows": {"count": twins, "exact": compared},
        "memory_bytes": sum(_memory(view) for view in look.views),
        "types": {
            kind: sum(view.type == kind for view in look.views) for kind in sorted({view.type for view in look.views})
        },
        "sample": {"rows": look.sampled, "whole": look.whole, "seed": seed},
        "files": look.notes.files,
        "header": not look.notes.headless,
    }


def _memory(view: View) -> int:
    """Bytes in a data frame: 8 for what is a number or a date, a Python text with its 49 of its own else."""
    if view.measured:
        return 8 * view.column.rows
    return view.column.characters + (49 + 8) * view.column.rows


def _target(look: Look, asked: str) -> dict[str, Any]:
    found = target.candidates(look.views, len(look.names))
    likely = found[0] if found and found[0].points >= target.ENOUGH else None
    told: dict[str, Any] = {
        "name": None,
        "candidates": [
            {"name": one.view.name, "points": one.points, "why": one.why} for one in found[:10] if one.points > 0
        ],
    }
    if asked:
        view = next((view for view in look.views if view.name == asked), None)
        if view is None:
            raise ClientError(f"The variable 'target' is '{asked}', which is no column of the table.")
        if view.type in ("empty", "constant"):
            raise ClientError(f"The variable 'target' is '{asked}', whose values are all the same. Choose another.")
        return told | {"name": asked, "why": ["it was chosen"]} | _aim(look, view)
    if likely is None:
        return told
    return told | {"name": likely.view.name, "why": likely.why} | _aim(look, likely.view)


def _aim(look: Look, aim: View) -> dict[str, Any]:
    """What a target asks of a model, and what each other column tells of it."""
    kind = target.problem(aim)
    values = target.values(aim, kind)
    columns: list[dict[str, Any]] = []
    for view in look.views:
        if view is aim or view.type in ("empty", "constant", "identifier", "text"):
            continue
        measure, strength = _associated(view, aim)
        found = power.power(view.groups, values, kind)
        columns.append({"name": view.name, "measure": measure, "association": strength, "power": found})
    columns.sort(key=lambda one: (-_rank(one["power"]), one["name"]))
    told: dict[str, Any] = {"problem": kind, "gaps": aim.column.gaps, "columns": columns}
    if kind != "regression":
        told["classes"] = target.classes(aim)
        told["imbalance"] = min(one["share"] for one in told["classes"]) if told["classes"] else None
    return told


def _rank(value: float) -> float:
    return value if math.isfinite(value) else -1.0


def _associated(one: View, other: View) -> tuple[str, float]:
    """How strongly two columns go together, 0 to 1, and by which measure."""
    if _numeric(one) and _numeric(other):
        pair = np.column_stack([one.values, other.values])
        return "spearman", abs(float(relations.spearman(pair)[0, 1]))
    if _numeric(one) or _numeric(other):
        number, category = (one, other) if _numeric(one) else (other, one)
        return "correlation ratio", relations.ratio(_codes(category), number.values)
    return "cramer", relations.cramer(_codes(one), _codes(other))


def _numeric(view: View) -> bool:
    return view.type in ("integer", "number", "date")


def _codes(view: View) -> relations.Codes:
    if view.type != "boolean":
        return view.codes
    return np.where(np.isfinite(view.values), view.values, -1).astype(np.int64)


def _relations(look: Look, aim: dict[str, Any]) -> dict[str, Any]:
    """The matrices of columns among themselves."""
    chosen = _related(look, aim)
    numeric = [view for view in chosen if _numeric(view)]
    size = len(chosen)
    association = np.full((size, size), np.nan)
    told: dict[str, Any] = {"columns": [view.name for view in chosen], "numbers": [view.name for view in numeric]}
    if numeric:
        values = np.column_stack([view.values for view in numeric])
        told["pearson"] = relations.pearson(values).tolist()
        ranked = relations.spearman(values)
        told["spearman"] = ranked.tolist()
        places = [at for at, view in enumerate(chosen) if _numeric(view)]
        association[np.ix_(places, places)] = np.abs(ranked)
    for row, one in enumerate(chosen):
        for column, other in enumerate(chosen[: row + 1]):
            if not (_numeric(one) and _numeric(other)):
                association[row, column] = association[column, row] = (
                    1.0 if row == column else _associated(one, other)[1]
                )
    told["association"] = association.tolist()
    return told


def _related(look: Look, aim: dict[str, Any]) -> Sequence[View]:
    fit = [
        view
        for view in look.views
        if view.type in ("integer", "number", "date", "boolean")
        or (view.type == "category" and view.column.distinct <= MOST_CODES)
    ]
    if len(fit) <= MOST_RELATED or not aim["name"]:
        return fit[:MOST_RELATED]
    best = [aim["name"], *(one["name"] for one in aim["columns"])]
    order = {name: at for at, name in enumerate(best)}
    first = sorted(fit, key=lambda view: order.get(view.name, len(order)))[:MOST_RELATED]
    return [view for view in fit if view in first]


def plain(value: Any) -> Any:
    """The same without what JSON has not: NaN and infinities are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("Sequence[Any]", value)]
    return cast("Any", value).item() if isinstance(value, np.generic) else value
