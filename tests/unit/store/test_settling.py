"""Who is made to wait for an answer, because it waits anyway."""

from __future__ import annotations

import asyncio

import pytest

from potager.kernel.context import Caller, Context, House, Origin
from potager.kernel.names import Scope
from potager.store import settling
from potager.store.rows import Row, Rows
from potager.store.settling import settled, waits

HERE = Scope("000000000000", "us-east-1")
MOVING = ("Creating", "Deleting")
BOTO3 = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 lang/python#3.11.7 {} cfg/retry-mode#standard"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (BOTO3.format("m/N,Z,B,E,e,b"), True),
        (BOTO3.format("m/B"), True),
        (BOTO3.format("m/B,N"), True),
        (BOTO3.format("m/N,B"), True),
        (BOTO3.format("m/N,Z,E,e,b"), False),
        (BOTO3.format("m/N,BA"), False),
        ("AWS-SageMaker-Python-SDK/2.250.0 Python/3.11 Linux/6.1 " + BOTO3.format("m/N"), False),
        ("aws-cli/1.45 md/Botocore#1.44 m/N", False),
        ("", False),
    ],
)
def test_waiters_are_known_by_their_user_agent(agent: str, expected: bool) -> None:
    assert waits(agent) is expected


def context(rows: Rows, agent: str) -> Context:
    house = House()
    house.add(Rows, rows)
    origin = Origin(headers={"user-agent": agent})
    return Context(house, Caller(HERE.account, "arn:x", "id"), HERE.region, "request", origin=origin)


@pytest.fixture
def waiter(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(settling, "LOOK", 0.001)
    monkeypatch.setattr(settling, "HOLD", 600.0)
    return context(rows, BOTO3.format("m/B"))


@pytest.fixture
async def row(rows: Rows) -> Row:
    return await rows.write(lambda tx: tx.insert("endpoint", HERE, "a", {}, arn="arn:a", status="Creating"))


async def test_a_waiter_is_told_when_the_status_has_settled(rows: Rows, waiter: Context, row: Row) -> None:
    asked = asyncio.create_task(settled(waiter, row, MOVING))
    await asyncio.sleep(0)
    assert not asked.done()
    await rows.write(lambda tx: tx.update(row, status="InService"))
    found = await asked
    assert found is not None
    assert found.status == "InService"


async def test_a_waiter_is_told_when_the_row_has_gone(rows: Rows, waiter: Context, row: Row) -> None:
    asked = asyncio.create_task(settled(waiter, row, MOVING))
    await rows.write(lambda tx: tx.delete(row))
    assert await asked is None


async def test_a_waiter_is_told_in_any_case_after_a_while(
    waiter: Context, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "HOLD", 0.0)
    assert await settled(waiter, row, MOVING) == row


async def test_others_are_told_at_once(rows: Rows, waiter: Context, row: Row) -> None:
    assert await settled(context(rows, BOTO3.format("m/N")), row, MOVING) == row
