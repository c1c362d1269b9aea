"""Files as blocks of rows of text: CSV and its kin, JSON Lines, Parquet.

    files ─► format (name, first bytes) ─► one reader a file ─► blocks of rows, each as wide as the table

Rows have all cells that were there: what has too few is filled with gaps, what has too many is cut, and both are
counted. The names of columns are the first row's, where that has words and no number; of several files the first's.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from potager.images.algorithm.errors import ClientError
from potager.images.profile.cells import is_gap, kind

CELL = 4 * 2**20
"""Characters of a cell."""
LINE = 64 * 2**20
"""Characters of a line."""
BLOCK = 400_000
"""Cells of a block."""
HEAD = 2**16
"""Bytes and lines of the beginning that are looked at to tell a format."""
DELIMITERS = (",", ";", "\t", "|")

Row = list[str]


@dataclass
class Notes:
    """What was odd about the files; rows are counted from 1, without the header."""

    files: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    short: int = 0
    long: int = 0
    ragged: list[int] = field(default_factory=list[int])
    nul: int = 0
    undecoded: list[str] = field(default_factory=list[str])
    unnamed: list[int] = field(default_factory=list[int])
    repeated: list[str] = field(default_factory=list[str])
    headless: bool = False


class Table:
    """Files as one table.

    Parameters
    ----------
    paths : the files, in order. header : "true", "false", or "auto" to have the first row say.

    Attributes
    ----------
    names : of the columns; complete once the first block came, and where rows are JSON, once the last one did.
    notes : what was odd; complete once the last block came.
    """

    def __init__(self, paths: Sequence[Path], header: str = "auto") -> None:
        self.paths = [path for path in paths if path.stat().st_size]
        if not self.paths:
            raise ClientError(f"{', '.join(path.name for path in paths) or 'The input'}: the file is empty.")
        self.names: list[str] = []
        self.notes = Notes()
        self._header = header
        self._rows = 0

    def blocks(self) -> Iterator[list[Row]]:
        """The rows, some at a time."""
        for path in self.paths:
            kind_ = _format(path)
            self.notes.files.append({"name": path.name, "bytes": path.stat().st_size, "format": kind_})
            read = {"parquet": self._parquet, "jsonlines": self._lines, "csv": self._delimited}[kind_]
            yield from read(path)

    def _delimited(self, path: Path) -> Iterator[list[Row]]:
        encoding, where = _encoding(path)
        if where:
            self.notes.undecoded.append(where)
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
            head = [line for line in (text.readline(HEAD * 16) for _ in range(30)) if line]
        delimiter = _delimiter(head, path)
        self.notes.files[-1] |= {"delimiter": delimiter, "encoding": encoding}
        csv.field_size_limit(CELL)
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
            rows = csv.reader(self._bounded(text, path), delimiter=delimiter)
            try:
                yield from self._blocks(row for row in rows if len(row) > 1 or (row and row[0].strip()))
            except csv.Error as error:
                raise ClientError(
                    f"{path.name}: line {rows.line_num}: {error}. A quote that is opened and never closed makes one "
                    "cell of all that follows: correct the quote, or split the cell."
                ) from error

    def _bounded(self, text: io.TextIOWrapper, path: Path) -> Iterator[str]:
        """Lines, of a bounded length and without NUL, which no reader of tables likes."""
        while line := text.readline(LINE):
            if len(line) >= LINE:
                raise ClientError(f"{path.name}: a line is longer than {LINE} characters. Is it a table of text?")
            if "\0" in line:
                self.notes.nul += line.count("\0")
                line = line.replace("\0", "")
            yield line

    def _blocks(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        first = next(rows, None)
        if first is None:
            return
        if not self.names:
            headed = self._header == "true" or (self._header == "auto" and is_header(first))
            self.names = self._named(first) if headed else [f"column {at}" for at in range(1, len(first) + 1)]
            self.notes.headless = not headed
            block: list[Row] = [] if headed else [first]
        else:
            block = [] if [cell.strip() for cell in first] == self.names else [first]
        width = len(self.names)
        most = max(1, BLOCK // width)
        for row in rows:
            block.append(row)
            if len(block) >= most:
                yield self._even(block, width)
                block = []
        if block:
            yield self._even(block, width)

    def _even(self, block: list[Row], width: int) -> list[Row]:
        """The rows, all of the table's width."""
        for at, row in enumerate(block):
            if len(row) == width:
                continue
            if len(self.notes.ragged) < 5:
                self.notes.ragged.append(self._rows + at + 1)
            if len(row) < width:
                self.notes.short += 1
                block[at] = row + [""] * (width - len(row))
            else:
                self.notes.long += 1
                block[at] = row[:width]
        self._rows += len(block)
        return block

    def _named(self, first: Row) -> list[str]:
        names: list[str] = []
        taken: set[str] = set()
        for at, cell in enumerate(first, 1):
            name = cell.strip()[:256]
            if not name:
                self.notes.unnamed.append(at)
                name = f"column {at}"
            if name in taken:
                self.notes.repeated.append(name)
                name = next(one for one in (f"{name}.{n}" for n in range(2, len(first) + 2)) if one not in taken)
            taken.add(name)
            names.append(name)
        return names

    def _lines(self, path: Path) -> Iterator[list[Row]]:
        self.notes.files[-1]["encoding"] = "utf-8"
        places = {name: at for at, name in enumerate(self.names)}
        block: list[Row] = []
        cells = 0
        with _opened(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE), b""), 1):
                if not line.strip():
                    continue
                row = _record(path, number, line, places)
                if len(places) > len(self.names):
                    self.names += list(places)[len(self.names) :]
                block.append(row)
                cells += len(self.names)
                if cells >= BLOCK:
                    self._rows += len(block)
                    yield _filled(block, len(self.names))
                    block, cells = [], 0
        self._rows += len(block)
        if block:
            yield _filled(block, len(self.names))

    def _parquet(self, path: Path) -> Iterator[list[Row]]:
        try:
            import pyarrow as arrow  # pyright: ignore[reportMissingTypeStubs]
            from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            remedy = "Install it where Potager runs: pip install 'potager[parquet]'. Or give CSV."
            raise ClientError(f"{path.name}: Parquet needs pyarrow. {remedy}") from error
        try:
            file = cast("Any", parquet).ParquetFile(path, memory_map=True)
            names = [str(name) for name in file.schema_arrow.names]
            self.names = self.names or self._named(names)
            most = max(1, BLOCK // max(len(names), 1))
            for batch in file.iter_batches(batch_size=most, use_threads=False):
                columns = [_texts(arrow, batch.column(at)) for at in range(batch.num_columns)]
                yield self._even([list(row) for row in zip(*columns, strict=True)], len(self.names))
        except (cast("Any", arrow).ArrowException, OSError) as error:
            told = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise ClientError(f"{path.name}: it is no Parquet that can be read: {told}.") from error


def is_header(row: Sequence[str]) -> bool:
    """Whether a row names columns: it has words, and neither numbers nor dates."""
    names = [cell.strip() for cell in row if not is_gap(cell)]
    found = {kind(name)[0] for name in names}
    if found == {"truth"}:  # y is a column's name as often as a yes
        return len(set(names)) == len(names) and all(len(name) == 1 for name in names)
    return bool(found) and found <= {"text", "truth"}


def _opened(path: Path) -> BinaryIO:
    """A file's bytes, of what gzip made what it was made of."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


def _format(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    with _opened(path) as file:
        try:
            head = file.read(HEAD)
        except (OSError, EOFError) as error:
            raise ClientError(f"{path.name}: it is no gzip that can be read: {error}.") from error
    if head.startswith(b"PAR1"):
        return "parquet"
    if name.endswith(".parquet"):
        raise ClientError(f"{path.name}: it is no Parquet: it does not begin with PAR1. Is it what its name says?")
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and _binary(head):
        raise ClientError(
            f"{path.name}: it is no table of text, but binary. A profile reads CSV and other delimited text, JSON "
            "Lines and Parquet: export the table as one of them."
        )
    bare = head.lstrip(codecs.BOM_UTF8).lstrip()
    if name.endswith((".jsonl", ".ndjson", ".jsonlines")) or bare.startswith(b"{"):
        return "jsonlines"
    if name.endswith(".json") or bare.startswith((b"[{", b"[\n", b"[ ")):
        raise ClientError(f"{path.name}: it is one JSON document. Write one object a line instead (JSON Lines).")
    return "csv"


def _binary(head: bytes) -> bool:
    odd = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 11, 12, 13))
    return odd > len(head) * 0.05 or head.startswith((b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"%PDF"))


def _encoding(path: Path) -> tuple[str, str]:
    """The encoding of a file, and where it is not UTF-8 though nothing says so, "" where it is."""
    with _opened(path) as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", ""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with _opened(path) as file:
        try:
            for part in iter(lambda: file.read(2**20), b""):
                try:
                    decoder.decode(part)
                except UnicodeDecodeError as error:
                    place = line + part[: error.start].count(b"\n")
                    return "cp1252", f"{path.name}, line {place}: the byte 0x{error.object[error.start]:02x}"
                line += part.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252", f"{path.name}, line {line}: it ends within a character"
        except (OSError, EOFError) as error:
            raise ClientError(f"{path.name}: it is no gzip that can be read: {error}.") from error
    return "utf-8-sig", ""


def _delimiter(lines: Sequence[str], path: Path) -> str:
    """What parts the cells: what gives the most lines the same number of them, and more than one."""
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"

    def even(delimiter: str) -> tuple[float, int]:
        csv.field_size_limit(CELL)
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        usual = max(set(widths), key=widths.count) if widths else 1
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual

    return max(DELIMITERS, key=even)


def _record(path: Path, number: int, line: bytes, places: dict[str, int]) -> Row:
    """An object's values in the order of the columns; a name that is new becomes one."""
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ClientError(f"{path.name}: line {number} is no JSON: {error}. Write one object a line.") from error
    if not isinstance(found, dict):
        raise ClientError(f"{path.name}: line {number} is no object, but {line[:40]!r}. Write one object a line.")
    told = cast("dict[str, Any]", found)
    for name in told:
        places.setdefault(name, len(places))
    row = [""] * len(places)
    for name, value in told.items():
        row[places[name]] = _text(value)
    return row


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _filled(block: list[Row], width: int) -> list[Row]:
    return [row if len(row) == width else row + [""] * (width - len(row)) for row in block]


def _texts(arrow: Any, column: Any) -> list[str]:
    """An Arrow column as text, what is null being empty."""
    types = arrow.types
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    plain: Callable[[Any], bool] = types.is_nested
    if plain(column.type) or types.is_binary(column.type) or types.is_large_binary(column.type):
        return [_text(value) if not isinstance(value, bytes) else value.hex()[:64] for value in column.to_pylist()]
    return [text or "" for text in column.cast(arrow.string()).to_pylist()]
