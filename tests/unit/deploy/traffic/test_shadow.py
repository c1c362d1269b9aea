"""A shadow over a variant that is told what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from potager.deploy.router import Exchange, Variant
from potager.deploy.traffic import shadow
from potager.deploy.traffic.shadow import Shadow, share
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query


class Told:
    """What a shadow's variant is asked; it answers once it may."""

    name = "shadow"

    def __init__(self, error: WireError | None = None) -> None:
        self.asked: list[bytes] = []
        self.may = asyncio.Event()
        self.error = error

    async def invoke(self, query: Query, timeout: float) -> Answer:
        self.asked.append(query.body)
        await self.may.wait()
        if self.error:
            raise self.error
        return Answer(b"unread")


def exchange(body: bytes) -> Exchange:
    return Exchange(Query(body), "production", 0.0, 0.1, Answer(b""))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def made(variant: Any, *args: Any, **more: Any) -> Shadow:
    typed: Variant = variant
    return Shadow(typed, *args, **more)


def test_the_share_is_one_weight_over_the_other_and_all_at_most() -> None:
    assert share(1.0, 4.0) == 0.25
    assert share(3.0, 2.0) == 1.0
    assert share(1.0, 0.0) == 0.0


async def test_what_is_drawn_is_copied_and_its_exchange_is_told_as_the_shadows() -> None:
    draws: Iterator[float] = iter([0.1, 0.4, 0.2])
    variant, told = Told(), list[Exchange]()
    variant.may.set()
    copies = made(variant, 0.25, 60.0, [told.append], draw=lambda: next(draws))
    for body in (b"1", b"2", b"3"):
        copies(exchange(body))
    await settled()
    assert variant.asked == [b"1", b"3"]
    assert [(each.variant, each.query.body, each.error) for each in told] == [
        ("shadow", b"1", None),
        ("shadow", b"3", None),
    ]


async def test_no_more_copies_are_under_way_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MOST", 2)
    variant = Told()
    copies = made(variant, 1.0, 60.0)
    for _ in range(5):
        copies(exchange(b"x"))
    await settled()
    assert len(variant.asked) == 2
    variant.may.set()
    await settled()
    copies(exchange(b"x"))
    await settled()
    assert len(variant.asked) == 3


async def test_bodies_under_way_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MOST_BYTES", 10)
    variant = Told()
    copies = made(variant, 1.0, 60.0)
    copies(exchange(b"12345678"))
    copies(exchange(b"123"))
    copies(exchange(b"12"))
    await settled()
    assert variant.asked == [b"12345678", b"12"]


async def test_copies_are_bounded_by_endpoint_however_often_its_route_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "MOST", 2)
    variant, copies = Told(), shadow.Copies()
    for _ in range(5):
        made(variant, 1.0, 60.0, copies=copies)(exchange(b"x"))
    await settled()
    assert len(variant.asked) == 2


async def test_a_copy_that_fails_is_told_and_nothing_else() -> None:
    told = list[Exchange]()
    variant = Told(WireError("ModelError", "no", 424))
    variant.may.set()
    made(variant, 1.0, 60.0, [told.append])(exchange(b"1"))
    await settled()
    assert told[0].error is not None
    assert told[0].error.code == "ModelError"
