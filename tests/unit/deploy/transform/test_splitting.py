"""Whatever the chunks that an object arrives in, its batches are the object, and no record is cut."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.deploy.transform.faults import BadRecord
from potager.deploy.transform.splitting import MAGIC, Batch, Sizes, Splitter, frames, splitter

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30)
PAYLOADS = st.lists(st.binary(max_size=20), max_size=20)
CHUNK = st.integers(1, 17)
AMPLE = Sizes(64, 64)


def cut(cutter: Splitter, data: bytes, chunk: int) -> list[Batch]:
    found = [batch for at in range(0, len(data), chunk) for batch in cutter.feed(data[at : at + chunk])]
    return found + list(cutter.finish())


def record(payload: bytes, flag: int = 0) -> bytes:
    return struct.pack("<II", MAGIC, flag << 29 | len(payload)) + payload + bytes(-len(payload) % 4)


@given(LINES, st.booleans(), CHUNK, st.integers(13, 64))
def test_batches_of_lines_are_the_object_and_end_where_lines_end(
    lines: list[bytes], ended: bool, chunk: int, most: int
) -> None:
    data = b"\n".join(lines) + b"\n" * ended
    batches = cut(splitter("Line", False, Sizes(most, most)), data, chunk)
    assert b"".join(batch.body for batch in batches) == data
    assert all(len(batch.body) <= most for batch in batches)
    assert all(batch.body.endswith(b"\n") for batch in batches[:-1])
    before = 0
    for batch in batches:
        assert batch.first == before + 1
        before += batch.body.count(b"\n")


@given(LINES, CHUNK)
def test_lines_that_go_alone_are_all_there_but_the_blank_ones_and_know_their_numbers(
    lines: list[bytes], chunk: int
) -> None:
    batches = cut(splitter("Line", True, AMPLE), b"\n".join(lines) + b"\n", chunk)
    assert [(batch.first, batch.body) for batch in batches] == [
        (number, line + b"\n") for number, line in enumerate(lines, 1) if line and not line.isspace()
    ]


@given(PAYLOADS, st.booleans(), CHUNK, st.integers(28, 80))
def test_batches_of_records_are_the_object_and_hold_whole_records(
    payloads: list[bytes], single: bool, chunk: int, most: int
) -> None:
    data = b"".join(map(record, payloads))
    batches = cut(splitter("RecordIO", single, Sizes(most, most)), data, chunk)
    assert b"".join(batch.body for batch in batches) == data
    assert all(len(batch.body) <= most for batch in batches)
    counts = [len(list(frames(batch.body))) for batch in batches]
    assert sum(counts) == len(payloads)
    assert not single or set(counts) <= {1}
    assert [batch.first for batch in batches] == [1 + sum(counts[:index]) for index in range(len(counts))]
    assert all(list(frames(batch.body))[-1] == len(batch.body) for batch in batches)


def test_batches_are_filled_as_far_as_lines_go() -> None:
    batches = cut(splitter("Line", False, Sizes(10, 10)), b"aaa\nbbb\nccc\nddd\n", 16)
    assert [batch.body for batch in batches] == [b"aaa\nbbb\n", b"ccc\nddd\n"]


def test_a_record_that_is_split_at_a_magic_number_stays_together() -> None:
    split = record(b"abcd", 1) + record(b"efgh", 2) + record(b"ij", 3)
    batches = cut(splitter("RecordIO", True, AMPLE), record(b"x") + split + record(b"y"), 5)
    assert [batch.body for batch in batches] == [record(b"x"), split, record(b"y")]


@pytest.mark.parametrize(("split", "data"), [("Line", b"short\n" + b"x" * 99), ("None", b"x" * 99)])
@pytest.mark.parametrize("single", [False, True])
def test_a_record_larger_than_a_request_is_refused(split: str, data: bytes, single: bool) -> None:
    with pytest.raises(BadRecord, match="MaxPayloadInMB") as refusal:
        cut(splitter(split, single, AMPLE), data, 7)
    assert refusal.value.index == (1 if split == "Line" else 0)


@pytest.mark.parametrize("single", [False, True])
def test_a_recordio_record_larger_than_a_request_is_refused(single: bool) -> None:
    with pytest.raises(BadRecord, match="MaxPayloadInMB") as refusal:
        cut(splitter("RecordIO", single, AMPLE), record(b"a") + record(b"x" * 99), 7)
    assert refusal.value.index == 1


@pytest.mark.parametrize("single", [False, True])
def test_a_line_may_be_longer_than_a_batch_where_there_is_no_limit(single: bool) -> None:
    data = b"a\n" + b"x" * 40 + b"\nb\n"
    batches = cut(splitter("Line", single, Sizes(10, 1000)), data, 3)
    assert b"".join(batch.body for batch in batches) == data


def test_what_is_no_recordio_is_refused_by_the_number_of_the_record() -> None:
    with pytest.raises(BadRecord, match="magic") as refusal:
        cut(splitter("RecordIO", False, AMPLE), record(b"a") + b"no record at all", 4)
    assert refusal.value.index == 1
    with pytest.raises(BadRecord, match="cut off") as refusal:
        cut(splitter("RecordIO", False, AMPLE), record(b"a") + record(b"bcdef")[:-3], 4)
    assert refusal.value.index == 1


def test_an_empty_object_has_no_batches() -> None:
    assert [cut(splitter(split, False, AMPLE), b"", 1) for split in ("None", "Line", "RecordIO")] == [[], [], []]


def test_the_records_of_a_batch_keep_their_places() -> None:
    assert splitter("Line", False, AMPLE).records(b"a\n\n  \nb") == [(0, b"a\n"), (3, b"b\n")]
    both = record(b"a") + record(b"b")
    assert splitter("RecordIO", False, AMPLE).records(both) == [(0, record(b"a")), (1, record(b"b"))]
