"""Digests against known values and against themselves in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.kernel import digests

CHECK = b"123456789"
KNOWN = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
}
"""The check values of the CRC catalogue (https://reveng.sourceforge.io/crc-catalogue/) and of hashlib."""


@pytest.mark.parametrize(("name", "expected"), KNOWN.items())
def test_the_check_value_is_the_catalogues(name: str, expected: str) -> None:
    assert digests.of(CHECK, [name])[name].hex() == expected


@pytest.mark.parametrize("name", digests.CRCS)
@given(parts=st.lists(st.binary(max_size=200), max_size=6))
def test_the_crc_of_parts_put_together_is_that_of_the_whole(name: str, parts: list[bytes]) -> None:
    summed = [(digests.of(part, [name])[name], len(part)) for part in parts]
    assert digests.combined(name, summed) == digests.of(b"".join(parts), [name])[name]


def test_an_unknown_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="crc16"):
        digests.Digests(["crc16"])
