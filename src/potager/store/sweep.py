"""Removes the files that nothing names: torn uploads, and blobs that a killed server had no time to unlink.

It runs beside live traffic and cannot hit it: a blob of this process is never touched, and one of an earlier process
that no row names can get no name any more, for only the writer of a blob knows it before its row is committed. A small
blob that is a file and a row is a file from then on.
"""

from __future__ import annotations

import itertools
import logging

from potager.store import inlined
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.references import nothing, unnamed

log = logging.getLogger(__name__)

BATCH = 500


async def sweep(database: Database, blobs: Blobs) -> int:
    """Sweeps once, after a start. Gives the number of orphans that were removed."""
    ids, removed = blobs.ids(), 0
    try:
        if await database.read(nothing) and await blobs.run(lambda: next(blobs.ids(), None)):
            # A database that was lost looks like this. A few orphans are a small price for all that can be rescued.
            log.warning("%s holds blobs and the database names none: they are left alone", blobs.folder)
            return 0
        while batch := await blobs.run(lambda: list(itertools.islice(ids, BATCH))):
            old = [blob for blob in batch if blob not in (blobs.fresh or ())]
            orphans = await database.read(lambda connection, old=old: unnamed(connection, old))
            await blobs.delete(orphans)
            removed += len(orphans)
            if doubled := await database.read(lambda connection, old=old: inlined.there(connection, old)):
                await database.write(lambda connection, rows=doubled: inlined.forget(connection, rows))
    except Exception:
        log.exception("the sweep broke off, the next start does it anew")
    finally:
        blobs.fresh = None  # nobody looks at it any more
    if removed:
        log.info("removed %d blobs that nothing named", removed)
    return removed
