"""Rows of a raw table are made into the features that the program made of them, by the recipe alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.tabular import applying
from tests.unit.images.tabular.test_program import Made, claims


@pytest.mark.parametrize(
    "plan",
    [{}, {"scale": True}, {"gaps": "empty"}, {"categories": "numbers"}, {"levels": 2}, {"target": "fraud"}],
    ids=str,
)
def test_a_recipe_makes_the_rows_that_the_program_made(tmp_path: Path, plan: dict[str, Any]) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, **plan)
    recipe = json.loads((made.out / "recipe" / "recipe.json").read_text())
    raw = csv.DictReader(io.StringIO(claims()))
    written = (made.out / "train" / "train.csv").read_text().splitlines()
    written = [line.partition(",")[2] for line in written] if plan.get("target") else written
    assert [applying.row(recipe, row) for row in raw] == written


def test_a_form_is_told_columns_choices_and_typical_values(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud")
    fields = {one.name: one for one in applying.fields(made.recipe)}
    assert {name: one.kind for name, one in fields.items()} == {
        "day": "date",
        "age": "number",
        "kind": "categories",
        "open": "number",
    }
    assert set(fields["kind"].choices) == {"car", "home", "bike", "(missing)"}
    assert fields["day"].value.startswith("2024-0")
    assert float(fields["age"].value) > 20
    assert applying.row(made.recipe, {one.name: one.value for one in fields.values()})


def test_a_cell_that_does_not_fit_is_named(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud")
    with pytest.raises(ClientError, match="age is 'old', but must be a number, or empty"):
        applying.row(made.recipe, {"age": "old"})
    with pytest.raises(ClientError, match="day is 'today', but must be a date"):
        applying.row(made.recipe, {"day": "today"})
    assert applying.row(made.recipe, {}) == applying.row(made.recipe, {"age": "NA", "kind": " "})


def test_what_is_no_recipe_is_an_error_that_is_told_apart(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud")
    with pytest.raises(ValueError, match="other features"):
        applying.row(made.recipe | {"features": ["one"]}, {})
    with pytest.raises(KeyError):
        applying.fields({"columns": [{"name": "a", "kind": "number"}]})
