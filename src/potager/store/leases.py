"""Who looks after a row: one server at a time, for as long as its heart beats.

A claim lasts `ttl` seconds and is renewed three times in that while. A server that ends gives its leases back; one that
is killed loses them after `ttl`, at once when the next server runs under the same owner's name.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from potager.kernel import clock
from potager.store.rows import Row, Rows, Tx

log = logging.getLogger(__name__)

Key = tuple[str, str, str, str]


class Leases:
    """The leases of one server.

    Parameters
    ----------
    rows : whose leases.
    owner : who claims. Two servers that run at once need two names; a name that outlives the process (where a lock on
        the data folder keeps a second server out) lets the next one go on at once.
    ttl : seconds that a claim lasts without a renewal.
    """

    def __init__(self, rows: Rows, *, owner: str, ttl: float = 15.0) -> None:
        self.owner = owner
        self.ttl = ttl
        self._rows = rows
        self._held: dict[Key, tuple[Row, float]] = {}
        self._heart: asyncio.Task[None] | None = None

    async def claim(self, row: Row) -> bool:
        """Whether the row is this server's to look after, for now; free to ask again and again."""
        now = clock.now()
        held = self._held.get(_key(row))
        if held and held[1] > now + self.ttl / 2:
            return True
        until = now + self.ttl
        mine = await self._rows.write(lambda tx: tx.claim(row, self.owner, until))
        self._keep(row, until if mine else None)
        return mine

    async def release(self, row: Row) -> None:
        """Lets go of a row."""
        if self._held.pop(_key(row), None):
            await self._rows.write(lambda tx: tx.release(row, self.owner))

    async def renew(self) -> None:
        """Renews every claim; those that were lost, or whose row is gone, are forgotten."""
        held = [row for row, _ in self._held.values()]
        until = clock.now() + self.ttl

        def write(tx: Tx) -> list[bool]:
            return [tx.claim(row, self.owner, until) for row in held]

        for row, mine in zip(held, await self._rows.write(write), strict=True):
            if _key(row) in self._held:  # not released meanwhile
                self._keep(row, until if mine else None)

    async def close(self) -> None:
        """Stops the heart and gives every lease back."""
        if self._heart:
            self._heart.cancel()
            with suppress(asyncio.CancelledError):
                await self._heart
        held = [row for row, _ in self._held.values()]
        self._held.clear()
        if held:
            await self._rows.write(lambda tx: [tx.release(row, self.owner) for row in held])

    def _keep(self, row: Row, until: float | None) -> None:
        if until is None:
            self._held.pop(_key(row), None)
            return
        self._held[_key(row)] = (row, until)
        if self._heart is None:
            self._heart = asyncio.get_running_loop().create_task(self._beat(), name="leases")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.ttl / 3)
            try:
                if self._held:
                    await self.renew()
            except Exception:
                log.exception("the leases could not be renewed, trying again")


def _key(row: Row) -> Key:
    return row.kind, row.account, row.region, row.name
