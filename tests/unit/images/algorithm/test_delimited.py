"""CSV is read the same by whichever reader: Polars in blocks, numpy, and the one that finds the fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import blocks
from potager.images.algorithm.delimited import CommaFile
from potager.images.algorithm.errors import ClientError

READERS = ("polars", "numpy")


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(blocks, "SMALL", 0 if request.param == "polars" else 1 << 40)
    monkeypatch.setattr(blocks, "_BLOCK", 64)
    return request.param


def table(
    folder: Path, content: str | bytes, labels: int = 1, gaps: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    path = folder / "rows.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    file = CommaFile(path, "train/rows.csv", labels, gaps, lambda _: None, "some-algorithm")
    features, targets = np.empty((file.rows, file.width), np.float32), np.empty(file.rows) if labels else None
    filled = file.fill(features, targets, lambda values: bool(np.isfinite(values).all()))
    return features[:filled], None if targets is None else targets[:filled]


def test_many_rows_are_read_as_numpy_has_them(tmp_path: Path, reader: str):
    rows = np.random.default_rng(3).normal(size=(500, 4)).round(5)
    features, labels = table(tmp_path, "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()))
    assert np.array_equal(features, rows[:, 1:].astype(np.float32))
    assert labels is not None
    assert np.array_equal(labels, rows[:, 0])


@pytest.mark.parametrize(
    "content",
    ["1,2,3\n4,5,6", "1,2,3\r\n4,5,6\r\n", "\n1,2,3\n\n4,5,6\n\n", '1,"2",3\n4,5,"6"\n', "1, 2,3 \n4,5,+6.\n"],
    ids=["no last newline", "windows", "blank lines", "quotes", "spaces"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, reader: str, content: str):
    features, labels = table(tmp_path, content)
    assert features.tolist() == [[2, 3], [5, 6]]
    assert labels is not None
    assert labels.tolist() == [1, 4]


def test_a_byte_order_mark_is_no_part_of_the_first_cell(tmp_path: Path, reader: str):
    assert table(tmp_path, b"\xef\xbb\xbf1,2,3\n")[0].tolist() == [[2, 3]]


def test_rows_without_labels_are_features_alone(tmp_path: Path, reader: str):
    features, labels = table(tmp_path, "1,2\n3,4\n", labels=0)
    assert features.tolist() == [[1, 2], [3, 4]]
    assert labels is None


@pytest.mark.parametrize("gap", ["", " ", '""', "nan", "NaN"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""], ids=["unix", "windows", "none"])
def test_an_empty_cell_is_missing_where_gaps_may_be(tmp_path: Path, reader: str, gap: str, end: str):
    features, _ = table(tmp_path, f"1,{gap},3\n4,5,{gap}{end}", gaps=True)
    assert np.array_equal(features, [[np.nan, 3], [5, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1,2,3\n1,,3\n", "row 2, column 2: the cell is empty"),
        ("1,2,3\n1,red,3\n", "row 2, column 2: 'red' is not a number"),
        ("1,2,3\n1,2\n", "row 2 has 2 columns, but 3 are expected"),
        ("1,2,3\n1,2,3,4\n", "row 2 has 4 columns, but 3 are expected"),
        ("1,2,3\n1,inf,3\n", "row 2, column 2: 'inf' is not a finite number"),
        ("1,2,3\n1,1e39,3\n", "row 2, column 2: '1e39' is not a finite number"),
        ("label,a,b\n1,2,3\n", "row 1 is a header line ('label,a,b')"),
    ],
)
def test_a_fault_is_named_by_row_and_column(tmp_path: Path, reader: str, content: str, fault: str):
    with pytest.raises(ClientError) as error:
        table(tmp_path, content + "1,2,3\n" * 40)
    assert fault in str(error.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1,,3\n1,2\n", "row 2 has 2 columns, but 3 are expected"),
        ("1,,3\n,2,3\n", "row 2, column 1: the cell is empty"),
        ("1,,3\n1,-inf,3\n", "row 2, column 2: '-inf' is not a finite number"),
    ],
)
def test_gaps_excuse_no_other_fault(tmp_path: Path, reader: str, content: str, fault: str):
    with pytest.raises(ClientError) as error:
        table(tmp_path, content, gaps=True)
    assert fault in str(error.value)
