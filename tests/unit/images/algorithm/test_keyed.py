"""Records read together are those that are read one by one, whatever their keys are."""

from __future__ import annotations

import numpy as np
import pytest

from potager.images.algorithm import keyed
from potager.images.algorithm.recordio import RecordRows
from tests.unit.images.sparse_records import records


def drawn(rows: int, most: int, entries: tuple[int, int], seed: int = 0) -> tuple[list[dict[int, float]], list[float]]:
    random = np.random.default_rng(seed)
    named = [
        sorted({int(most ** random.random()) for _ in range(random.integers(*entries))}) for _ in range(rows)
    ]  # as many keys of one byte as of four
    return [{key: float(random.normal()) for key in keys} for keys in named], random.normal(size=rows).tolist()


@pytest.mark.parametrize("shape", [None, 30_000_000])
@pytest.mark.parametrize("entries", [(2, 3), (1, 9)])
@pytest.mark.parametrize("labelled", [True, False])
def test_records_read_together_are_those_read_one_by_one(shape: int | None, entries: tuple[int, int], labelled: bool):
    rows, labels = drawn(600, 30_000_000, entries)
    read = RecordRows(records(rows, labels, shape))
    together = read._together(labelled, lambda _: None)
    assert together is not None
    part, width = together
    other, wanted = read._one_by_one(labelled, lambda _: None, False)
    assert width == wanted
    for name in ("sizes", "indices", "values", "labels"):
        np.testing.assert_array_equal(getattr(part, name), getattr(other, name), name)
        assert getattr(part, name).dtype == getattr(other, name).dtype
    assert part.indices.tolist() == [key for row in rows for key in row]


@pytest.mark.parametrize(
    ("rows", "labels", "shape"),
    [
        ([{1: 1.0}, {}], [0, 1], 5),  # a row that names nothing
        ([{1: 1.0}, {7: 1.0}], [0, 1], 5),  # a key beyond the shape
        ([{1: 1.0}, {2**40: 1.0}], [0, 1], None),  # a key that none can be
        ([{1: 1.0}, {2: float("nan")}], [0, 1], None),
        ([{1: 1.0}], [], None),  # no label
    ],
)
def test_what_is_unlike_or_wrong_is_left_to_the_other_reader(rows, labels, shape):
    assert RecordRows(records(rows, labels, shape))._together(True, lambda _: None) is None


def test_data_of_too_many_kinds_is_left_to_the_other_reader(monkeypatch):
    monkeypatch.setattr(keyed, "_TEMPLATES", 3)
    rows, labels = drawn(100, 30_000_000, (1, 9))
    assert RecordRows(records(rows, labels))._together(True, lambda _: None) is None


def test_a_label_that_cannot_stand_is_named_by_its_record():
    read = RecordRows(records([{1: 1.0}] * 4, [0, 1, 7, 1]))
    with pytest.raises(ValueError, match="record 3: no"):
        read.part(True, lambda label: "no" if label > 1 else None)
