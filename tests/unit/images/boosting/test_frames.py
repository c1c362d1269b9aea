"""Reading tables of numbers and categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.boosting import frames
from potager.images.boosting.categories import Vocabulary, canonical
from potager.images.boosting.places import Place
from potager.images.boosting.split import split


def _place(folder: Path, *files: str) -> Place:
    for number, text in enumerate(files):
        (folder / f"{number}.csv").write_text(text)
    return Place("train", folder)


def test_files_are_read_one_after_another_and_others_passed_over(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_text("done")
    (tmp_path / "categorical_index.json").write_text("{}")
    frame = frames.read(_place(tmp_path, "1,2\n", "", "3,4\n\n5,"), {})
    assert frame.labels.tolist() == [1, 3, 5]
    assert np.array_equal(frame.features, [[2], [4], [np.nan]], equal_nan=True)


def test_a_byte_order_mark_quotes_and_spaces_are_understood(tmp_path: Path) -> None:
    frame = frames.read(_place(tmp_path, '\ufeff1,"2.5", 3\r\n0,+4,1e-2\r\n'), {})
    assert frame.labels.tolist() == [1, 0]
    assert np.allclose(frame.features, [[2.5, 3], [4, 0.01]])


@pytest.mark.parametrize("first", ["1,2", '"1","+2"'])
def test_both_readers_read_the_same(tmp_path: Path, first: str) -> None:
    frame = frames.read(_place(tmp_path, first + "\n-0.5,\n1e3,nan\n"), {})
    assert frame.labels.tolist() == [1, -0.5, 1000]
    assert np.array_equal(frame.features[:, 0], [2, np.nan, np.nan], equal_nan=True)


def test_labels_are_words_where_one_of_them_is(tmp_path: Path) -> None:
    assert frames.read(_place(tmp_path, "1,2\n2.5,3\n", "b,4\n"), {}).labels.tolist() == ["1", "2.5", "b"]


def test_rows_that_the_fast_reader_gives_up_at_are_read_once(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row}\n" for row in range(600_000))  # more than a block
    frame = frames.read(_place(tmp_path, rows + "7,+8\n"), {})
    assert len(frame) == 600_001
    assert frame.labels[-3:].tolist() == [599_998, 599_999, 7]
    assert frame.features[-3:, 0].tolist() == [599_998, 599_999, 8]


def test_categories_have_numbers_in_order_and_gaps_none(tmp_path: Path) -> None:
    colours = Vocabulary()
    frame = frames.read(_place(tmp_path, "1,red\n0,10\n1, 9.0\n0,\n1,red\n"), {1: colours})
    moved = colours.close()
    assert colours.words == ["9", "10", "red"]
    known = frame.features[:, 0]
    assert moved[known[~np.isnan(known)].astype(int)].tolist() == [2, 1, 0, 2]
    assert np.isnan(known[3])
    assert colours.codes(["blue", "9"]).tolist() == [-1, 0]


def test_a_category_is_the_same_however_it_is_written() -> None:
    assert [canonical(cell) for cell in ("3", " 3.0 ", "3.", "-3", "3.5", "three", " ")] == [
        *("3", "3", "3", "-3", "3.5", "three", "")
    ]


def test_every_class_keeps_a_row_to_train_on() -> None:
    codes = np.array([0.0] * 50 + [1.0] * 49 + [2.0])
    kept, held = split(codes, 3, "train")
    assert set(codes[kept]) == {0, 1, 2}
    assert len(held) == 20
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(100))


def test_a_split_needs_rows() -> None:
    with pytest.raises(ClientError, match="too few"):
        split(np.array([0.0, 1.0, 1.0]), 2, "train")
