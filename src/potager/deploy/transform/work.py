"""One job's way through its objects: read, split, ask, assemble, write.

    walk ─► several objects at a time ─► batches ─► crew ─► answers in the order of the records ─► one new object

Memory is bounded by permits: a batch has one from before it is read until its answer is handed to the writer, and there
are as many as requests may be under way. An object waits for a permit only while it holds none, or takes its own back
by handing on its oldest answer, so that objects cannot wait for one another in a ring.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from potager.compute.faults import ModelError
from potager.deploy.transform import inputs, splitting
from potager.deploy.transform.crew import Crew, refused
from potager.deploy.transform.faults import BadObject, BadRecord, Broken
from potager.deploy.transform.inputs import Source
from potager.deploy.transform.journal import Journal
from potager.deploy.transform.plan import Plan
from potager.deploy.transform.splitting import Batch, Splitter
from potager.kernel.errors import LimitReached, NotFound, WireError
from potager.store.objects import Objects

MADE_BY = "_transform"
"""Member of an output object's document: the job that made it. S3 does not show it."""


class Work:
    """The work on one job.

    Parameters
    ----------
    job : the job's id, by which it knows its own objects again.
    again : whether a server began it before, so that some objects may be finished.
    """

    def __init__(self, job: str, plan: Plan, crew: Crew, objects: Objects, journal: Journal, *, again: bool) -> None:
        self._job = job
        self._plan = plan
        self._crew = crew
        self._objects = objects
        self._journal = journal
        self._again = again
        self._most = plan.workers * plan.concurrent
        self._permits = asyncio.Semaphore(self._most)
        self._bad: list[str] = []
        self._made: set[str] = set()

    async def run(self, sources: AsyncGenerator[Source], bucket: str) -> None:
        """Transforms the sources. `Broken` breaks off; a `BadObject` is raised once the others are through."""
        try:
            await self._objects.bucket(bucket)
        except NotFound as fault:
            raise Broken(f"ClientError: the output cannot be written. {fault.message}") from fault
        await self._crew.start()
        async with aclosing(sources):
            await self._all(sources)
        if self._bad:
            more = len(self._bad) - 1
            others = f" ({more} more of the input objects failed; see the job's data-log)" if more else ""
            raise BadObject(self._bad[0][:900] + others)

    async def _all(self, sources: AsyncGenerator[Source]) -> None:
        turn = asyncio.Lock()
        tasks = [asyncio.create_task(self._some(sources, turn)) for _ in range(self._most)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _some(self, sources: AsyncGenerator[Source], turn: asyncio.Lock) -> None:
        """Takes one object after another."""
        while True:
            async with turn:
                source = await anext(sources, None)
            if source is None:
                return
            try:
                if not await self._finished(source):
                    await self._one(source)
            except BadObject as bad:
                self._bad.append(bad.message)
                self._journal.say(bad.message)

    async def _finished(self, source: Source) -> bool:
        """Whether the object need not be read: its output is there, or it is an output of this job itself."""
        bucket, key = source.target
        if key in self._made:
            raise BadObject(
                f"ClientError: {source.uri}: another input object has the output key '{key}' too. Rename one."
            )
        self._made.add(key)
        if self._again and await self._ours(bucket, key):
            return True
        beneath = source.entry.bucket == bucket and source.entry.key.endswith(inputs.SUFFIX)
        return beneath and await self._ours(bucket, source.entry.key)

    async def _ours(self, bucket: str, key: str) -> bool:
        try:
            return (await self._objects.head(bucket, key)).doc.get(MADE_BY) == self._job
        except NotFound:
            return False

    async def _one(self, source: Source) -> None:
        """Makes one output object, whole or not at all."""
        bucket, key = source.target
        try:
            kind, made = self._plan.accept or "binary/octet-stream", {MADE_BY: self._job}
            async with aclosing(self._answers(source)) as answers:
                await self._objects.keep(bucket, key, answers, content_type=kind, doc=made)
        except NotFound as fault:
            raise Broken(f"ClientError: the output cannot be written. {fault.message}") from fault
        except LimitReached as fault:
            raise Broken(f"ClientError: the output cannot be written. {fault.message}") from fault

    async def _answers(self, source: Source) -> AsyncGenerator[bytes]:
        """What is written for an object, batch by batch, in order."""
        cutter = splitting.splitter(self._plan.split, self._plan.single, self._plan.sizes)
        chunks = inputs.content(self._objects, source, self._plan.gzip)
        under_way: deque[asyncio.Task[bytes]] = deque()
        try:
            async with aclosing(splitting.batches(chunks, cutter)) as batches:
                while True:
                    while under_way and (under_way[0].done() or self._permits.locked()):
                        yield await self._handed_on(under_way)
                    await self._permits.acquire()
                    batch = await self._next(source, cutter, batches)
                    if batch is None:
                        break
                    under_way.append(asyncio.create_task(self._answered(source, cutter, batch)))
            while under_way:
                yield await self._handed_on(under_way)
        finally:
            for task in under_way:
                task.cancel()
                self._permits.release()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _handed_on(self, under_way: deque[asyncio.Task[bytes]]) -> bytes:
        """The oldest answer; its permit is free."""
        answer = await under_way[0]
        under_way.popleft()
        self._permits.release()
        return answer

    async def _next(self, source: Source, cutter: Splitter, batches: AsyncIterator[Batch]) -> Batch | None:
        """The object's next batch, None at its end or where it breaks; the permit goes back then."""
        batch = None
        try:
            batch = await anext(batches, None)
        except BadRecord as bad:
            raise self._blamed(source, cutter, bad, 1) from bad
        finally:
            if batch is None:
                self._permits.release()
        return batch

    async def _answered(self, source: Source, cutter: Splitter, batch: Batch) -> bytes:
        """What is written for a batch."""
        processing = self._plan.processing
        try:
            body = await asyncio.to_thread(processing.request, batch.body) if processing else batch.body
            answer, kind = await self._crew.invoke(body)
            if processing and processing.shapes:
                return await asyncio.to_thread(processing.answer, batch.body, answer, kind)
        except BadRecord as bad:
            raise self._blamed(source, cutter, bad, batch.first) from bad
        except ModelError as error:
            raise await self._failed(source, cutter, batch, error) from error
        except WireError as error:
            remedy = "Lower MaxPayloadInMB, or split the object."
            raise BadObject(f"ClientError: {source.uri}: {error.message} {remedy}") from error
        return answer + b"\n" if self._plan.line and answer and not answer.endswith(b"\n") else answer

    def _blamed(self, source: Source, cutter: Splitter, bad: BadRecord, first: int) -> BadObject:
        place = f", {cutter.noun} {first + bad.index}" if cutter.noun and bad.index is not None else ""
        return BadObject(f"ClientError: {source.uri}{place}: {bad.message}")

    async def _failed(self, source: Source, cutter: Splitter, batch: Batch, error: ModelError) -> BadObject | Broken:
        """What to say of a batch that the model did not answer: the very record, where it refused one."""
        place = ""
        if refused(error):
            index, error = await self._culprit(cutter, batch, error)
            place = f", {cutter.noun} {batch.first + index}" if cutter.noun and index is not None else ""
        status, said = error.fields["OriginalStatusCode"], error.fields["OriginalMessage"]
        side, kind = ("ClientError", BadObject) if refused(error) else ("AlgorithmError", Broken)
        return kind(f"{side}: Bad HTTP status received from algorithm: {status}. {source.uri}{place}: {said}")

    async def _culprit(self, cutter: Splitter, batch: Batch, error: ModelError) -> tuple[int | None, ModelError]:
        """The first record that the model refuses alone, by halving; None when it refuses none."""
        records = cutter.records(batch.body)
        while len(records) > 1:
            half = records[: len(records) // 2]
            found = await self._refusal(half)
            records = half if found else records[len(half) :]
            error = found or error
        found = await self._refusal(records)
        return (records[0][0], found) if found else (None, error)

    async def _refusal(self, records: list[tuple[int, bytes]]) -> ModelError | None:
        """The model's refusal of some records, None where it answers them."""
        try:
            body = b"".join(record for _, record in records)
            await self._crew.invoke(self._plan.processing.request(body) if self._plan.processing else body)
        except ModelError as error:
            return error if refused(error) else None
        return None
