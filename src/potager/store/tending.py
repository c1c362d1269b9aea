"""Rows that somebody looks after: one step a row at a time, by the server that holds its lease, until it has ended.

    wake(row) ─► read it anew ─► active? ─► lease? ─► act(row) ─► seconds until the next step, or None

A step that loses a compare-and-swap reads the row again; one that keeps failing is given up with its error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from potager.kernel.errors import Stale
from potager.kernel.names import Scope
from potager.kernel.reconcile import Reconciler
from potager.store.leases import Leases
from potager.store.rows import Row, Rows

Key = tuple[str, str, str]
"""Account, region and name."""


class Tender:
    """Has the rows of one kind looked after.

    Parameters
    ----------
    active : the statuses in which a row needs looking after.
    act : `await act(row)` brings a row nearer to what is wanted; the seconds until it wants another look, or None.
    give_up : `await give_up(row, error)` ends a row that no step brings further.
    """

    def __init__(
        self,
        kind: str,
        active: Sequence[str],
        rows: Rows,
        leases: Leases,
        act: Callable[[Row], Awaitable[float | None]],
        give_up: Callable[[Row, Exception], Awaitable[object]],
    ) -> None:
        self.kind = kind
        self.active = active
        self._rows = rows
        self._leases = leases
        self._act = act
        self._end = give_up
        self._reconciler: Reconciler[Key] = Reconciler(kind, self._step, self._give_up)

    def wake(self, row: Row) -> None:
        """Has a row looked at now."""
        self.wake_named(row.scope, row.name)

    def wake_named(self, scope: Scope, name: str) -> None:
        """The same by its name; a row that is not there is passed over."""
        self._reconciler.wake((scope.account, scope.region, name))

    async def take_up(self) -> list[Row]:
        """Wakes every active row, whoever left it, and gives them."""
        found = await self._rows.read(lambda tx: tx.where(self.kind, self.active))
        for row in found:
            self.wake(row)
        return found

    async def close(self) -> None:
        """Stops looking; what is left undone, the next server finds."""
        await self._reconciler.close()

    async def _step(self, key: Key) -> float | None:
        row = await self._rows.get(self.kind, Scope(*key[:2]), key[2])
        if row is None or row.status not in self.active:
            return None
        if not await self._leases.claim(row):
            return self._leases.ttl
        try:
            return await self._act(row)
        except Stale:
            return 0.0

    async def _give_up(self, key: Key, error: Exception) -> None:
        row = await self._rows.get(self.kind, Scope(*key[:2]), key[2])
        if row is not None:
            await self._end(row, error)
