"""Removes the files that nothing names: torn uploads, and blobs that a killed server had no time to unlink.

It runs beside live traffic and cannot hit it: a blob of this process is never touched, and one of an earlier process
that no row names can get no name any more, for only the writer of a blob knows it before its row is committed.
"""

from __future__ import annotations

import itertools
import logging

from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.references import unnamed

log = logging.getLogger(__name__)

BATCH = 500


async def sweep(database: Database, blobs: Blobs) -> int:
    """Sweeps once, after a start. Gives the number of orphans that were removed."""
    ids, removed = blobs.ids(), 0
    while batch := await blobs.run(lambda: list(itertools.islice(ids, BATCH))):
        old = [blob for blob in batch if blob not in (blobs.fresh or ())]
        orphans = await database.read(lambda connection, old=old: unnamed(connection, old))
        await blobs.delete(orphans)
        removed += len(orphans)
    blobs.fresh = None
    if removed:
        log.info("removed %d blobs that nothing named", removed)
    return removed
