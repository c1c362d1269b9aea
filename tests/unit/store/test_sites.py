"""Parts that are written where they will stand: when an object is one file at once, and what must never be mixed up."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from potager.kernel.names import Scope
from potager.store import drafts, removal, sweep, uploads
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Check, Entry, Objects
from potager.store.sites import LONGEST, SMALLEST, Site
from potager.store.uploads import NoUpload, Part, Upload
from tests.unit.store.test_objects import files

PARTS = [os.urandom(SMALLEST), os.urandom(SMALLEST), os.urandom(100)]


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("b", Scope("000000000000", "us-east-1"))


async def begin(objects: Objects) -> Upload:
    return await objects.uploads.create("b", "k", {})


async def stream(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 2**20):
        yield data[at : at + 2**20]


async def broken(data: bytes) -> AsyncIterator[bytes]:
    async for chunk in stream(data):
        yield chunk
    raise ConnectionResetError


async def send(objects: Objects, blobs: Blobs, upload: Upload, number: int, data: bytes, sent: object = None) -> Part:
    """As UploadPart does it; `sent` is what really arrives."""
    chunks = stream(data) if sent is None else sent
    with objects.uploads.placing(upload, number, len(data)) as place:
        blob = await blobs.write(chunks, place=place)  # type: ignore[arg-type]
        if blob.size != len(data):
            raise ValueError("IncompleteBody")
        return await objects.uploads.put_part(upload, number, blob, {})


async def finish(objects: Objects, upload: Upload, *numbers: int, check: Check | None = None) -> Entry:
    """As CompleteMultipartUpload does it, of these parts."""

    def chosen(there: Mapping[int, Part]) -> tuple[list[Part], Entry]:
        parts = [there[number] for number in numbers]
        return parts, Entry("b", "k", "", sum(part.size for part in parts), f"etag-{len(parts)}", 1.0)

    return await objects.uploads.complete(upload, chosen, check)


async def content(objects: Objects, entry: Entry) -> bytes:
    """What an object holds, the same when it is read and as a file."""
    read = b"".join([chunk async for chunk in objects.read(entry)])
    assert (await objects.file(entry)).read_bytes() == read
    return read


def is_one_file(blobs: Blobs, entry: Entry) -> bool:
    return blobs.has(entry.blob) and blobs.path(entry.blob).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (2, 3, 1)])
async def test_parts_in_any_order_are_one_file_at_once(objects: Objects, blobs: Blobs, order: tuple[int, ...]) -> None:
    upload = await begin(objects)
    for number in order:
        await send(objects, blobs, upload, number, PARTS[number - 1])
    entry = await finish(objects, upload, 1, 2, 3)
    assert is_one_file(blobs, entry)
    assert await files(blobs) == {entry.blob}
    assert await content(objects, entry) == b"".join(PARTS)
    await objects.delete("b", ["k"])
    assert await files(blobs) == set()


async def test_parts_that_arrive_together_are_one_file_at_once(objects: Objects, blobs: Blobs) -> None:
    upload, parts = await begin(objects), [os.urandom(SMALLEST) for _ in range(6)]
    await asyncio.gather(*(send(objects, blobs, upload, number, data) for number, data in enumerate(parts, 1)))
    entry = await finish(objects, upload, *range(1, 7))
    assert is_one_file(blobs, entry)
    assert await content(objects, entry) == b"".join(parts)


async def test_a_last_part_that_comes_first_is_moved_to_its_place(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    for number in (3, 1, 2):
        await send(objects, blobs, upload, number, PARTS[number - 1])
    entry = await finish(objects, upload, 1, 2, 3)
    assert is_one_file(blobs, entry)
    assert await content(objects, entry) == b"".join(PARTS)
    assert await files(blobs) == {entry.blob}


async def test_too_much_out_of_place_stays_pieces_until_a_file_is_asked_for(
    objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOVED", 99)
    upload = await begin(objects)
    for number in (3, 1, 2):
        await send(objects, blobs, upload, number, PARTS[number - 1])
    entry = await finish(objects, upload, 1, 2, 3)
    assert not blobs.has(entry.blob)
    assert await content(objects, entry) == b"".join(PARTS)
    assert await files(blobs) == {entry.blob}


async def test_a_part_sent_again_does_not_touch_the_one_that_stands(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, upload, number, data)
    changed = os.urandom(SMALLEST)
    with pytest.raises(ConnectionResetError):
        await send(objects, blobs, upload, 2, changed, broken(changed))
    await send(objects, blobs, upload, 2, changed)
    entry = await finish(objects, upload, 1, 2, 3)
    assert is_one_file(blobs, entry)
    assert await content(objects, entry) == PARTS[0] + changed + PARTS[2]
    assert await files(blobs) == {entry.blob}


async def test_a_part_that_failed_before_it_stood_can_take_its_place_again(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    with pytest.raises(ConnectionResetError):
        await send(objects, blobs, upload, 1, PARTS[0], broken(PARTS[1]))
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, upload, number, data)
    entry = await finish(objects, upload, 1, 2, 3)
    assert is_one_file(blobs, entry)
    assert await content(objects, entry) == b"".join(PARTS)


async def test_a_body_longer_than_announced_does_not_reach_its_neighbour(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    await send(objects, blobs, upload, 1, PARTS[0])
    await send(objects, blobs, upload, 2, PARTS[1])
    await send(objects, blobs, upload, 3, PARTS[2])
    other = await begin(objects)
    await send(objects, blobs, other, 2, PARTS[1])
    with pytest.raises(ValueError, match="IncompleteBody"):
        await send(objects, blobs, other, 1, PARTS[0], stream(PARTS[0] + b"more"))
    await send(objects, blobs, other, 1, PARTS[0])
    assert await content(objects, await finish(objects, other, 1, 2)) == PARTS[0] + PARTS[1]


async def test_an_object_does_not_hold_the_parts_that_it_leaves_out(objects: Objects, blobs: Blobs) -> None:
    for chosen in ((1, 2), (1, 3), (2, 3)):
        upload = await begin(objects)
        for number, data in enumerate(PARTS, 1):
            await send(objects, blobs, upload, number, data)
        entry = await finish(objects, upload, *chosen)
        assert await content(objects, entry) == b"".join(PARTS[number - 1] for number in chosen)
        assert await files(blobs) == {entry.blob}


async def test_beside_a_backup_no_byte_changes_that_it_may_copy(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, upload, number, data)
    (site,) = await files(blobs)
    changed = os.urandom(SMALLEST)
    with removal.withheld(blobs.folder):
        await send(objects, blobs, upload, 2, changed)
        entry = await finish(objects, upload, 1, 2)
        assert b"".join([chunk async for chunk in objects.read(entry)]) == PARTS[0] + changed
        assert blobs.path(site).read_bytes() == b"".join(PARTS)
    assert await content(objects, entry) == PARTS[0] + changed


async def test_a_part_under_way_when_the_upload_ends_does_not_grow_the_object(objects: Objects, blobs: Blobs) -> None:
    upload, arrive, begun = await begin(objects), asyncio.Event(), asyncio.Event()
    await send(objects, blobs, upload, 1, PARTS[0])

    async def slow() -> AsyncIterator[bytes]:
        async for chunk in stream(PARTS[1]):
            yield chunk
            begun.set()
            await arrive.wait()

    late = asyncio.create_task(send(objects, blobs, upload, 2, PARTS[1], slow()))
    await begun.wait()
    entry = await finish(objects, upload, 1)
    arrive.set()
    with pytest.raises(NoUpload):
        await late
    assert await content(objects, entry) == PARTS[0]
    assert await files(blobs) == {entry.blob}


async def test_a_part_whose_request_is_cancelled_ends_the_giving_of_places(objects: Objects, blobs: Blobs) -> None:
    upload, begun = await begin(objects), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield PARTS[0][:-1]
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(send(objects, blobs, upload, 1, PARTS[0], endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, upload, number, data)
    entry = await finish(objects, upload, 1, 2, 3)
    assert await content(objects, entry) == b"".join(PARTS)
    assert await files(blobs) == {entry.blob}


async def test_an_abort_removes_the_file(objects: Objects, blobs: Blobs) -> None:
    for numbers in ((1,), (1, 2, 3), ()):
        upload = await begin(objects)
        for number in numbers:
            await send(objects, blobs, upload, number, PARTS[number - 1])
        await objects.uploads.abort(upload)
        assert await files(blobs) == set()


async def test_a_part_that_arrives_after_the_abort_leaves_nothing(objects: Objects, blobs: Blobs) -> None:
    upload, begun, arrive = await begin(objects), asyncio.Event(), asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        begun.set()
        await arrive.wait()
        yield PARTS[0]

    task = asyncio.create_task(send(objects, blobs, upload, 1, PARTS[0], late()))
    await begun.wait()
    await objects.uploads.abort(upload)
    assert await files(blobs) == set()
    arrive.set()
    with pytest.raises(NoUpload):
        await task
    assert await files(blobs) == set()


async def test_a_completion_that_is_refused_can_be_tried_again(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    for number in (3, 1, 2):
        await send(objects, blobs, upload, number, PARTS[number - 1])

    def refuse(there: Entry | None) -> None:
        raise ValueError("PreconditionFailed")

    with pytest.raises(ValueError, match="PreconditionFailed"):
        await finish(objects, upload, 1, 2, 3, check=refuse)
    changed = os.urandom(SMALLEST)
    await send(objects, blobs, upload, 2, changed)
    entry = await finish(objects, upload, 1, 2, 3)
    assert is_one_file(blobs, entry)
    assert await content(objects, entry) == PARTS[0] + changed + PARTS[2]
    assert await files(blobs) == {entry.blob}


async def test_of_two_completions_one_does_not_move_what_the_other_has_named(
    objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is slow to move a part that is replaced meanwhile; the second one moves what replaced it."""
    upload, changed = await begin(objects), os.urandom(SMALLEST)
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, upload, number, data)
    await send(objects, blobs, upload, 2, os.urandom(SMALLEST))
    moving, go = threading.Event(), threading.Event()

    def move(*given: Any) -> None:
        if not moving.is_set():
            moving.set()
            go.wait(10)
        drafts.move(*given)

    monkeypatch.setattr(uploads, "move", move)
    first = asyncio.create_task(finish(objects, upload, 1, 2, 3))
    await asyncio.to_thread(moving.wait)
    await send(objects, blobs, upload, 2, changed)
    second = asyncio.create_task(finish(objects, upload, 1, 2, 3))
    await asyncio.wait({second}, timeout=0.2)  # waits for the first one, or has named its own by now
    go.set()
    ends = await asyncio.gather(first, second, return_exceptions=True)
    entry = next(end for end in ends if isinstance(end, Entry))
    assert await content(objects, entry) == PARTS[0] + changed + PARTS[2]


async def test_a_sweep_leaves_the_file_of_an_upload_under_way(
    database: Database, objects: Objects, blobs: Blobs
) -> None:
    upload = await begin(objects)
    await send(objects, blobs, upload, 1, PARTS[0])
    later, again = Blobs(blobs.folder), Objects(database, blobs)
    assert await sweep.sweep(database, later) == 0
    for number in (2, 3):
        await send(again, blobs, upload, number, PARTS[number - 1])
    entry = await finish(again, upload, 1, 2, 3)
    assert await content(again, entry) == b"".join(PARTS)
    assert await files(blobs) == {entry.blob}


async def test_a_file_that_lost_its_only_part_can_still_take_others(objects: Objects, blobs: Blobs) -> None:
    upload = await begin(objects)
    await send(objects, blobs, upload, 1, PARTS[0])
    await send(objects, blobs, upload, 1, PARTS[1])  # of its own, and nothing of the file is named now
    await files(blobs)
    await send(objects, blobs, upload, 2, PARTS[0])
    entry = await finish(objects, upload, 1, 2)
    assert await content(objects, entry) == PARTS[1] + PARTS[0]


async def test_a_copy_in_ranges_is_the_source_s_file(objects: Objects, blobs: Blobs) -> None:
    first = await begin(objects)
    for number, data in enumerate(PARTS, 1):
        await send(objects, blobs, first, number, data)
    source = await finish(objects, first, 1, 2, 3)
    cuts = [(0, 7), (7, 2**20), (2**20, source.size)]
    upload = await objects.uploads.create("b", "copy", {})
    for number, (start, end) in enumerate(cuts, 1):
        await objects.uploads.copy_part(upload, number, source, start, end)
    copy = await finish(objects, upload, 1, 2, 3)
    assert copy.blob == source.blob
    half = await objects.uploads.create("b", "half", {})
    await objects.uploads.copy_part(half, 1, source, 0, 10)
    assert (await finish(objects, half, 1)).blob != source.blob


@pytest.mark.parametrize(
    ("parts", "starts"),
    [
        ([(1, 8), (2, 8), (3, 3)], [0, 8, 16]),
        ([(2, SMALLEST), (1, SMALLEST)], [SMALLEST, 0]),
        ([(2, SMALLEST - 1), (1, 8)], [None, 0]),
        ([(1, 8), (2, 9)], [0, None]),
        ([(1, 8), (1, 8)], [0, None]),
        ([(1, 0)], [None]),
        ([(10_000, LONGEST // 9_998)], [None]),
    ],
)
def test_what_has_a_place(parts: list[tuple[int, int]], starts: list[int | None], blobs: Blobs) -> None:
    site = Site("s", blobs.path("s"))
    taken = [site.take(number, size) for number, size in parts]
    assert [place and place.span.start for place in taken] == starts
