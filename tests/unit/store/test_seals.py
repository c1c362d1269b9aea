"""The format of sealed blobs: whatever is read is what was written, or it is said that it is not."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.store.blobs import CHUNK, Blobs
from potager.store.seals import SEGMENT, TAG, Damaged, Seal, length

SEAL = Seal(b"k" * 32, {})
STORED = SEGMENT + TAG


def noise(size: int) -> bytes:
    """Bytes in which no segment is like another."""
    return hashlib.shake_128(b"noise").digest(size)


DATA = noise(3 * SEGMENT + 100)
SEALED = SEAL.sealed("blob", DATA)
SIZES = st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 100])


@given(size=SIZES, cuts=st.lists(st.integers(0, 3 * SEGMENT + 100), max_size=5))
def test_bytes_come_back_however_they_were_cut(size: int, cuts: list[int]) -> None:
    data, writer = DATA[:size], SEAL.writer("blob")
    edges = [0, *sorted(min(cut, size) for cut in cuts), size]
    sealed = b"".join(writer.add(data[low:high]) for low, high in itertools.pairwise(edges)) + writer.end()
    assert len(sealed) == length(size)
    assert SEAL.opened("blob", sealed) == data


@given(start=st.integers(0, len(DATA)), size=st.integers(0, len(DATA)))
def test_any_range_can_be_read(start: int, size: int) -> None:
    reader = SEAL.reader("blob", BytesIO(SEALED))
    assert reader.size == len(DATA)
    reader.seek(start)
    assert reader.read(size) == DATA[start : start + size]
    assert reader.read(10) == DATA[start + size : start + size + 10]


def test_a_range_reads_its_segments_and_no_others() -> None:
    broken = bytearray(SEALED)
    broken[0] ^= 1
    reader = SEAL.reader("blob", BytesIO(bytes(broken)))
    reader.seek(SEGMENT)
    assert reader.read(SEGMENT) == DATA[SEGMENT : 2 * SEGMENT]
    reader.seek(SEGMENT - 1)
    with pytest.raises(Damaged):
        reader.read(1)


@given(at=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(at: int, bit: int) -> None:
    broken = bytearray(SEALED)
    broken[at] ^= 1 << bit
    with pytest.raises(Damaged):
        SEAL.opened("blob", bytes(broken))


def test_swapped_repeated_and_dropped_segments_are_found() -> None:
    parts = [SEALED[at : at + STORED] for at in range(0, len(SEALED), STORED)]
    for order in ([1, 0, 2, 3], [0, 0, 1, 2, 3], [0, 2, 3], [0, 1, 3], [1, 2, 3], [0, 1, 2, 3, 3]):
        with pytest.raises(Damaged):
            SEAL.opened("blob", b"".join(parts[number] for number in order))


@given(kept=st.integers(0, len(SEALED) - 1))
def test_a_blob_that_was_cut_off_is_found(kept: int) -> None:
    with pytest.raises(Damaged):
        SEAL.opened("blob", SEALED[:kept])


def test_an_empty_blob_is_sealed_as_well() -> None:
    sealed = SEAL.sealed("blob", b"")
    assert SEAL.opened("blob", sealed) == b""
    with pytest.raises(Damaged):
        SEAL.opened("blob", bytes(TAG))


def test_bytes_of_another_blob_or_under_another_key_do_not_open() -> None:
    with pytest.raises(Damaged):
        SEAL.opened("another", SEALED)
    with pytest.raises(Damaged):
        Seal(b"x" * 32, {}).opened("blob", SEALED)


async def test_blobs_are_written_and_read_under_a_seal(blobs: Blobs, tmp_path: Path) -> None:
    data = secrets.token_bytes(2 * CHUNK + 17)

    async def stream() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 70_001):
            yield data[at : at + 70_001]

    blob = await blobs.write(stream(), seal=SEAL)
    assert (blob.size, blob.digests["md5"]) == (len(data), hashlib.md5(data).digest())
    stored = blobs.path(blob.id).read_bytes()
    assert len(stored) == length(len(data))
    assert data[:64] not in stored
    assert b"".join([chunk async for chunk in blobs.read(blob.id, seal=SEAL)]) == data
    assert (
        b"".join([chunk async for chunk in blobs.read(blob.id, CHUNK - 3, CHUNK + 5, SEAL)])
        == data[CHUNK - 3 : CHUNK + 5]
    )


async def test_a_sealed_blob_is_not_read_as_if_it_were_plain(blobs: Blobs) -> None:
    blob = await blobs.write(b"secret", seal=SEAL)
    with pytest.raises(ValueError, match="without a seal"):
        await blobs.open(blob.id)
    plain = await blobs.write(b"open")
    with pytest.raises(ValueError, match="with a seal"):
        await blobs.open(plain.id, seal=SEAL)


async def test_a_blob_that_is_shorter_than_its_row_says_is_damaged(blobs: Blobs) -> None:
    blob = await blobs.write(DATA, seal=SEAL)
    path = blobs.path(blob.id)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.truncate(2 * STORED)
    with pytest.raises(Damaged):
        await blobs.open(blob.id, 0, len(DATA), SEAL)
    with pytest.raises(Damaged):
        await blobs.open(blob.id, SEGMENT, 2 * SEGMENT, SEAL)


async def test_a_plain_file_lives_as_long_as_its_path_is_held(blobs: Blobs, tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"plain"

    path = await blobs.plain("b", stream())
    assert path.read_bytes() == b"plain"
    assert path.stat().st_mode & 0o777 == 0o444
    linked, name = tmp_path / "linked", str(path)
    linked.hardlink_to(path)
    del path
    assert not Path(name).exists()
    assert linked.read_bytes() == b"plain"


async def test_what_a_killed_server_left_in_plain_is_swept(blobs: Blobs) -> None:
    left = blobs.folder / "plain" / "left"
    left.write_bytes(b"plain")
    Blobs(blobs.folder).close()
    assert not left.exists()
