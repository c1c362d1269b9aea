"""What the beginning of a file shows, whatever it is."""

from __future__ import annotations

import gzip

import pytest

from potager.studio import glimpse
from potager.studio.pages.data.kinds import kind_of, media_type
from potager.studio.pages.data.preview import read


@pytest.mark.parametrize("mark", glimpse.DELIMITERS)
def test_the_delimiter_and_the_header_are_guessed(mark: str) -> None:
    text = "\n".join(
        [mark.join(("age", "amount", "region")), *(mark.join((str(n), f"{n}.5", "north")) for n in range(9))]
    )
    found = glimpse.delimited(text, whole=True)
    assert found.columns == ["age", "amount", "region"]
    assert found.rows[1] == ["1", "1.5", "north"]


def test_numbers_alone_have_no_header() -> None:
    found = glimpse.delimited("1,2\n3,4\n", whole=True)
    assert (found.columns, found.rows) == (["1", "2"], [["1", "2"], ["3", "4"]])


def test_a_row_that_breaks_off_is_left_out() -> None:
    assert glimpse.delimited("1,2\n3,", whole=False).rows == [["1", "2"]]
    assert glimpse.delimited("1,2\n3,", whole=True).rows == [["1", "2"], ["3", ""]]


def test_a_quoted_line_end_stays_in_its_cell() -> None:
    found = glimpse.delimited('name,text\na,"one\ntwo, three"\nb,\u2028x\n', whole=True)
    assert found.rows == [["a", "one\ntwo, three"], ["b", "\u2028x"]]


def test_rows_of_another_width_are_told() -> None:
    found = glimpse.delimited("1,2\n3,4\n5\n6,7,8\n", whole=True)
    assert "Row 3 has 1 cells, most have 2." in found.notes
    assert found.rows[2:] == [["5", "", ""], ["6", "7", "8"]]


def test_what_is_wide_long_or_large_is_cut() -> None:
    wide = glimpse.delimited(",".join("1" * 100_000), whole=True)
    assert (len(wide.columns), wide.more_columns) == (glimpse.COLUMNS, 100_000 - glimpse.COLUMNS)
    long = glimpse.delimited("1,2\n" * 10_000, whole=True)
    assert len(long.rows) == glimpse.ROWS
    large = glimpse.delimited("x" * 100_000 + ",1\n2,3\n", whole=True)
    assert len(large.rows[0][0]) == glimpse.CELL + 1
    assert "does not read as CSV" in glimpse.delimited('"' + "x" * 200_000, whole=True).notes[0]


def test_json_lines_are_a_table() -> None:
    found = glimpse.lines('{"a": 1, "b": {"c": 2}}\n\n{"b": "x"}\n', whole=True)
    assert (found.columns, found.rows) == (["a", "b"], [["1", '{"c": 2}'], ["", "x"]])
    assert glimpse.lines("[1, 2]\n[3]\n", whole=True).rows == [["1", "2"], ["3", ""]]
    assert glimpse.lines('1\n"x"\n', whole=True).rows == [["1"], ["x"]]


def test_a_line_that_is_not_json_is_told() -> None:
    found = glimpse.lines('{"a": 1}\n{"a": \n', whole=True)
    assert found.rows == [["1"]]
    assert found.notes[0].startswith("Line 2 is not JSON")
    assert glimpse.lines('{"a": 1}\n{"a": ', whole=False).notes == []


def test_json_is_indented_unless_it_is_hostile() -> None:
    assert glimpse.document('{"a":[1]}', whole=True).text == '{\n  "a": [\n    1\n  ]\n}'
    for hostile in ("[" * 100_000, "1" * 10_000, ("[" * 900 + "]" * 900 + ",") * 100, "{", "NaN,"):
        found = glimpse.document(f"[{hostile}1]", whole=True)
        assert len(found.text) < 2 * glimpse.TEXT


def test_text_is_told_from_bytes() -> None:
    assert glimpse.decoded(b"\xef\xbb\xbfa", whole=True) == ("a", "")
    assert glimpse.decoded("ü".encode()[:1], whole=False) == ("", "")
    assert glimpse.decoded(b"caf\xe9", whole=True) == ("café", "It is not UTF-8 (byte 3); it is shown as Latin-1.")
    assert glimpse.decoded("hé".encode("utf-16"), whole=True)[0] == "hé"
    assert glimpse.decoded(b"a\0b", whole=True)[0] is None
    assert glimpse.decoded(b"\x01\x02\x03\xff", whole=True)[0] is None


def test_gzip_is_opened_and_a_bomb_is_not() -> None:
    packed = gzip.compress(b"1,2\n" * 1000)
    assert read(packed, True, "csv", "a.csv.gz").rows[0] == ["1", "2"]
    assert read(packed[:-9], False, "csv", "a.csv.gz").rows[0] == ["1", "2"]
    assert "Its gzip breaks off: the file is not whole." in read(packed[:-9], True, "csv", "a.csv.gz").notes
    assert "or is broken" in read(b"no gzip", True, "csv", "a.csv.gz").notes[0]
    bomb = gzip.compress(bytes(2**26), 9)
    assert len(glimpse.inflated(bomb, whole=True)[0]) == glimpse.TEXT


def test_kinds_are_told_by_the_end_of_the_key_then_by_the_content_type() -> None:
    assert kind_of("a/B.CSV.gz", "") == "csv"
    assert kind_of("a", "text/csv; charset=utf-8") == "csv"
    assert kind_of("a.svg", "image/svg+xml") == ""
    assert kind_of("page.html", "text/html") == ""
    assert media_type("a.PNG") == "image/png"
    assert media_type("a.png.gz") is None
    assert media_type("a.svg") is None


def test_what_is_empty_says_so() -> None:
    for kind in ("csv", "json", "jsonl", ""):
        assert read(b"", True, kind, "a").notes == ["It is empty."]
    assert read(gzip.compress(b""), True, "csv", "a.gz").notes == ["It is empty, packed."]
    assert glimpse.delimited("\n\n", whole=True).notes == ["It has no rows."]
