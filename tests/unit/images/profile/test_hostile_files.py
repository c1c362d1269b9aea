"""Files that are empty, broken, binary or enormous: read for what they are worth, or refused with what to do."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from potager.images.profile import reading
from tests.unit.images.profile.conftest import Make, codes, column, lay, warned

Refuse = Callable[..., str]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"\n \n\n", "blank lines only"),
        ("t.csv", bytes(range(256)) * 40, "binary"),
        ("t.csv", b"\x89PNG\r\n\x1a\n" + b"a" * 500, "binary"),
        ("t.xlsx", b"PK\x03\x04" + b"a" * 500, "export the table"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n")[:-9], "no gzip"),
        ("t.parquet", b"a,b\n1,2\n", "no Parquet"),
        ("t.parquet", b"PAR1" + b"x" * 200 + b"PAR1", "no Parquet"),
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is no JSON"),
        ("t.jsonl", b'{"a": 1}\n[1]\n', "line 2 is no object"),
        ("t.json", b'[{"a": 1}]', "one object a line"),
        ("t.csv", b'a,b\n1,2\n1,"' + b"x,y\n" * 1_100_000, "never closed"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(refusal: Refuse, name: str, content: bytes, text: str) -> None:
    said = refusal(content, name)
    assert text in said
    assert name in said


def test_a_line_without_an_end_is_refused(refusal: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINE", 10_000)
    assert "a line is longer than 10000 characters" in refusal("a,b\n1," + "x" * 20_000)


def test_a_header_alone_is_a_table_without_rows(profile: Make) -> None:
    told = profile("name,amount,label\n")
    assert (told["table"]["rows"], told["table"]["columns"]) == (0, 3)
    assert [one["type"] for one in told["columns"]] == ["empty"] * 3
    assert warned(told, "no-rows")["severity"] == "high"


def test_one_row_is_profiled(profile: Make) -> None:
    told = profile("name,amount\nx,1.5\n")
    assert [one["type"] for one in told["columns"]] == ["constant", "constant"]
    assert warned(told, "few-rows")
    assert profile("5\n")["table"]["header"] is False


def test_rows_of_other_widths_are_filled_or_cut_and_told_of(profile: Make) -> None:
    told = profile("a,b,c\n1,2,3\n4,5\n6,7,8,9\n\n1,2,3\n")
    assert told["table"]["rows"] == 4
    assert column(told, "c")["gaps"]["count"] == 1
    assert "1 rows have too few cells and 1 too many; the first are rows 2, 3" in warned(told, "ragged-rows")["text"]


def test_nul_bytes_are_passed_over_and_told_of(profile: Make) -> None:
    told = profile("a,b\n" + "1,x\n" * 200 + "2\0,y\0\n")
    assert "2 NUL bytes" in warned(told, "nul-bytes")["text"]
    assert column(told, "a")["type"] == "boolean" or column(told, "a")["numbers"]["max"] == 2


@pytest.mark.parametrize(
    ("encoding", "code"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("cp1252", "encoding")]
)
def test_text_is_read_in_its_encoding(profile: Make, encoding: str, code: str | None) -> None:
    told = profile(("stadt,wert\n" + "München,1\nKöln,2\n" * 30).encode(encoding))
    assert {one["value"] for one in column(told, "stadt")["top"]} == {"München", "Köln"}
    assert ("encoding" in codes(told)) == (code is not None)
    if code:
        assert "line 2" in warned(told, code)["text"]


@pytest.mark.parametrize(("delimiter", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv"), ("|", "t.txt")])
def test_cells_are_parted_by_what_parts_them(profile: Make, delimiter: str, name: str) -> None:
    rows = [["a", "b c", "d"], ["1", '"x, y; z"', "0,5"], ["2", "z", "1,5"]]
    told = profile("\n".join(delimiter.join(row) for row in rows if delimiter != "," or row is not rows[1]), name)
    assert told["table"]["files"][0]["delimiter"] == delimiter
    assert told["table"]["columns"] == (4 if delimiter == "," else 3) or told["table"]["columns"] == 3


def test_a_file_that_gzip_packed_is_unpacked(profile: Make) -> None:
    assert profile(gzip.compress(b"a,b\n1,x\n2,y\n"), "t.csv.gz")["table"]["rows"] == 2


def test_several_files_are_one_table_with_one_header(profile: Make) -> None:
    told = profile("a,b\n1,x\n", "p1.csv", {"p2.csv": b"a,b\n2,y\n", "p3.csv": b"3,z\n", ".skip": b"no", "e.csv": b""})
    assert told["table"]["rows"] == 3
    assert column(told, "a")["numbers"]["max"] == 3


def test_a_file_that_is_alone_is_read_whatever_it_is_called(profile: Make) -> None:
    assert profile("a,b\n1,x\n2,y\n", "_claims.csv")["table"]["rows"] == 2


def test_names_that_come_twice_or_are_missing_are_made_up(profile: Make) -> None:
    told = profile("a,,a,a\n" + "1,2,3,x\n" * 60)
    assert [one["name"] for one in told["columns"]] == ["a", "column 2", "a.2", "a.3"]
    assert {"repeated-names", "no-name"} <= codes(told)


def test_a_table_without_names_counts_its_columns(profile: Make) -> None:
    told = profile("1,2.5,x\n2,3.5,y\n")
    assert [one["name"] for one in told["columns"]] == ["column 1", "column 2", "column 3"]
    assert "no-header" in codes(told)
    assert profile("x,y\nz,w\n", header="false")["table"]["rows"] == 2
    assert profile("2019,2020\n1,2\n", header="true")["table"]["rows"] == 1


def test_json_lines_may_name_columns_late_and_hold_anything(profile: Make) -> None:
    told = profile('{"a": 1}\n\n{"b": {"c": [1]}, "a": null}\n{"a": true, "b": "x\\ud800"}\n', "t.jsonl")
    assert [one["name"] for one in told["columns"]] == ["a", "b"]
    assert column(told, "b")["gaps"]["count"] == 1
    assert told["table"]["rows"] == 3


def test_formulas_and_markup_are_text(profile: Make) -> None:
    told = profile("n,t\n1,\"=cmd|' /C calc'!A0\"\n2,<script>alert(1)</script>\n")
    assert column(told, "t")["examples"] == ["=cmd|' /C calc'!A0", "<script>alert(1)</script>"]


def test_very_large_numbers_have_no_moments_and_break_nothing(profile: Make) -> None:
    told = profile("a,b\n" + "".join(f"{sign}1e308,{at}\n" for at, sign in enumerate(["", "-"] * 40)))
    one = column(told, "a")["numbers"]
    assert (one["min"], one["max"]) == (-1e308, 1e308)
    assert one["std"] is None


@pytest.mark.parametrize("said", [{"target": "nobody"}, {"target": "c"}, {"header": "maybe"}, {"seed": "-1"}])
def test_variables_that_make_no_sense_are_refused(profile: Make, said: dict[str, str]) -> None:
    with pytest.raises(Exception, match="variable"):
        profile("a,c\n1,x\n2,x\n", **said)


def test_csv_needs_numpy_alone_and_parquet_says_what_brings_its_reader(
    tmp_path: Path, refusal: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"t.csv": "a,b\n1,x\n2,y\n"})
    ask = (
        "import sys; from pathlib import Path; from potager.images.profile.process import main; "
        f"main(Path({str(tmp_path)!r})); print({{'pandas', 'polars', 'pyarrow', 'scipy'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "processing/output/profile.json").unlink()
    assert "pip install 'potager[parquet]'" in refusal(b"PAR1" + b"x" * 100, "t.parquet")
