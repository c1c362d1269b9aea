"""Each warning is given for what deserves it, names the column, and is not given for what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from potager.images.profile.cells import date, dressed, is_gap, kind, number
from tests.unit.images.profile.conftest import Make, codes, column, csv_of, warned

ROWS = 200
RANDOM = np.random.default_rng(0)
PLAIN: dict[str, Any] = {
    "amount": RANDOM.normal(100, 10, ROWS).round(6).tolist(),
    "colour": RANDOM.choice(["red", "green", "blue"], ROWS).tolist(),
}


def test_a_plain_table_has_no_warnings(profile: Make) -> None:
    told = profile(csv_of(**PLAIN))
    assert told["warnings"] == []
    assert told["target"]["name"] is None


def spoilt(values: list[Any], **at: Any) -> list[Any]:
    """Values with others in some places: `spoilt(values, _3="x")`."""
    found = list(values)
    for place, value in at.items():
        found[int(place[1:])] = value
    return found


EACH: dict[str, tuple[str, list[Any], str, str]] = {
    "constant": ("constant", ["DE"] * ROWS, "constant", "always 'DE'"),
    "near-constant": ("near-constant", ["DE"] * (ROWS - 2) + ["FR"] * 2, "category", "in 99%"),
    "empty": ("empty", ["NA"] * ROWS, "empty", "empty in every row"),
    "gaps": ("gaps", [None, "?", 3, 4, 5] * 40, "integer", "40%"),
    "mostly gaps": ("gaps", ([None] * 9 + [1.5, None, 2.5, None, 0.25, 7.125] + [None] * 5) * 10, "number", "80%"),
    "identifier": ("identifier", [f"C-{at:05}" for at in range(ROWS)], "identifier", "different in every row"),
    "row numbers": ("identifier", list(range(1, ROWS + 1)), "identifier", "different in every row"),
    "categories": ("many-categories", [f"z{at % 80}" for at in range(ROWS)], "category", "80 different values"),
    "skewed": ("skewed", np.exp(RANDOM.normal(0, 2, ROWS)).tolist(), "number", "very large"),
    "outliers": ("outliers", [*PLAIN["amount"][4:], 900, 901, -700.5, 999], "number", "below"),
    "mixed": ("mixed-types", spoilt(PLAIN["amount"], _6="unknown", _9="tbd"), "number", "'unknown' in row 7"),
    "half numbers": ("mixed-types", [1, "one", 2, "two"] * 50, "category", "100 of 200"),
    "infinite": ("mixed-types", spoilt(PLAIN["amount"], _0="inf"), "number", "'inf' in row 1"),
    "currency": ("dressed-numbers", [f"$ {1 + at / 8:.2f}" for at in range(ROWS)], "number", "'$ 1.00' in row 1"),
    "thousands": ("dressed-numbers", [f'"{1234 + 7 * at:,}"' for at in range(ROWS)], "integer", "'1,234' in row 1"),
    "percent": ("dressed-numbers", [f"{at % 90}.5 %" for at in range(ROWS)], "number", "'0.5 %' in row 1"),
    "dates": ("date", [f"2024-{1 + at % 12:02}-{1 + at % 28:02}" for at in range(ROWS)], "date", "is a date"),
    "bad dates": ("mixed-types", ["2024-01-30"] * 199 + ["2024-02-30"], "date", "'2024-02-30' in row 200"),
    "spellings": ("spellings", ["Yes", "yes ", "no", "No"] * 50, "boolean", "'Yes'"),
    "broken": ("broken-characters", ["M\ufffdnchen", "Bonn"] * 100, "category", "in 100 rows"),
    "huge": ("huge-cell", ["a b c d e f g h", "x " * 8000] * 100, "text", "16,000 characters"),
}


@pytest.mark.parametrize("name", EACH)
def test_a_column_that_is_odd_is_told_of_with_what_to_do(profile: Make, name: str) -> None:
    code, values, type_, text = EACH[name]
    told = profile(csv_of(**PLAIN, odd=values))
    found = warned(told, code)
    assert found["columns"] == ["odd"]
    assert text in found["text"], found
    assert found["remedy"]
    assert column(told, "odd")["type"] == type_


def test_columns_that_are_the_same_rows_that_come_twice_and_pairs_that_go_together_are_told_of(profile: Make) -> None:
    rows = {**PLAIN, "again": PLAIN["amount"], "double": [2 * each + 1e-3 for each in PLAIN["amount"]]}
    text = csv_of(**rows)
    told = profile(text + text.splitlines()[1] + "\n")
    assert warned(told, "duplicate-columns")["columns"] == ["amount", "again"]
    assert "1 rows" in warned(told, "duplicate-rows")["text"]
    assert {"amount", "double"} in [set(one["columns"]) for one in told["warnings"] if one["code"] == "alike"]


def test_a_column_that_knows_the_answer_is_told_of_as_leakage(profile: Make) -> None:
    fraud = (RANDOM.random(ROWS) < 0.15).astype(int)
    paid = np.where(fraud == 1, 0.0, np.abs(PLAIN["amount"]))
    told = profile(csv_of(**PLAIN, paid=paid.tolist(), fraud=fraud.tolist()))
    target = told["target"]
    assert (target["name"], target["problem"]) == ("fraud", "binary")
    assert target["imbalance"] == pytest.approx(fraud.mean())
    assert warned(told, "leakage")["columns"] == ["paid", "fraud"]
    assert warned(told, "leakage")["severity"] == "high"
    assert "fraud is uneven" in warned(told, "imbalance")["text"]
    assert target["columns"][0]["name"] == "paid"
    assert [one["power"] for one in target["columns"][1:]] == pytest.approx([0, 0], abs=0.4)


def test_the_target_is_found_by_its_name_its_place_and_its_values_or_is_the_one_that_was_named(profile: Make) -> None:
    flags = (RANDOM.random(ROWS) < 0.5).astype(int).tolist()
    assert profile(csv_of(y=flags, **PLAIN))["target"]["name"] == "y"
    assert profile(csv_of(**PLAIN, anything=flags))["target"]["name"] == "anything"
    assert profile(csv_of(flag=flags, **PLAIN))["target"]["name"] is None
    assert profile(csv_of(isFraud=flags, **PLAIN))["target"]["name"] == "isFraud"
    asked = profile(csv_of(**PLAIN, anything=flags), target="amount")["target"]
    assert (asked["name"], asked["problem"]) == ("amount", "regression")
    assert profile(csv_of(**PLAIN, anything=flags), target="colour")["target"]["problem"] == "multiclass"


def test_a_target_with_gaps_is_told_of(profile: Make) -> None:
    told = profile(csv_of(**PLAIN, label=["yes", "no", None, "no"] * 50))
    assert told["target"]["gaps"] == 50
    assert warned(told, "target-gaps")["columns"] == ["label"]


def test_a_hundred_columns_alike_are_one_warning(profile: Make) -> None:
    told = profile(csv_of(**PLAIN, **{f"c{at}": ["same"] * ROWS for at in range(100)}))
    found = [one for one in told["warnings"] if one["code"] == "constant"]
    assert len(found) == 1
    assert found[0]["text"].startswith("100 columns")


def test_codes_with_leading_zeros_are_no_numbers(profile: Make) -> None:
    told = profile(csv_of(**PLAIN, zip=["01067", "10115", "04109", "80331"] * 50))
    assert column(told, "zip")["type"] == "category"
    assert "mixed-types" not in codes(told)


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "NaN", "null", "None", "?", "#N/A", "NaT"])
def test_what_counts_as_a_gap(text: str) -> None:
    assert is_gap(text)
    assert not is_gap(f"{text}x0")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234),
        ("1,234,567.8", 1234567.8),
        ("1.234,56", 1234.56),
        ("1.234.567", 1234567),
        ("12,5", 12.5),
        ("-$5", -5),
        ("$-5", -5),
        ("(5.5)", -5.5),
        ("€ 1 234", 1234),
        ("1'000", 1000),
        ("7%", 7),
        ("12-34", None),
        ("1,23,4", None),
        ("(5", None),
        ("5 apples", None),
    ],
)
def test_numbers_that_are_dressed(text: str, value: float | None) -> None:
    assert dressed(text) == value


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2024/2/9", "2024-02-09T00:00:00"),
        ("2024-02-29T12:30:01Z", "2024-02-29T12:30:01"),
        ("2024-02-29 12:30+02:00", "2024-02-29T10:30:00"),
        ("2024-02-29 12:30:01.5", "2024-02-29T12:30:01"),
        ("29.02.2024", "2024-02-29T00:00:00"),
        ("29/02/2024", "2024-02-29T00:00:00"),
        ("3/4/2025", "2025-03-04T00:00:00"),
        ("3.4.2025 08:05", "2025-04-03T08:05:00"),
        ("2023-02-29", None),
        ("20240229", None),
        ("1.5.2", None),
    ],
)
def test_dates(text: str, iso: str | None) -> None:
    found = date(text)
    assert (found is None) == (iso is None)
    if iso is not None:
        assert found == np.datetime64(iso, "s").astype(int)


def test_a_cell_is_what_it_looks_like() -> None:
    told = [kind(text)[0] for text in ("1e3", " 5 ", "1_000", "Infinity", "TRUE", "x", "-", "2024-01-01", "$1")]
    assert told == ["number", "number", "text", "infinite", "truth", "text", "text", "date", "dressed"]
    assert number("1e999") is None
