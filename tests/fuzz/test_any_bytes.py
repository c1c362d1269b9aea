"""Whatever bytes come, every parser gives a value or a fault that a client may be told; the same bytes in every run."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, run, seeds

EVERY_TARGET = pytest.mark.parametrize("name", sorted(TARGETS))


@EVERY_TARGET
@given(data=st.binary(max_size=200) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_bytes_are_a_value_or_a_fault(name: str, data: bytes) -> None:
    run(name, data)


@EVERY_TARGET
def test_what_is_nearly_right_is_a_value_or_a_fault(name: str) -> None:
    drawn = random.Random(name)
    for seed in seeds(name):
        run(name, seed)
        for _ in range(100):
            run(name, mutated(drawn, seed))


def mutated(drawn: random.Random, data: bytes) -> bytes:
    """The data with some bytes changed, left out, repeated or moved."""
    changed = bytearray(data)
    for _ in range(drawn.randint(1, 4)):
        at, end = sorted(drawn.randint(0, len(changed)) for _ in range(2))
        match drawn.randint(0, 4):
            case 0:
                changed[at : at + 1] = bytes([drawn.randint(0, 255)])
            case 1:
                del changed[at : min(end, at + 8)]
            case 2:
                changed[at:at] = changed[at:end]
            case 3:
                changed[at:at] = drawn.choice(_HOSTILE)
            case _:
                changed[at:end] = drawn.choice(_HOSTILE)
    return bytes(changed[:100_000])


_HOSTILE = (
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    "٣".encode(),
    b"9" * 30,
    b"-1",
    b"1e400",
    b"NaN",
    b"\\ud800",
    b"%",
    b"%00",
    b"%ff",
    b"\xc2\xb2",
    b"\xb2",
    b"&",
    b"=",
    b"/",
    b";",
    b"..",
    b"null",
    b"[]",
    b"{}",
    b"\r\n\r\n",
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
)
