"""Leases that a server holds."""

from __future__ import annotations

import asyncio

import pytest

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store.leases import Leases
from potager.store.rows import Row, Rows

HERE = Scope("000000000000", "us-east-1")


async def job(rows: Rows) -> Row:
    return await rows.write(lambda tx: tx.insert("job", HERE, "a", {}, arn="arn:a"))


async def test_one_server_holds_a_row_and_another_gets_it_when_it_is_let_go(rows: Rows) -> None:
    row = await job(rows)
    one, two = Leases(rows, owner="one"), Leases(rows, owner="two")
    assert await one.claim(row)
    assert await one.claim(row)
    assert not await two.claim(row)
    await one.release(row)
    assert await two.claim(row)
    await two.close()
    assert await one.claim(row)
    await one.close()


async def test_a_killed_servers_row_is_free_after_its_time_or_at_once_for_its_namesake(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await job(rows)
    killed, namesake, other = (Leases(rows, owner=owner, ttl=10) for owner in ("one", "one", "two"))
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    assert await killed.claim(row)
    assert await namesake.claim(row)
    assert not await other.claim(row)
    monkeypatch.setattr(clock, "now", lambda: 1010.5)
    assert await other.claim(row)
    for each in (killed, namesake, other):
        await each.close()


async def test_a_renewal_keeps_a_row_and_forgets_one_that_was_lost(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    row = await job(rows)
    one, two = Leases(rows, owner="one", ttl=10), Leases(rows, owner="two", ttl=10)
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    assert await one.claim(row)
    monkeypatch.setattr(clock, "now", lambda: 1008.0)
    await one.renew()
    monkeypatch.setattr(clock, "now", lambda: 1015.0)
    assert not await two.claim(row)
    monkeypatch.setattr(clock, "now", lambda: 1019.0)
    assert await two.claim(row)
    await one.renew()
    assert not await one.claim(row)
    await one.close()
    await two.close()


async def test_a_row_that_is_released_while_it_is_renewed_stays_released(rows: Rows) -> None:
    row = await job(rows)
    one, two = Leases(rows, owner="one"), Leases(rows, owner="two")
    assert await one.claim(row)
    await asyncio.gather(one.renew(), one.release(row))
    assert await two.claim(row)
    assert not await one.claim(row)
    await one.close()
    await two.close()
