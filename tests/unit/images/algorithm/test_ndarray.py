"""MXNet's files of arrays, written and read without MXNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm import ndarray
from potager.images.algorithm.errors import BrokenModel

# What MXNet 1.9.1's mx.nd.save wrote of [[[0, 1, 2], [3, 4, 5]]] and of the dictionary below.
LIST = """
12010000 00000000 00000000 00000000 01000000 00000000 c9fa93f9 00000000 02000000 02000000 00000000 03000000 00000000
01000000 00000000 00000000 00000000 0000803f 00000040 00004040 00008040 0000a040 00000000 00000000
"""
NAMED = """
12010000 00000000 00000000 00000000 03000000 00000000 c9fa93f9 00000000 02000000 01000000 00000000 03000000 00000000
01000000 00000000 00000000 00000000 0000803f 00000040 c9fa93f9 00000000 01000000 02000000 00000000 01000000 00000000
00000000 00000000 0000803f c9fa93f9 00000000 02000000 03000000 00000000 02000000 00000000 01000000 00000000 00000000
00000000 0000803f 00000040 00004040 00008040 0000a040 03000000 00000000 04000000 00000000 6d65616e 01000000 00000000
73 01000000 00000000 76
"""
TABLE = np.arange(6.0).reshape(2, 3)
ARRAYS = {"mean": np.arange(3.0)[None], "s": np.arange(2.0), "v": np.arange(6.0).reshape(3, 2)}


@pytest.mark.parametrize(("arrays", "written"), [([TABLE], LIST), (ARRAYS, NAMED)])
def test_files_are_those_of_mxnet_to_the_byte(tmp_path: Path, arrays: list[np.ndarray], written: str):
    ndarray.save(tmp_path / "arrays", arrays)
    assert (tmp_path / "arrays").read_bytes() == bytes.fromhex(written)


def test_what_was_saved_is_read_again_lists_by_number(tmp_path: Path):
    ndarray.save(tmp_path / "named", ARRAYS)
    ndarray.save(tmp_path / "list", [TABLE])
    assert {name: value.tolist() for name, value in ndarray.load(tmp_path / "named").items()} == {
        name: value.tolist() for name, value in ARRAYS.items()
    }
    assert ndarray.load(tmp_path / "list")["0"].tolist() == TABLE.tolist()


def test_arrays_of_other_types_and_of_the_first_version_are_read(tmp_path: Path):
    content = bytearray(bytes.fromhex(LIST))
    content[60:64] = (4).to_bytes(4, "little")  # int32
    content[64:88] = np.arange(6, dtype="<i4").tobytes()
    content[24:32] = bytes.fromhex("c8fa93f9")  # which names no storage
    (tmp_path / "old").write_bytes(content)
    assert ndarray.load(tmp_path / "old")["0"].tolist() == TABLE.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is cut off"),
        (bytes.fromhex(LIST)[:60], "it is cut off"),
        (b"PK\x03\x04" + bytes(40), "does not begin with their magic number"),
        (bytes.fromhex(LIST).replace(bytes.fromhex("c9fa93f900000000"), bytes.fromhex("c9fa93f901000000")), "sparse"),
        (bytes.fromhex(LIST).replace(bytes.fromhex("0200000002"), bytes.fromhex("ffffff0f02")), "it is cut off"),
        (bytes.fromhex(LIST)[:-8] + (1 << 60).to_bytes(8, "little"), "it is cut off"),
    ],
)
def test_what_is_no_such_file_is_refused_with_what_is_wrong(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "model_algo-1").write_bytes(content)
    with pytest.raises(BrokenModel, match=said):
        ndarray.load(tmp_path / "model_algo-1")


def test_a_folder_without_the_artifact_says_what_it_must_hold(tmp_path: Path):
    with pytest.raises(BrokenModel, match="holds no model_algo-1"):
        ndarray.model_file(tmp_path)
