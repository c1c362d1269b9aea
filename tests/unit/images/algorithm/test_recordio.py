"""RecordIO-protobuf: bytes that SageMaker's SDK wrote, and round trips of ours."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from potager.images.algorithm.recordio import MAGIC, MAGIC_BYTES, RecordRows, encode

# Written by SDK 2.257.7's write_numpy_to_dense_tensor and write_spmatrix_to_sparse_tensor with protobuf 4.
FLOAT32 = bytes.fromhex(
    "0a23d7ce300000000a1a0a0676616c7565731210120e0a0c0000c03f000000c00000000012120a0676616c756573120812060a040000803f"
    "0a23d7ce300000000a1a0a0676616c7565731210120e0a0c0000803e000040400000804012120a0676616c756573120812060a0400000000"
)
FLOAT64 = bytes.fromhex(
    "0a23d7ce400000000a260a0676616c756573121c1a1a0a18000000000000f83f00000000000000c0000000000000000012160a0676616c75"
    "6573120c1a0a0a08000000000000f03f0a23d7ce400000000a260a0676616c756573121c1a1a0a18000000000000d03f0000000000000840"
    "000000000000104012160a0676616c756573120c1a0a0a080000000000000000"
)
INT32 = bytes.fromhex(
    "0a23d7ce2d0000000a1a0a0676616c75657312103a0e0a0c01feffffffffffffffff0100120f0a0676616c75657312053a030a0101000000"
    "0a23d7ce250000000a120a0676616c75657312083a060a0407ac0204120f0a0676616c75657312053a030a0100000000"
)
SPARSE = bytes.fromhex(
    "0a23d7ce2e0000000a180a0676616c756573120e120c0a04000000c01201011a010312120a0676616c756573120812060a040000803f0000"
    "0a23d7ce2e0000000a180a0676616c756573120e120c0a04000090401201021a010312120a0676616c756573120812060a04000000000000"
)


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    rows = RecordRows(content)
    features, labels = np.empty((rows.rows, rows.width), np.float32), np.empty(rows.rows)
    assert rows.fill(features, labels, lambda _: None) == rows.rows
    return features, labels


@pytest.mark.parametrize("content", [FLOAT32, FLOAT64])
def test_dense_records_of_the_sdk_are_read(content: bytes):
    features, labels = read(content)
    np.testing.assert_array_equal(features, [[1.5, -2, 0], [0.25, 3, 4]])
    np.testing.assert_array_equal(labels, [1, 0])


def test_integer_records_of_the_sdk_are_read_negative_ones_included():
    np.testing.assert_array_equal(read(INT32)[0], [[1, -2, 0], [7, 300, 4]])


def test_sparse_records_of_the_sdk_are_read_as_dense_rows():
    features, labels = read(SPARSE)
    np.testing.assert_array_equal(features, [[0, -2, 0], [0, 0, 4.5]])
    np.testing.assert_array_equal(labels, [1, 0])


@runs(deadline=None)  # the machine may be busy
@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read_back(rows: int, width: int, seed: int):
    random = np.random.default_rng(seed)
    features, labels = random.normal(size=(rows, width)).astype(np.float32), random.normal(size=rows)
    again, label_again = read(encode({"values": features}, {"values": labels[:, None]}))
    np.testing.assert_array_equal(again, features)
    np.testing.assert_array_equal(label_again, labels.astype(np.float32))


def test_records_of_several_sizes_are_read_one_by_one():
    features, labels = read(FLOAT32 + FLOAT64)
    np.testing.assert_array_equal(features[:2], features[2:])
    np.testing.assert_array_equal(labels, [1, 0, 1, 0])


def test_a_record_split_at_a_magic_number_is_put_together():
    value = struct.unpack("<f", MAGIC_BYTES)[0]
    whole = encode({"values": np.array([[value, 2.0]])}, {"values": np.array([[1.0]])})
    payload = whole[8:]
    first, second = payload[: payload.index(MAGIC_BYTES)], payload[payload.index(MAGIC_BYTES) + 4 :]
    length = struct.unpack("<I", whole[4:8])[0] - len(first) - 4
    parts = [(1, first), (3, second[:length])]
    split = b"".join(
        struct.pack("<II", MAGIC, flag << 29 | len(part)) + part + bytes(-len(part) % 4) for flag, part in parts
    )
    np.testing.assert_array_equal(read(split)[0], np.array([[value, 2.0]], np.float32))


def test_a_record_that_is_cut_off_is_named():
    with pytest.raises(ValueError, match=r"record 2 is cut off"):
        read(FLOAT32[:-4])


def test_a_record_without_magic_is_named():
    with pytest.raises(ValueError, match=r"record 2 does not begin with RecordIO's magic"):
        read(FLOAT32[:56] + b"1,2,3\n--")


def test_rows_of_unequal_width_are_named():
    wide = encode({"values": np.ones((1, 4))}, {"values": np.ones((1, 1))})
    with pytest.raises(ValueError, match=r"record 3 has 4 features, but 3 are expected"):
        read(FLOAT32 + wide)


def test_a_value_that_is_not_finite_is_named():
    features = np.ones((3, 2))
    features[1, 1] = np.inf
    with pytest.raises(ValueError, match=r"record 2, feature 2: inf is not a finite number"):
        read(encode({"values": features}, {"values": np.ones((3, 1))}))


def test_a_record_without_a_label_is_named():
    with pytest.raises(ValueError, match=r"record 1 has no label under the key 'values'"):
        read(encode({"values": np.ones((2, 2))}, {}))


@runs(deadline=None)  # the machine may be busy
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(content: bytes):
    padded = MAGIC_BYTES + struct.pack("<I", len(content)) + content + bytes(-len(content) % 4)
    for one in (content, padded):
        try:
            read(one)
        except ValueError as error:
            assert "record" in str(error)
