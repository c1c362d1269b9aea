"""What a copy's bytes are sealed with: as the request says, else as the target's bucket has it by default.

source    target
plain     plain      a row that names the same blob
sealed    sealed     the same, with the data key wrapped anew: whatever keys the two are under
plain     sealed     the bytes are read and written once more
sealed    plain      never: where nothing is said and the target's bucket is not configured, it is SSE-S3
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import encryption
from potager.kernel.context import Context
from potager.store import sealing
from potager.store.blobs import Blobs
from potager.store.objects import Entry, Objects
from potager.store.sealing import Wish
from potager.store.seals import Seal, is_sealed


@dataclass(frozen=True, slots=True)
class Recoding:
    """How the bytes of one object become those of its copy.

    Parameters
    ----------
    source : the object's blob.
    blob : the copy's.
    seal : the copy's, None for a plain one.
    """

    source: str
    blob: str
    seal: Seal | None

    def __call__(self, entry: Entry) -> Entry:
        """The copy with its bytes; `entry` describes it, and names those of the source."""
        if entry.blob == self.source:
            doc = {name: value for name, value in entry.doc.items() if name != sealing.MEMBER}
            return replace(entry, blob=self.blob, doc={**doc, **sealing.member(self.seal)})
        if self.seal is None and not is_sealed(entry.blob):
            return entry
        raise fault("OperationAborted")

    def undo(self, ctx: Context) -> None:
        """Removes what was written for a copy that failed."""
        if self.blob != self.source:
            ctx[Blobs].discard([self.blob])


async def recoding(ctx: Context, req: Mapping[str, Any], source: Entry, target: tuple[str, str]) -> Recoding:
    """Has the bytes ready that the copy of an object into a bucket, under a key, is to have."""
    customer = encryption.opening(req, source, "CopySource")
    wish = await wished(ctx, req, source, target[0])
    through = [await ctx[Objects].mount(bucket) for bucket in (source.bucket, target[0])]
    if wish is None or any(through):  # where one is mounted, the bytes are read and written whatever is wished for
        return Recoding(source.blob, source.blob, None)
    if (seal := await ctx[Objects].seal_of(source, customer)) is not None:
        return Recoding(source.blob, source.blob, await ctx[Objects].resealed(seal, *target, wish))
    content = ctx[Objects].read(source)
    written = await ctx[Objects].write(*target, content, digests=(), wish=wish, inline=False)
    return Recoding(source.blob, written.id, written.seal)


async def wished(ctx: Context, req: Mapping[str, Any], source: Entry, bucket: str) -> Wish | None:
    """How a copy into a bucket is to be sealed, None for a plain one."""
    there = await ctx[Objects].bucket(bucket)
    wish = encryption.permitted(there, encryption.wish(req))
    if wish is not None or await ctx[Objects].mount(bucket) is not None:
        return wish
    return sealing.default(there.doc.get(sealing.CONFIGURATION)) or (
        Wish(sealing.S3) if is_sealed(source.blob) else None
    )
