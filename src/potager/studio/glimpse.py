"""The beginning of a file, made readable: a table, or text. Pure: bytes in, something to show out.

What is wrong with a file is said and never raised: it is somebody's data, and hostile at worst. Everything that comes
out is bounded: rows, columns, letters of a cell.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from potager.studio.cells import numeric

ROWS = 100
COLUMNS = 50
CELL = 200
"""Letters of a cell."""
LINES = 50
"""Rows by which a delimiter is guessed."""
TEXT = 256 * 2**10
"""Letters of a text, and bytes of a file, that are looked at."""
DELIMITERS = (",", "\t", ";", "|")


@dataclass
class Glimpse:
    """What is shown of a file.

    Parameters
    ----------
    columns : names, or numbers where the file has no header. types : theirs, where the file says so.
    rows : of as many cells as there are columns. numeric : which columns hold numbers alone.
    more_columns : how many are not shown.
    total : rows of the whole file, None where that is not known.
    text : instead of a table. notes : what was guessed, and what is wrong.
    """

    columns: list[str] = field(default_factory=list[str])
    types: list[str] = field(default_factory=list[str])
    rows: list[list[str]] = field(default_factory=list[list[str]])
    numeric: list[bool] = field(default_factory=list[bool])
    more_columns: int = 0
    total: int | None = None
    text: str = ""
    notes: list[str] = field(default_factory=list[str])


def inflated(data: bytes, whole: bool) -> tuple[bytes, bool, str]:
    """The beginning of what gzip packed, whether that is all of it, and what is wrong with it.

    whole : whether `data` is all of the file.
    """
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        out = reader.decompress(data, TEXT)
    except zlib.error:
        return b"", False, "It is called gzip, and is not, or is broken."
    done = reader.eof and not reader.unused_data
    broken = whole and not reader.eof and not reader.unconsumed_tail and len(out) < TEXT
    return out, done, "Its gzip breaks off: the file is not whole." if broken else ""


def decoded(data: bytes, whole: bool) -> tuple[str | None, str]:
    """Bytes as text, and how they were read where that is not UTF-8; None for what is no text."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(name, "replace"), "It is UTF-16."
    if b"\0" in data:
        return None, ""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data, whole), ""
    except UnicodeDecodeError as error:
        control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data)
        if control * 20 > len(data):
            return None, ""
        return data.decode("latin-1"), f"It is not UTF-8 (byte {error.start}); it is shown as Latin-1."


def delimited(text: str, whole: bool, delimiter: str = "") -> Glimpse:
    """A table of delimited text. delimiter : "" to guess."""
    mark = delimiter or _delimiter(text)
    try:
        rows = _rows(text, mark, whole, ROWS + 1)
    except csv.Error as error:
        return Glimpse(text=text, notes=[f"It does not read as CSV: {error}."])
    if not rows:
        return Glimpse(notes=["It has no rows."])
    width = max(len(row) for row in rows)
    headed = _headed(rows)
    body = rows[1:] if headed else rows[:ROWS]
    names = rows[0] if headed else [str(number) for number in range(1, width + 1)]
    names = [*names, *(str(number) for number in range(len(names) + 1, width + 1))]
    notes = [f"Columns are parted by {_named(mark)}."]
    notes += ["The first row is taken for the names."] if headed else ["It has no header: columns are numbered."]
    usual = Counter(len(row) for row in rows).most_common(1)[0][0]
    odd = next((number for number, row in enumerate(rows, 1) if len(row) != usual), None)
    if odd is not None:
        notes.append(f"Row {odd} has {len(rows[odd - 1])} cells, most have {usual}.")
    return _table(names, body, notes)


def _rows(text: str, mark: str, whole: bool, most: int) -> list[list[str]]:
    """The first rows that are not empty; the last one is left out where the text breaks off in it."""
    found: list[list[str]] = []
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark):
        if row:
            found.append(row)
        if len(found) > most:
            return found[:most]
    return found if whole or len(found) < 2 else found[:-1]


def _delimiter(text: str) -> str:
    """The sign that makes rows of alike many cells, and the most of them."""
    best, most = ",", 1.0
    for mark in DELIMITERS:
        try:
            counts = Counter(len(row) for row in _rows(text[: 2**16], mark, False, LINES))
        except csv.Error:
            continue
        if not counts:
            continue
        width, times = counts.most_common(1)[0]
        score = width * (times / counts.total()) ** 2
        if width > 1 and score > most:
            best, most = mark, score
    return best


def _named(mark: str) -> str:
    return {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}.get(mark, mark)


def _headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: none of it is a number, and it is unlike what stands below."""
    first, others = rows[0], rows[1:]
    if not others or len({cell.strip() for cell in first}) < len(first) or any(numeric(cell) for cell in first):
        return False
    if any(not cell.strip() for cell in first):
        return False
    below = [[row[at] for row in others if at < len(row)] for at in range(len(first))]
    if any(cells and all(numeric(cell) or not cell for cell in cells) for cells in below):
        return True
    return not any(name in cells for name, cells in zip(first, below, strict=True))


def lines(text: str, whole: bool) -> Glimpse:
    """A table of JSON Lines: objects by their members, lists by place."""
    kept = text.split("\n")
    if not whole and len(kept) > 1:
        kept = kept[:-1]
    items: list[Any] = []
    notes: list[str] = []
    for number, line in enumerate(kept, 1):
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            notes.append(f"Line {number} is not JSON: {_short(str(error))}.")
            break
        if len(items) == ROWS:
            break
    if not items:
        return Glimpse(text=text, notes=notes or ["It has no rows."])
    names = list(dict.fromkeys(name for item in items if isinstance(item, dict) for name in cast("Any", item)))
    width = max((len(cast("Any", item)) for item in items if isinstance(item, list)), default=0)
    if names and not width:
        return _table(names, [[_shown(item, name) for name in names[:COLUMNS]] for item in items], notes)
    if width:
        return _table([str(number) for number in range(1, width + 1)], [_cells(item) for item in items], notes)
    return _table(["value"], [[_text(item)] for item in items], notes)


def _cells(item: Any) -> list[str]:
    cells = cast("list[Any]", item) if isinstance(item, list) else [item]
    return [_text(cell) for cell in cells[:COLUMNS]]


def _shown(item: Any, name: str) -> str:
    if not isinstance(item, dict):
        return ""
    found = cast("dict[str, Any]", item)
    return _text(found[name]) if name in found else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def document(text: str, whole: bool) -> Glimpse:
    """JSON, indented; as it is where only its beginning is here, or it does not read."""
    if not whole:
        return Glimpse(text=text, notes=["Only its beginning is shown, as it is."])
    try:
        parts, size = list[str](), 0
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(text)):
            parts.append(part)
            size += len(part)
            if size > TEXT:
                return Glimpse(text=text)
    except (ValueError, RecursionError) as error:
        return Glimpse(text=text, notes=[f"It is not JSON: {_short(str(error))}."])
    return Glimpse(text="".join(parts))


def table(names: Sequence[str], rows: Sequence[Sequence[str]], types: Sequence[str], total: int | None) -> Glimpse:
    """A table that somebody else has read."""
    found = _table(names, rows, [])
    found.types, found.total = [_short(kind) for kind in types[:COLUMNS]], total
    return found


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], notes: list[str]) -> Glimpse:
    width = min(len(names), COLUMNS)
    cells = [[*map(_short, row[:width]), *[""] * (width - len(row))] for row in rows[:ROWS]]
    figures = [
        any(row[at] for row in cells) and all(not row[at] or numeric(row[at]) for row in cells) for at in range(width)
    ]
    return Glimpse([_short(name) for name in names[:width]], [], cells, figures, len(names) - width, notes=notes)


def _short(text: str) -> str:
    return text if len(text) <= CELL else text[:CELL] + "…"
