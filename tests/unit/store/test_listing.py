"""AWS's List requests as pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from potager.kernel import clock
from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store.listing import listing
from potager.store.rows import Rows, Tx

HERE = Scope("000000000000", "us-east-1")


@pytest.fixture(autouse=True)
async def jobs(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(tx: Tx) -> None:
        for number in range(15):
            monkeypatch.setattr(clock, "now", lambda number=number: 1000.0 + number)
            tx.insert("job", HERE, f"job-{number:02d}", {"N": number}, arn=f"arn:{number}", status="Completed")

    await rows.write(write)


async def test_ten_newest_come_unless_asked_otherwise(rows: Rows) -> None:
    found, token = await listing(rows, "job", HERE, {})
    assert [row.name for row in found] == [f"job-{number:02d}" for number in range(14, 4, -1)]
    rest, end = await listing(rows, "job", HERE, {"NextToken": token})
    assert (len(rest), end) == (5, None)


async def test_order_size_and_times_are_the_requests(rows: Rows) -> None:
    after = datetime.fromtimestamp(1003, UTC)
    request = {"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 3, "CreationTimeAfter": after}
    found, _ = await listing(rows, "job", HERE, request)
    assert [row.name for row in found] == ["job-04", "job-05", "job-06"]


async def test_an_order_that_is_not_served_is_refused(rows: Rows) -> None:
    with pytest.raises(Invalid, match="FinalObjectiveMetricValue"):
        await listing(rows, "job", HERE, {"SortBy": "FinalObjectiveMetricValue"})
