"""What comes due by itself: keys whose day of deletion has come, and keys whose material is to be rotated.

A key is gone for everybody at its very second, whenever this gets to it; what it does is delete the material.
"""

from __future__ import annotations

from potager.kernel import clock
from potager.kernel.reconcile import Reconciler
from potager.store.keyring import Keyring
from potager.store.rows import Rows

LONGEST = 3600.0
"""Seconds between two looks while something is to come: clocks jump."""
ALL = "all keys"


class Tending:
    """Looks after the keys while the server runs."""

    def __init__(self, rows: Rows, keyring: Keyring) -> None:
        self._rows = rows
        self._keyring = keyring
        self._reconciler = Reconciler("kms", self._step)

    async def _step(self, _: str) -> float | None:
        due = await self._rows.write(self._keyring.tend)
        return None if due is None else min(LONGEST, max(0.1, due - clock.now()))

    def wake(self) -> None:
        """Looks now: something may have become due."""
        self._reconciler.wake(ALL)

    async def close(self) -> None:
        """Stops looking."""
        await self._reconciler.close()
