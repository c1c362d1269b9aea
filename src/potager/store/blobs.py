"""Immutable files named by random ids: written whole, synced, then made visible by a row.

    BLOBS/tmp/<id>       while it is written; what a dead server left there is swept at start
    BLOBS/<ab>/<id>      whole, mode 0444, its bytes and its name on the disk
    BLOBS/plain/<id>     a sealed blob's plaintext, as long as somebody needs it as a file; swept at start

Blobs that are sealed have ids that say so, and are written and read with their `Seal` (`seals.py`).

A small blob is no file: whoever makes its row keeps its bytes beside it (`Blob.data`, `inlined.py`).

A blob that no row names is an orphan: its upload was torn, or the server died between a commit and the unlinking that
follows it. `sweep.py` removes those.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from potager.kernel.digests import of
from potager.store import drafts, seals
from potager.store.drafts import Draft, Inset, Place, Span
from potager.store.removal import Removal
from potager.store.seals import Damaged, Reader, Seal

__all__ = ["Blob", "Blobs", "Content", "Place", "Span", "chunks"]

T = TypeVar("T")

CHUNK = 2**18
"""Bytes that are gathered before a thread writes them, and bytes of a chunk that is read."""
THREADS = 8
INLINE = 2**14
"""Bytes of a blob that is kept in a row, and not as a file, at most; may be raised, and never lowered."""

Content = bytes | AsyncIterator[bytes]
"""The bytes of something: all there, or still to be read."""
Opened = tuple[BinaryIO | Reader | None, bytes, int | None]


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that is whole and on the disk: its id, its bytes in number, its digests by name.

    `span` says where its bytes are when they are not a file of their own, `seal` how they are sealed. `data` are its
    bytes, as they shall rest, when they are nowhere yet: they are to be kept in the transaction that names the blob
    (`inlined.keep`), or as a file (`Blobs.lay_down`).
    """

    id: str
    size: int
    digests: dict[str, bytes]
    span: Span | None = None
    seal: Seal | None = None
    data: bytes | None = field(default=None, repr=False)


class Blobs:
    """The blobs in a folder. One server at a time writes there; linking to its files from elsewhere is fine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self.fresh: set[str] | None = set()
        """The blobs of this process, until the orphans of those before it are swept (`sweep.py`)."""
        self.before_unlinking: Callable[[], None] = lambda: None
        """Makes sure, in the thread that unlinks, that no row can come back which names the files (`Objects`)."""
        self._holds: dict[str, int] = {}
        self._doomed: set[str] = set()
        self._temporary = folder / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (folder / f"{number:02x}").mkdir(exist_ok=True)
        self._plain = folder / "plain"
        self._plain.mkdir(exist_ok=True)
        for left in (*self._temporary.iterdir(), *self._plain.iterdir()):
            left.unlink(missing_ok=True)
        self._removal = Removal(folder, self._remove)

    def path(self, blob: str) -> Path:
        """Where a blob's file is; not to be written to."""
        return self.folder / blob[:2] / blob

    def has(self, blob: str) -> bool:
        """Whether a blob is there as a file."""
        return os.path.exists(self.path(blob))

    async def write(
        self,
        chunks: AsyncIterator[bytes] | bytes,
        *,
        digests: Sequence[str] = ("md5",),
        place: Place | None = None,
        seal: Seal | None = None,
        inline: bool = True,
    ) -> Blob:
        """Keeps bytes as a new blob; done when they are on the disk. `LimitReached` when the disk is full.

        A small blob is given with its bytes, which are not on the disk, unless `inline` is False.

        Memory stays under three chunks however long the stream is. Nothing remains when it breaks off. With a `place`
        they are written there, into the file of another blob; what exceeds it is counted and not kept. With a `seal`
        the file holds them sealed, and no place is taken.
        """
        how = _How(digests, None if seal else place, seal)
        if isinstance(chunks, bytes):
            return await self._small([chunks], len(chunks), how, inline)
        gathered = _gathered(chunks)
        first = await anext(gathered)
        size = sum(map(len, first))
        if size < CHUNK:
            return await self._small(first, size, how, inline)
        return await self._stream(first, gathered, how)

    async def _small(self, data: list[bytes], size: int, how: _How, inline: bool) -> Blob:
        if inline and size <= INLINE and how.place is None:
            drafts.check_room(self.folder, size)
            whole = data[0] if len(data) == 1 else b"".join(data)
            name = how.name()
            return Blob(name, size, of(whole, how.digests), None, how.seal, how.resting(name, whole))
        return await self._made(lambda: self._whole(data, how), lambda blob: self.unlink([blob.id]))

    async def _stream(self, first: list[bytes], rest: AsyncIterator[list[bytes]], how: _How) -> Blob:
        """Writes one batch in a thread while the next one arrives."""
        blob = how.name()
        draft = await self._made(lambda: self._begun(blob, how), lambda draft: draft.abandon())
        try:
            step = self._submit(draft.add, first)
            try:
                async for batch in rest:
                    await step
                    step = self._submit(draft.add, batch)
            finally:
                await asyncio.wait([step])
            await step
            return how.blob(blob, draft.size, await self.run(draft.finish))
        except BaseException:
            await self._abandoned(draft)
            raise

    async def _abandoned(self, draft: Draft | Inset) -> None:
        """Abandons a draft in a thread: one may still be writing when a task is cancelled."""
        with suppress(asyncio.CancelledError):
            await asyncio.shield(self._submit(draft.abandon))

    def _whole(self, data: list[bytes], how: _How) -> Blob:
        blob = how.name()
        draft = self._begun(blob, how)
        try:
            draft.add(data)
            return how.blob(blob, draft.size, draft.finish())
        except BaseException:
            draft.abandon()
            raise

    async def lay_down(self, data: Mapping[str, bytes]) -> None:
        """Makes files of blobs that were rows; done when all of them are on the disk."""
        items = list(data.items())
        shares = [items[number::THREADS] for number in range(THREADS)]
        await asyncio.gather(*(self.run(partial(self._lay_down, share)) for share in shares if share))
        await self.run(lambda: [drafts.sync(folder) for folder in {self.path(blob).parent for blob in data}])

    def _lay_down(self, share: Sequence[tuple[str, bytes]]) -> None:
        for blob, data in share:
            draft = self._draft(blob, ())
            try:
                draft.add([data])
                draft.finish(named=False)
            except BaseException:
                draft.abandon()
                raise

    async def concatenate(self, blob: str, spans: Sequence[Span]) -> Path:
        """Puts spans of blobs together as the file of `blob`, inside the kernel where that is possible.

        File systems that can share extents (XFS, Btrfs) copy nothing.
        """
        return await self.run(lambda: self._concatenate(blob, spans))

    def _concatenate(self, blob: str, spans: Sequence[Span]) -> Path:
        draft = self._draft(blob, ())
        try:
            for span in spans:
                with self.path(span.source).open("rb") as source:
                    draft.copy(source, span)
            draft.finish()
        except BaseException:
            draft.abandon()
            raise
        return self.path(blob)

    async def plain(self, blob: str, chunks: AsyncIterator[bytes]) -> Path:
        """The plaintext of a sealed blob as a file, to read or to link to, mode 0444.

        Its name goes with the last reference to the path that is given: links that were made by then stay, and with
        them the bytes. What a killed server leaves here the next one sweeps. Two who ask at once get a file each.
        """
        name = f"{blob}.{secrets.token_hex(4)}"
        draft = await self._made(
            lambda: Draft(self._temporary / name, self._plain / name), lambda draft: draft.abandon()
        )
        try:
            async for chunk in chunks:
                await self.run(lambda chunk=chunk: draft.add([chunk]))
            await self.run(draft.finish)
        except BaseException:
            await self._abandoned(draft)
            raise
        return _lent(self._plain / name)

    async def read(
        self, blob: str, start: int = 0, end: int | None = None, seal: Seal | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a blob from `start` up to and without `end`, chunk by chunk."""
        async for chunk in chunks(await self.open(blob, start, end, seal)):
            yield chunk

    async def open(self, blob: str, start: int = 0, end: int | None = None, seal: Seal | None = None) -> Content:
        """As `read`, but the file is open and its first chunk read on return: it cannot go any more.

        Bytes where one chunk is all. `FileNotFoundError` when the blob is not there as a file, `Damaged` where a sealed
        one is not what was written.
        """
        file, first, left = await self.run(lambda: self.opened(blob, start, end, seal))
        return first if file is None else self.rest(file, first, left)

    def opened(self, blob: str, start: int, end: int | None, seal: Seal | None = None) -> Opened:
        """The first chunk, in the present thread; the file where there is more, and how much may follow."""
        file = self._file(blob, end, seal)
        try:
            if start:
                file.seek(start)
            left = None if end is None else end - start
            first = file.read(CHUNK if left is None else min(CHUNK, left))
        except BaseException:
            file.close()
            raise
        left = None if left is None else left - len(first)
        if left == 0 or not first:
            file.close()
            return None, first, 0
        return file, first, left

    def _file(self, blob: str, end: int | None, seal: Seal | None) -> BinaryIO | Reader:
        """A blob's bytes, to be read up to `end` at least: the file, or what opens its segments."""
        if seals.is_sealed(blob) != (seal is not None):
            raise ValueError(f"blob {blob} is read {'with' if seal else 'without'} a seal")
        file = self.path(blob).open("rb", buffering=0)
        if seal is None:
            return file
        try:
            reader = seal.reader(blob, file)
            if end is not None and reader.size < end:
                raise Damaged(f"blob {blob} ends {end - reader.size} bytes early")
        except BaseException:
            file.close()
            raise
        return reader

    async def rest(self, file: BinaryIO | Reader, first: bytes, left: int | None) -> AsyncIterator[bytes]:
        """The chunk that was read when a file was `opened`, and those that follow."""
        try:
            yield first
            while chunk := await self.run(partial(file.read, CHUNK if left is None else min(CHUNK, left))):
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            file.close()

    async def open_spans(self, spans: Sequence[Span], seal: Seal | None = None) -> AsyncIterator[bytes]:
        """The bytes of spans one after another; their files are kept from `discard` until the iterator is done with."""
        held = _Held(self, spans, seal)
        await self.run(lambda: [os.stat(self.path(span.source)) for span in spans])
        return held

    @contextmanager
    def holding(self, spans: Iterable[Span]) -> Generator[None]:
        """While it is entered, `discard` spares the files of the spans; it takes them afterwards."""
        held = _Held(self, list(spans))
        try:
            yield
        finally:
            held.release()

    def hold(self, blobs: Iterable[str]) -> None:
        """Has `discard` wait with these files, until `unhold`."""
        for blob in blobs:
            self._holds[blob] = self._holds.get(blob, 0) + 1

    def unhold(self, blobs: Iterable[str]) -> None:
        """Ends a `hold`."""
        free: list[str] = []
        for blob in blobs:
            self._holds[blob] -= 1
            if not self._holds[blob]:
                del self._holds[blob]
                free.append(blob)
        doomed = self._doomed.intersection(free)
        self._doomed -= doomed
        self.discard(doomed)

    def discard(self, blobs: Iterable[str]) -> None:
        """Has the files of blobs that no row names any more removed soon; does not wait for it."""
        if free := self._free(blobs):
            with suppress(RuntimeError):  # closed: the next start sweeps them
                self._threads.submit(self.unlink, free)

    def drop(self, blob: Blob) -> None:
        """Discards a blob that was just written and gets no name, where it is a file."""
        if blob.data is None:
            self.discard([blob.id])

    async def delete(self, blobs: Iterable[str]) -> None:
        """As `discard`, done on return; what is held goes when it is free."""
        if free := self._free(blobs):
            await self.run(lambda: self.unlink(free))

    def _free(self, blobs: Iterable[str]) -> set[str]:
        """Those that nobody holds; the others are doomed."""
        ids = set(blobs)
        self._doomed |= ids & self._holds.keys()
        return ids - self._holds.keys()

    def unlink(self, blobs: Iterable[str]) -> None:
        """As `delete`, in the present thread; while a backup copies, the files go when it is over (`removal.py`)."""
        self.before_unlinking()
        self._removal(blobs)

    async def alter(self, do: Callable[[], None]) -> bool:
        """Changes bytes of files that no row names, in a thread; whether it did: not while a backup copies them."""
        return await self.run(lambda: self._removal.alone(do))

    def _remove(self, blobs: Iterable[str]) -> None:
        for blob in blobs:
            with suppress(FileNotFoundError):
                self.path(blob).unlink()

    def ids(self) -> Iterator[str]:
        """The ids of all the files there, in no order; reads the folders while it goes."""
        for number in range(256):
            yield from os.listdir(self.folder / f"{number:02x}")

    def close(self) -> None:
        """Waits for the threads."""
        self._threads.shutdown()
        self._removal.close()

    def _begun(self, blob: str, how: _How) -> Draft | Inset:
        if how.place is None:
            return self._draft(blob, how.digests, how.seal)
        return Inset(self.path(how.place.span.source), how.place, how.digests)

    def name(self) -> str:
        """The id of a blob that is to be; the sweep spares it."""
        return self._fresh(secrets.token_hex(16))

    def _fresh(self, blob: str) -> str:
        fresh = self.fresh  # looked at once: the sweep ends in another thread
        if fresh is not None:
            fresh.add(blob)
        return blob

    def lay(self, blob: str) -> None:
        """Makes the empty file of a blob, whose bytes are written to places in it (`write`)."""
        os.close(os.open(self.path(blob), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _draft(self, blob: str, digests: Sequence[str], seal: Seal | None = None) -> Draft:
        return Draft(self._temporary / self._fresh(blob), self.path(blob), digests, seal and seal.writer(blob))

    def _submit(self, fn: Callable[..., T], *given: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, fn, *given)

    async def run(self, fn: Callable[[], T]) -> T:
        """What `fn` gives, in one of the threads that work on files."""
        return await self._submit(fn)

    async def _made(self, make: Callable[[], T], undo: Callable[[T], None]) -> T:
        """As `run`, for what leaves something behind: its thread undoes it where this task is cancelled meanwhile."""
        making = self._threads.submit(make)
        try:
            return await asyncio.wrap_future(making)
        except asyncio.CancelledError:
            making.add_done_callback(lambda made: made.cancelled() or made.exception() or undo(made.result()))
            raise


class Lent(type(Path())):
    """The path of a file that goes when nobody holds this object any more; paths made from it do not hold it."""


def _lent(path: Path) -> Lent:
    lent = Lent(path)
    weakref.finalize(lent, _unlink, str(path))
    return lent


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


@dataclass(frozen=True, slots=True)
class _How:
    """How bytes become a blob: what is computed of them, and where or as what they are written."""

    digests: Sequence[str]
    place: Place | None
    seal: Seal | None

    def resting(self, name: str, data: bytes) -> bytes:
        """All of a small blob's bytes as they shall rest."""
        return self.seal.sealed(name, data) if self.seal else data

    def name(self) -> str:
        """An id for the blob."""
        return secrets.token_hex(16) + (seals.SUFFIX if self.seal else "")

    def blob(self, name: str, size: int, digests: dict[str, bytes]) -> Blob:
        """The blob, once it is whole."""
        return Blob(name, size, digests, self.place and self.place.span, self.seal)


class _Held:
    """Reads spans of files that `discard` spares meanwhile; also when nobody ever reads it, hence `__del__`."""

    def __init__(self, blobs: Blobs, spans: Sequence[Span], seal: Seal | None = None) -> None:
        self._blobs = blobs
        self._seal = seal
        self._left = iter(spans)
        self._current: AsyncIterator[bytes] | None = None
        self._sources: list[str] = sorted({span.source for span in spans})
        blobs.hold(self._sources)

    def __aiter__(self) -> _Held:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._current is None:
                span = next(self._left, None)
                if span is None:
                    self.release()
                    raise StopAsyncIteration
                self._current = self._blobs.read(span.source, span.start, span.start + span.size, self._seal)
            async for chunk in self._current:
                return chunk
            self._current = None

    def release(self) -> None:
        sources, self._sources = self._sources, []
        self._blobs.unhold(sources)

    def __del__(self) -> None:
        self.release()


async def chunks(content: Content) -> AsyncIterator[Any]:
    """Content as an iterator, whether it is all there or not."""
    if isinstance(content, bytes):
        yield content
        return
    async for chunk in content:
        yield chunk


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The chunks in batches of at least `CHUNK` bytes; the last one may be smaller, and empty."""
    batch: list[bytes] = []
    size = 0
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= CHUNK:
            yield batch
            batch, size = [], 0
    yield batch
