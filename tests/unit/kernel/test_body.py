from collections.abc import AsyncIterator

import pytest

from potager.kernel.body import Body
from potager.kernel.errors import WireError


async def test_a_body_is_read_whole() -> None:
    assert await Body.of(b"abc").read(3) == b"abc"


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    with pytest.raises(WireError) as refusal:
        await Body.of(b"abcd").read(3)
    assert (refusal.value.code, refusal.value.status) == ("RequestEntityTooLarge", 413)


async def test_a_body_that_grows_too_large_is_refused_on_the_way() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 10

    with pytest.raises(WireError):
        await Body(endless()).read(25)
    assert sent == 3
