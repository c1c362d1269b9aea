import gzip
import random
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.deploy.transform import inputs
from potager.deploy.transform.faults import BadObject, Broken


async def chunked(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def unpacked(data: bytes, size: int) -> list[bytes]:
    return [piece async for piece in inputs.unpacked("s3://b/k", chunked(data, size))]


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50), st.integers(0, 9))
def test_gzip_of_any_number_of_members_is_unpacked(members: list[bytes], size: int, padding: int) -> None:
    packed = b"".join(gzip.compress(member, mtime=0) + bytes(padding) for member in members)
    unpacker = inputs.Unpacker()
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(piece for chunk in chunks for piece in unpacker.feed(chunk)) == b"".join(members)
    assert unpacker.complete


@pytest.mark.parametrize("data", [bytes(5 * inputs.UNPACKED), random.Random(0).randbytes(3 * inputs.UNPACKED)])
async def test_however_much_a_chunk_holds_it_is_unpacked_a_piece_at_a_time(data: bytes) -> None:
    pieces = await unpacked(gzip.compress(data), 2**20)
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= inputs.UNPACKED


async def test_what_is_no_gzip_or_cut_off_is_refused() -> None:
    with pytest.raises(BadObject, match="is not gzip"):
        await unpacked(b"a,b,c\n", 3)
    with pytest.raises(BadObject, match="cut off"):
        await unpacked(gzip.compress(b"a,b,c\n" * 9)[:-5], 7)
    with pytest.raises(BadObject, match="is not gzip"):
        await unpacked(gzip.compress(b"a,b,c\n")[:-8] + zlib.crc32(b"other").to_bytes(8, "little"), 7)


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("data/", "data/a.csv", "a.csv"),
        ("data/", "data/2024/a.csv", "2024/a.csv"),
        ("data", "data/2024/a.csv", "2024/a.csv"),
        ("data/a", "data/a.csv", "a.csv"),
        ("data/a.csv", "data/a.csv", "a.csv"),
        ("", "data/a.csv", "data/a.csv"),
    ],
)
def test_an_output_is_named_as_its_object_is_below_the_prefix(prefix: str, key: str, name: str) -> None:
    assert inputs.below(prefix, key) == name


def test_a_manifest_gives_a_prefix_and_names() -> None:
    data = b'[{"prefix": "s3://b/p/"}, "x.csv", "y/z.csv"]'
    assert inputs.manifest("s3://b/m", data) == ("s3://b/p/", ["x.csv", "y/z.csv"])


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'["x"]', b'[{"prefix": 1}, "x"]', b'[{"prefix": "s3://b/"}, 3]'])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(Broken, match="manifest"):
        inputs.manifest("s3://b/m", data)
