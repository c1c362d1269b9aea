"""Clients that wait for something: the first answer comes when it is there, and not at their next look.

boto3's waiters describe a job or an endpoint, sleep for 30 to 120 seconds, because AWS takes minutes, and describe it
again. Here it takes a second. So they are answered once the status has settled, or `HOLD` seconds after the row changed
last. Whoever describes without a waiter is answered at once.

A waiter says that it is one in its User-Agent: feature `B` of `m/`, as botocore names them (botocore/useragent.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Container

from potager.kernel import clock
from potager.kernel.context import Context
from potager.store.rows import Row, Rows

HOLD = 5.0
"""Seconds after a row's last change for which its description is held back."""
LOOK = 0.05
"""Seconds between two looks at the row."""
_WAITS = re.compile(r"(?:^|\s)m/(?:[^\s,]*,)*B(?:[,\s]|$)")


def waits(agent: str) -> bool:
    """Whether a User-Agent is of a waiter, which looks, sleeps and looks again."""
    return _WAITS.search(agent) is not None


async def settled(ctx: Context, row: Row, moving: Container[str | None]) -> Row | None:
    """The row once its status is none of `moving`, for a waiter; None where it is gone meanwhile."""
    if not waits(ctx.origin.headers.get("user-agent", "")):
        return row
    until = clock.now() + HOLD
    found: Row | None = row
    while found is not None and found.status in moving and clock.now() < min(until, found.modified + HOLD):
        await asyncio.sleep(LOOK)
        found = await ctx[Rows].get(row.kind, row.scope, row.name)
    return found
