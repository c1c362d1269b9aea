"""Raw tables become labels and numbers; what cannot be used is named with its row and a remedy."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.tabular import reading
from potager.images.tabular.plan import Plan
from potager.images.tabular.program import make, said


def claims(rows: int = 200) -> str:
    lines = ["claim_id,day,age,kind,open,same,fraud"]
    for index in range(rows):
        cells = (
            f"C{index}",
            f"2024-0{index % 9 + 1}-1{index % 7}",
            "" if index % 10 == 3 else str(20 + index % 50),
            ("car", "home", "bike", "")[index % 4],
            str(index % 3),
            "x",
            "yes" if index % 5 == 0 else "no",
        )
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


class Made:
    """A table, made ready."""

    def __init__(self, folder: Path, files: dict[str, str | bytes], **plan: Any) -> None:
        source = folder / "in"
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self.recipe = make(source, Plan.of(plan), folder / "out")
        self.out = folder / "out"

    def rows(self, part: str) -> list[list[str]]:
        with (self.out / part / f"{part}.csv").open() as file:
            return list(csv.reader(file))


def test_the_label_comes_first_and_every_cell_is_a_number(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud", shares={"validation": 0.2})
    train, validation = made.rows("train"), made.rows("validation")
    assert (len(train), len(validation)) == (160, 40)
    assert all(float(cell) is not None for row in train + validation for cell in row)
    assert {row[0] for row in train} == {"0", "1"}
    assert len(train[0]) == 1 + len(made.recipe["features"])
    assert made.recipe["classes"] == ["no", "yes"]
    assert set(made.recipe["dropped"]) == {"claim_id", "same"}
    assert made.recipe["features"][:4] == ["day day", "day month", "day weekday", "age"]
    assert "kind is (missing)" in made.recipe["features"]
    assert json.loads((made.out / "recipe" / "recipe.json").read_text()) == made.recipe
    assert said(made.recipe).startswith("160 for train, 40 for validation")


def test_what_is_left_out_says_why(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud", drop=["claim_id", "age"])
    assert made.recipe["dropped"] == {
        "claim_id": "nearly every row has another value: it names rows",
        "age": "you left it out",
        "same": "it is the same in every row",
    }


def test_every_class_is_shared_out_alike(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims(1000)}, target="fraud", shares={"validation": 0.1, "test": 0.2})
    rares = {part: sum(row[0] == "1" for row in made.rows(part)) for part in ("train", "validation", "test")}
    assert rares == {"train": 140, "validation": 20, "test": 40}


def test_gaps_are_filled_by_what_training_rows_say_alone(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud", shares={"validation": 0.5})
    features = made.recipe["features"]
    age, flag = 1 + features.index("age"), 1 + features.index("age is missing")
    known = [float(row[age]) for row in made.rows("train") if row[flag] == "0"]
    filled = {float(row[age]) for part in ("train", "validation") for row in made.rows(part) if row[flag] == "1"}
    assert list(filled) == [pytest.approx(sum(known) / len(known))]


def test_gaps_stay_empty_and_categories_are_numbers_where_that_is_wanted(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, target="fraud", gaps="empty", categories="numbers")
    assert made.recipe["empty_cells"]
    features = made.recipe["features"]
    assert features == ["day day", "day month", "day weekday", "age", "kind", "open"]
    assert "" in {row[4] for row in made.rows("train")}
    assert {row[5] for row in made.rows("train")} == {"0", "1", "2", "3"}


def test_numbers_are_scaled_by_the_training_rows(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": claims()}, drop=["day", "kind", "fraud"], scale=True)
    columns = list(zip(*made.rows("train"), strict=True))
    assert sum(map(float, columns[0])) == pytest.approx(0, abs=1e-6)
    assert made.recipe["problem"] == "none"


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["legit", "fraud"], ["legit", "fraud"]),
        (["N", "Y"], ["N", "Y"]),
        (["2", "10"], ["2", "10"]),
        (["b", "a", "c"], ["a", "b", "c"]),
        (["1.5", "2"], []),
    ],
)
def test_classes_are_counted_in_an_order_that_people_expect(
    tmp_path: Path, values: list[str], classes: list[str]
) -> None:
    rows = "".join(f"{index % 7},{values[index % len(values)]}\n" for index in range(42))
    made = Made(tmp_path, {"a.csv": f"x,y\n{rows}"}, target="y")
    assert made.recipe["classes"] == classes


def test_the_rarer_of_two_words_is_1(tmp_path: Path) -> None:
    rows = "".join(f"{index},{'left' if index % 4 else 'stayed'}\n" for index in range(40))
    assert Made(tmp_path, {"a.csv": f"x,y\n{rows}"}, target="y").recipe["classes"] == ["left", "stayed"]


def test_several_files_semicolons_gzip_and_blanks_are_read(tmp_path: Path) -> None:
    first, second = "a;b;y\n1;2;0\n3; 4;1\n", "a;b;y\n5;6;0\n7;8;1\n"
    made = Made(
        tmp_path, {"1.csv": "\ufeff" + first, "2.csv.gz": gzip.compress(second.encode()), "_x": "no"}, target="y"
    )
    assert made.rows("train") == [["0", "1", "2"], ["1", "3", "4"], ["0", "5", "6"], ["1", "7", "8"]]


def test_parquet_is_read(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"x": [1.5, None, 3.0, 4.0], "k": ["a", "b", "a", "b"], "y": [True, False, True, False]})
    parquet.write_table(table, tmp_path / "t.parquet")
    made = Made(tmp_path, {"t.parquet": (tmp_path / "t.parquet").read_bytes()}, target="y")
    assert made.recipe["classes"] == ["false", "true"]
    assert [row[0] for row in made.rows("train")] == ["1", "0", "1", "0"]


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    def drawn(name: str, seed: int) -> list[list[str]]:
        (tmp_path / name).mkdir()
        plan: dict[str, Any] = {"target": "fraud", "shares": {"validation": 0.3}, "seed": seed}
        return Made(tmp_path / name, {"a.csv": claims()}, **plan).rows("validation")

    assert drawn("a", 1) == drawn("b", 1) != drawn("c", 2)


@pytest.mark.parametrize("at_once", [1, 50, 700])
def test_it_is_the_same_however_many_rows_are_held_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    text = claims(300).replace(",yes", ",", 7)
    for name, plan in {"a": {"scale": True}, "b": {"categories": "numbers", "gaps": "empty"}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}-few").mkdir()
        shares = {"validation": 0.2, "test": 0.1}
        whole = Made(tmp_path / name, {"a.csv": text}, target="fraud", shares=shares, **plan)
        with monkeypatch.context() as patched:
            patched.setattr(reading, "AT_ONCE", at_once)
            few = Made(tmp_path / f"{name}-few", {"a.csv": text}, target="fraud", shares=shares, **plan)
        assert few.recipe == whole.recipe
        assert [few.rows(part) for part in ("train", *shares)] == [whole.rows(part) for part in ("train", *shares)]


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    made = Made(tmp_path, {"a.csv": "x,y\n1,0\n2,\n3,1\n4,NA\n"}, target="y")
    assert made.recipe["unlabelled"] == 2
    assert "2 rows have no label" in said(made.recipe)


@pytest.mark.parametrize(
    ("content", "plan", "text"),
    [
        ("", {}, "no file with rows"),
        ("x,y\n", {"target": "y"}, "no rows"),
        ("x,y\n1,2,3\n", {}, "a.csv, row 2: there are 3 cells"),
        ("x,x\n1,2\n", {}, "Two columns of a.csv are called 'x'"),
        ("x,y\n1,2\n3,4\n", {"target": "z"}, "no column 'z'"),
        ("x,y\n1,a\n2,a\n", {"target": "y"}, "'a' in every row"),
        ("x,y\n1,\n2,\n", {"target": "y"}, "empty in every row"),
        ("x,y\n1,a\n2,b\n", {"target": "y", "problem": "number"}, "'a', which is no number"),
        ("x,y\n1,a\n1,b\n", {"target": "y"}, "No column is left"),
        (b"x,y\n\xff,1\n", {}, "not a CSV file of UTF-8"),
        ("x,y\n1,2\n", {"shares": {"validation": 1}}, "from 0 to below 1"),
        ("x,y\n1,2\n", {"shares": {"validation": 0.5, "test": 0.5}}, "no rows to train on"),
        ("x,y\n1,2\n", {"levels": 0}, "levels is 0"),
        ("x,y\n1,2\n", {"gaps": "zero"}, "gaps is 'zero'"),
        ("x,y\n1,2\n", {"colour": 1}, "'colour', which is no part"),
        ("x,y\n1,2\n", {"seed": "x"}, "wrong type"),
        ("x,y\n1,2\n", {"target": "x", "drop": ["x"]}, "cannot be left out"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: str | bytes, plan: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError, match=text):
        Made(tmp_path, {"a.csv": content}, **plan)
