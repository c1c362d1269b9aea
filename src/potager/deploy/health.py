"""Whether an instance that is up is well: a program that answers `GET /ping` itself is asked while it serves.

    every `interval` seconds: ping ─► 200: in traffic    not 200, twice in a row: out    twelve times: replaced

Our own images have nothing to say that their socket does not: they answer a ping out of the loop that serves, which a
model that hangs holds up, as it does everybody's requests, until the limit of an invocation ends it. They are asked
when they come up and then left in peace. A program that gives no answer while it has requests in hand is thought busy.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from potager.compute.faults import ModelError, WorkerHung, WorkerLost
from potager.compute.process.serving import BUSY, WELL
from potager.deploy.router import Instance, Worker

log = logging.getLogger(__name__)

OUT, LOST = 2, 12
"""Bad pings in a row after which an instance gets no more requests, and after which it is replaced."""
TIMEOUT = 10.0
"""Seconds until a worker that does not pass the answer on is thought busy; its program has less for its answer."""

Sleep = Callable[[float], Awaitable[object]]


async def mind(
    name: str, instance: Instance, interval: float, changed: Callable[[], None], sleep: Sleep = asyncio.sleep
) -> None:
    """Asks an instance until it is gone, takes it out of traffic and back, and ends it where it stays unwell.

    changed : is told whenever it is taken out or back.
    """
    workers = [worker for worker in instance.workers if worker.minded]
    bad = 0
    while workers:
        await sleep(interval)
        try:
            said = [await _asked(worker) for worker in workers]
        except WorkerLost:
            return
        if sick := [each for each in said if each not in (WELL, BUSY)]:
            bad += 1
        elif BUSY not in said:
            bad = 0
        if instance.well != (well := bad < OUT):
            instance.well = well
            then = "is back" if well else f"gets no requests until it is well: GET /ping: {sick[0]}"
            log.warning("instance %s %s", name, then)
            changed()
        if bad >= LOST:
            log.warning("instance %s is replaced: GET /ping failed %d times in a row", name, bad)
            for worker in workers:
                worker.kill()
            return


async def _asked(worker: Worker) -> str:
    """What a worker says of its program. `WorkerLost` where it is gone."""
    try:
        return await worker.channel.ready(TIMEOUT)
    except WorkerHung:
        return BUSY
    except WorkerLost:
        raise
    except ModelError as error:
        return error.message
