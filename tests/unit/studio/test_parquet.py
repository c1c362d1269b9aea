"""Parquet is looked into by a process of its own, which reads little and may die."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import pytest

from potager.studio import glimpse, parquet


def look(content: bytes) -> tuple[glimpse.Glimpse, int]:
    """What is seen of a file, and how many bytes were read."""
    taken: list[int] = []

    async def read(start: int, end: int) -> bytes:
        taken.append(end - start)
        return content[start:end]

    return asyncio.run(parquet.look(read, len(content))), sum(taken)


def written(columns: dict[str, Any], **more: Any) -> bytes:
    pyarrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    writer.write_table(pyarrow.table(columns), out, **more)
    return out.getvalue()


def test_the_first_rows_and_the_types_are_seen() -> None:
    found, _ = look(written({"n": list(range(300)), "who": [None, *(f"w{n}" for n in range(299))]}))
    assert (found.columns, found.types, found.total) == (["n", "who"], ["int64", "string"], 300)
    assert (len(found.rows), found.rows[0], found.rows[99]) == (glimpse.ROWS, ["0", ""], ["99", "w98"])


def test_little_is_read_of_a_large_file() -> None:
    content = written({"x": [os.urandom(16) for _ in range(400_000)]}, compression="none", use_dictionary=False)
    assert len(content) > 6 * 2**20
    found, taken = look(content)
    assert len(found.rows) == glimpse.ROWS
    assert taken < 3 * 2**20


def test_pages_that_are_too_large_are_left_alone() -> None:
    large = [os.urandom(parquet.MOST + 2**20)]
    found, taken = look(written({"x": large}, compression="none", use_dictionary=False, write_statistics=False))
    assert (found.columns, found.rows) == (["x"], [])
    assert "columns are shown alone" in found.notes[0]
    assert taken <= parquet.MOST


def test_many_columns_are_cut() -> None:
    found, _ = look(written({f"c{n}": [n] for n in range(500)}))
    assert (len(found.columns), found.more_columns, found.rows[0][:2]) == (glimpse.COLUMNS, 450, ["0", "1"])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", bytes(5000)])
def test_what_is_broken_is_told(content: bytes) -> None:
    pytest.importorskip("pyarrow")
    found, _ = look(content)
    assert found.notes[0].startswith("It does not read as Parquet")


def test_without_pyarrow_it_is_said_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, taken = look(b"PAR1")
    assert "potager[parquet]" in found.notes[0]
    assert taken == 0


def test_a_process_that_dies_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyarrow.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, _ = look(b"PAR1")
    assert "It does not read as Parquet" in found.notes[0]
