"""The program: looks at the table, learns from its training rows, writes the parts and the recipe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress, repeat
from pathlib import Path
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.tabular.encoding import Encoder, each, encoder, texts
from potager.images.tabular.plan import Plan
from potager.images.tabular.reading import Table
from potager.images.tabular.seeing import Seen, seen
from potager.images.tabular.split import TRAIN, Split
from potager.images.tabular.target import Target, target_of

ROOT = Path("/opt/ml/processing")
MESSAGE = Path("/opt/ml/output/message")


@dataclass(frozen=True)
class Work:
    """What was decided: which columns become features, and of what the label is made."""

    plan: Plan
    table: Table
    columns: Sequence[Seen]
    target: Target | None
    features: Sequence[tuple[int, Encoder]]
    dropped: dict[str, str]

    def rows(self) -> Iterator[tuple[list[str], list[float], list[list[str]]]]:
        """Parts, labels (none without a target) and cells by column, of some rows at a time; without a label, none."""
        at = self.table.names.index(self.target.name) if self.target else -1
        split = Split(self.plan.shares, self._counts(), self.plan.seed)
        for columns in self.table.columns():
            labels: list[float] = []
            if self.target:
                told = each(self.target.label, columns[at])
                labels = [label for label in told if label is not None]
                if len(labels) < len(told):
                    there = [label is not None for label in told]
                    columns = [list(compress(cells, there)) for cells in columns]
            drawn = map(int, labels) if self.target and self.target.classes else repeat(0, len(columns[0]))
            yield list(map(split.part, drawn)), labels, columns

    def _counts(self) -> dict[int, int]:
        if self.target and self.target.classes:
            return dict(self.target.counts)
        if self.target:
            return {0: self.columns[self.table.names.index(self.target.name)].told}
        return {0: self.columns[0].rows}

    @property
    def names(self) -> list[str]:
        return [name for _, one in self.features for name in one.names]


def decided(table: Table, plan: Plan) -> Work:
    """Looks at the whole table; `ClientError` for a plan that does not fit it."""
    for name in (*plan.drop, *([plan.target] if plan.target else [])):
        if name not in table.names:
            known = ", ".join(table.names[:30])
            raise ClientError(f"The table has no column '{name}'. Its columns are {known}.")
    columns = seen(table.names, table.columns())
    if not columns[0].rows:
        raise ClientError(f"{table.files[0].name} has a header line and no rows. Give a table with rows.")
    target = target_of(plan, columns[table.names.index(plan.target)]) if plan.target else None
    dropped = {
        column.name: why
        for column in columns
        if column.name != plan.target
        and (why := column.why() or ("you left it out" if column.name in plan.drop else ""))
    }
    kept = [(index, column) for index, column in enumerate(columns) if column.name not in {plan.target, *dropped}]
    if not kept:
        raise ClientError("No column is left to learn from. Leave fewer out, or give a table with more of them.")
    return Work(plan, table, columns, target, [(index, encoder(column, plan)) for index, column in kept], dropped)


def make(source: Path, plan: Plan, out: Path) -> dict[str, Any]:
    """Writes `out/<part>/<part>.csv` and `out/recipe/recipe.json`; the recipe."""
    work = decided(Table(source), plan)
    print(f"{work.columns[0].rows} rows, {len(work.columns)} columns", flush=True)
    for parts, _, columns in work.rows():
        train = [part == TRAIN for part in parts]
        for index, one in work.features:
            one.learn(list(compress(columns[index], train)))
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        files: dict[str, Any] = {}
        for part in (TRAIN, *plan.shares):
            (out / part).mkdir(parents=True, exist_ok=True)
            files[part] = stack.enter_context((out / part / f"{part}.csv").open("w", encoding="ascii"))
        for parts, labels, columns in work.rows():
            made = [texts(one, columns[index]) for index, one in work.features]
            first = [[f"{label:.15g}" for label in labels]] if work.target else []
            for part, *cells in zip(parts, *first, *made, strict=True):
                files[part].write(",".join(cells) + "\n")
            counts.update(parts)
    recipe = told(work, counts)
    (out / "recipe").mkdir(parents=True, exist_ok=True)
    (out / "recipe" / "recipe.json").write_text(json.dumps(recipe, indent=1, ensure_ascii=False))
    return recipe


def told(work: Work, counts: Counter[str]) -> dict[str, Any]:
    """What was done, for people and for whoever makes requests alike."""
    target = work.target
    rows = {part: counts[part] for part in (TRAIN, *work.plan.shares)}
    return {
        "target": target.name if target else "",
        "problem": target.problem if target else "none",
        "classes": list(target.classes) if target else [],
        "counts": {str(label): count for label, count in target.counts.items()} if target else {},
        "rows": rows,
        "unlabelled": work.columns[0].rows - sum(rows.values()),
        "features": work.names,
        "columns": [
            {"name": one.name, "kind": work.columns[index].kind, "features": one.names, **one.told()}
            for index, one in work.features
        ],
        "dropped": work.dropped,
        "empty_cells": work.plan.gaps == "empty" and any(work.columns[index].gaps for index, _ in work.features),
        "plan": {name: getattr(work.plan, name) for name in ("categories", "levels", "gaps", "scale", "seed")},
    }


def said(recipe: dict[str, Any]) -> str:
    """The recipe in a sentence or two."""
    rows = ", ".join(f"{count} for {part}" for part, count in recipe["rows"].items())
    text = f"{rows}; {len(recipe['features'])} features of {len(recipe['columns'])} columns."
    if recipe["dropped"]:
        text += f" Left out: {', '.join(recipe['dropped'])}."
    return text if not recipe["unlabelled"] else f"{text} {recipe['unlabelled']} rows have no label."


def main() -> int:
    """The processing job: 0, or 2 where the table or the plan is at fault."""
    try:
        recipe = make(ROOT / "input", Plan.read(ROOT / "plan" / "plan.json"), ROOT / "output")
        text, code = said(recipe), 0
    except ClientError as error:
        text, code = f"ClientError: {error}", 2
    print(text, flush=True)
    MESSAGE.parent.mkdir(parents=True, exist_ok=True)
    MESSAGE.write_bytes(text.encode()[:1000])
    return code
