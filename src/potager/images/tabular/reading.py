"""Tables, some rows at a time, every cell a text: what stands between cells, and whether there is a header line.

Standard library only: the server looks at the beginning of tables by these functions, too.
"""

from __future__ import annotations

import csv
import gzip
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potager.images.algorithm.errors import ClientError

if TYPE_CHECKING:
    from typing import TextIO

DELIMITERS = (",", ";", "\t", "|")
AT_ONCE = 2**19
"""Cells that are held at once."""
GAPS = ("", "na", "n/a", "nan", "null", "none", "?")
"""What stands for a value that is missing, in lower case."""


def number(cell: str) -> float | None:
    """The finite number that a cell spells, None where it spells none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def gap(cell: str) -> bool:
    """Whether a cell says that its value is missing."""
    return cell.strip().lower() in GAPS


def delimiter(text: str) -> str:
    """What stands between the cells of a table's first line."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=line.count)


def headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of some rows names the columns: no cell of it is a number or empty, and all differ.

    Where no row below has a number either, it has to be more than one row of texts to tell: names recur nowhere.
    """
    if len(rows) < 2:
        return False
    first = [cell.strip() for cell in rows[0]]
    if len(set(first)) < len(first) or any(not cell or number(cell) is not None for cell in first):
        return False
    if any(number(cell) is not None for row in rows[1:] for cell in row):
        return True
    below = [{row[index].strip() for row in rows[1:] if index < len(row)} for index in range(len(first))]
    return len(rows) > 2 and all(cell not in cells for cell, cells in zip(first, below, strict=True)) and len(first) > 2


class Table:
    """The files of a folder as one table.

    Attributes
    ----------
    names : of the columns, from the first file's header; every file has the same.

    `ClientError` names file and row for what is no table.
    """

    def __init__(self, folder: Path) -> None:
        self.files = sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))
        )
        self.files = [path for path in self.files if path.stat().st_size]
        if not self.files:
            raise ClientError("The input holds no file with rows in it. Give the address of a CSV or Parquet file.")
        self.names = _named(next(self._opened(self.files[0]))[1])
        twice = [name for name in self.names if self.names.count(name) > 1]
        if twice:
            raise ClientError(f"Two columns of {self.files[0].name} are called '{twice[0]}'. Rename one.")

    def columns(self) -> Iterator[list[list[str]]]:
        """The cells by column, of some rows at a time, stripped of blanks."""
        most = max(1, AT_ONCE // len(self.names))
        rows = self._rows()
        while some := list(islice(rows, most)):
            yield [list(map(str.strip, column)) for column in zip(*some, strict=True)]

    def _rows(self) -> Iterator[Sequence[str]]:
        for path in self.files:
            rows = self._opened(path)
            if _named(next(rows)[1]) != self.names:
                raise ClientError(
                    f"{path.name} has other columns than {self.files[0].name}. Give tables that are alike."
                )
            for line, row in rows:
                if len(row) != len(self.names):
                    raise ClientError(
                        f"{path.name}, row {line}: there are {len(row)} cells, but the header names "
                        f"{len(self.names)} columns. Mend that row; a text that holds the separator needs quotes."
                    )
                yield row

    def _opened(self, path: Path) -> Iterator[tuple[int, Sequence[str]]]:
        """The header's names, then the rows, each with its number in the file."""
        with path.open("rb") as file:
            magic = file.read(4)
        if magic == b"PAR1":
            yield from _parquet(path)
            return
        zipped: Any = gzip.open if magic[:2] == b"\x1f\x8b" else open
        with zipped(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield from _csv(path.name, file)


def _named(header: Sequence[str]) -> list[str]:
    return [name.strip() for name in header]


def _csv(name: str, file: TextIO | Any) -> Iterator[tuple[int, Sequence[str]]]:
    csv.field_size_limit(sys.maxsize)
    try:
        beginning = file.read(2**16)
        between = delimiter(beginning)
        file.seek(0)
        rows = csv.reader(file, delimiter=between)
        for row in rows:
            if row:
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error, OSError, EOFError) as error:
        raise ClientError(f"{name} is not a CSV file of UTF-8 text: {error}. Save it as one.") from error


def _parquet(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise ClientError(
            f"{path.name} is Parquet, which needs pyarrow. Install it: pip install 'potager[parquet]', or give CSV."
        ) from error
    file: Any = parquet.ParquetFile(path)
    yield 0, [str(name) for name in file.schema_arrow.names]
    line = 0
    for batch in file.iter_batches(batch_size=4096):
        columns = [map(_text, column.to_pylist()) for column in batch.columns]
        for row in zip(*columns, strict=True):
            line += 1
            yield line, row


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell).strip()


__all__ = ["GAPS", "Table", "delimiter", "gap", "headed", "number"]
