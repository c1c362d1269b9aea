"""Carries notebook instances from what is wanted to what runs, and is the way to them.

    wake ─► observe (row, workload) ─► lifecycle.decide ─► act ─► one change of the row

The workload of one start has a folder below `jobs`, as every other; the notebooks lie in `notebooks/<id>`, which it
finds as /opt/ml/notebooks. A server that is killed leaves both, and the next one goes on with them. The workload's
credentials are those of a job: they name its row and this very start, and end with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
from functools import partial
from pathlib import Path

from potager.compute import leftovers
from potager.compute.allotment import Ask, Share
from potager.compute.shares import Shares, Waiting
from potager.compute.usage import Subject
from potager.compute.workload import Executor, Exited, Workload
from potager.images import notebook
from potager.kernel import clock, lastwords, remains
from potager.kernel.errors import LimitReached, Unavailable
from potager.kernel.names import Scope
from potager.kernel.sessions import Session, Sessions
from potager.prepare.notebooks import contract, lifecycle, served
from potager.prepare.notebooks.lifecycle import ACTIVE, Await, Conclude, Forget, Halt, Launch, Rest, Watch
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.rows import Row, Rows
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND = "notebook-instance"
GROUP = "/aws/sagemaker/NotebookInstances"
GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL: notebooks are saved as they change, and kernels have nothing to finish."""
START = 600.0
"""Seconds after which one that was started must answer."""
LOOK = 0.2
"""Seconds between two looks whether it does."""
ANSWER = 10.0
"""Seconds that it has for one answer to that."""
SAID = 900
"""Characters of its last words in a FailureReason."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def address(name: str) -> str:
    """The path below which an instance is reached, on this server."""
    return f"/_studio/notebooks/{name}/jupyter/"


class NotebookRunner:
    """Runs the notebook instances whose lease this server holds.

    idle : seconds after which one that nobody uses ends.
    """

    def __init__(
        self,
        rows: Rows,
        leases: Leases,
        executor: Executor,
        shares: Shares,
        logs: Logs,
        sessions: Sessions,
        data: Path,
        idle: int,
    ) -> None:
        self.rows = rows
        self.leases = leases
        self.executor = executor
        self.shares = shares
        self.logs = logs
        self.sessions = sessions
        self.data = data
        self.folder = data / "jobs"
        self.idle = idle
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._tender = Tender(KIND, ACTIVE, rows, leases, self._act, self._give_up)

    async def start(self) -> None:
        """Takes up every instance that runs or is to, and clears away what others left behind."""
        active = await self._tender.take_up()
        await leftovers.clear(self.executor, self.folder, "nb-*", {row.doc["_id"] for row in active})

    def wake(self, row: Row) -> None:
        self._tender.wake(row)

    async def instances(self) -> list[Subject]:
        """Those that run, for whoever measures what they use."""
        rows = await self.rows.read(lambda tx: tx.where(KIND, ("InService",)))
        return [Subject(row.scope, GROUP, {"NotebookInstanceName": row.name}, (self._home(row),)) for row in rows]

    async def close(self) -> None:
        """Stops looking after instances; they go on, and the next server takes them up."""
        await self._tender.close()
        for task in self._watches.values():
            task.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)

    async def connect(self, scope: Scope, name: str) -> Streams:
        """A connection to an instance's JupyterLab, which lets in whoever reaches it; `Unavailable` where none runs."""
        row = await self.rows.get(KIND, scope, name)
        if row is None or row.status != "InService":
            state = f"is {row.status}" if row else "does not exist"
            raise Unavailable(f"The notebook instance '{name}' {state}. Start it first.")
        return await self._connected(row)

    async def where(self, scope: Scope, name: str) -> Path | None:
        """Where an instance's notebooks lie, on the server's machine; None for an instance that is not there."""
        row = await self.rows.get(KIND, scope, name)
        return self.notebooks(row) if row else None

    def notebooks(self, row: Row) -> Path:
        """The same for its row."""
        return self.data / "notebooks" / row.doc["_folder"]

    def _home(self, row: Row) -> Path:
        return self.folder / row.doc["_id"]

    async def _connected(self, row: Row) -> Streams:
        try:
            sock = await asyncio.to_thread(opened, self._home(row) / "ml")
            return await asyncio.open_unix_connection(sock=sock)
        except OSError as error:
            raise Unavailable(f"JupyterLab of '{row.name}' does not answer: {error.strerror or error}.") from error

    async def _act(self, row: Row) -> float | None:
        launched = row.doc["_launched"] is not None
        match lifecycle.decide(row.status or "", launched, self.executor.observe(self._home(row))):
            case Rest():
                return None
            case Launch():
                return await self._admit(row)
            case Await():
                return await self._await(row)
            case Watch():
                return self._watch(row)
            case Halt():
                self.executor.stop(self._home(row), GRACE)
                return self._watch(row)
            case Forget():
                return await self._forget(row)
            case Conclude() as end:
                return await self._conclude(row, end)

    async def _give_up(self, row: Row, error: Exception) -> None:
        await self._conclude(row, Conclude("Failed", f"InternalServerError: {type(error).__name__}: {error}"))

    def _watch(self, row: Row) -> None:
        """Wakes the row when its workload ends."""
        if row.doc["_id"] not in self._watches:
            self._watches[row.doc["_id"]] = asyncio.create_task(self._ended(row))

    async def _ended(self, row: Row) -> None:
        try:
            await self.executor.wait(self._home(row))
        except Exception:
            log.exception("notebook instance %s: its end cannot be waited for, looking again", row.name)
            await asyncio.sleep(1.0)
        finally:
            self._watches.pop(row.doc["_id"], None)
        self.wake(row)

    async def _admit(self, row: Row) -> float | None:
        """Launches an instance once it has its share: memory, as endpoints have it, and no cores to keep jobs from."""
        if why := served.missing():
            return await self._conclude(row, Conclude("Failed", why))
        told = f"notebook instance {row.name}"
        ask = Ask(row.doc["_id"], told, (row.doc["InstanceType"],), row.doc["_asked"], use="server")
        try:
            share = self.shares.ask(ask, partial(self.wake, row))
        except LimitReached as fault:
            return await self._conclude(row, Conclude("Failed", f"CapacityError: {fault.message}"))
        return None if isinstance(share, Waiting) else await self._launch(row, share)

    async def _launch(self, row: Row, share: Share) -> float | None:
        home, kept = self._home(row), self.notebooks(row)
        await asyncio.to_thread(contract.lay_out, row.doc, home, kept)
        work = await asyncio.to_thread(self._workload, row, home, kept)
        await self.shares.rested()
        await self.executor.start(self.shares.bound(share, work))
        doc = row.doc | {"_launched": clock.now()}
        await self.rows.write(lambda tx: tx.update(row, doc=doc))
        return 0.0

    def _workload(self, row: Row, home: Path, kept: Path) -> Workload:
        environment, secrets = self.sessions.inside(
            Session(KIND, row.account, row.region, row.name, row.doc["_id"]), contract.variables()
        )
        command = ["python", "-m", "potager.images.notebook", "--base", address(row.name), "--idle", str(self.idle)]
        return Workload(
            id=row.doc["_id"],
            folder=home,
            entry="",
            argv=command,
            environment=environment,
            secrets=secrets,
            log=self._log(row),
            preface=(f"JupyterLab of the notebook instance {row.name}",),
            grace=GRACE,
            network=True,
            read_only=(home / "ml" / "metadata",),
            bound={notebook.FOLDER: kept},
            hidden=(self.data,),
            host=row.name,
        )

    def _log(self, row: Row) -> Path:
        """An instance's log file, which goes on from start to start."""
        return self.logs.path(Scope(row.account, row.region), GROUP, f"{row.name}/jupyter.log")

    async def _await(self, row: Row) -> float | None:
        """Has the instance be in service once it answers."""
        if await self._answers(row):
            await self.rows.write(lambda tx: tx.update(row, status="InService"))
            log.info("notebook instance %s: in service", row.name)
            return 0.0
        if clock.now() > (row.doc["_launched"] or row.doc["_asked"]) + START:
            self.executor.stop(self._home(row), 0.0)
            return self._watch(row)
        return LOOK

    async def _answers(self, row: Row) -> bool:
        try:
            async with asyncio.timeout(ANSWER):
                reader, writer = await self._connected(row)
                try:
                    writer.write(f"GET {address(row.name)}api HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        except (Unavailable, OSError, TimeoutError, ValueError):
            return False

    async def _conclude(self, row: Row, end: Conclude) -> float | None:
        reason = end.reason
        seen = self.executor.observe(self._home(row))
        if end.status == "Failed" and isinstance(seen, Exited) and seen.code:
            said = await asyncio.to_thread(lastwords.spoken, self.logs.lines(self._log(row)), "")
            reason = f"{reason} It said: {said[:SAID]}" if said else reason
        doc = row.doc | {"FailureReason": reason[:1024]}
        row = await self.rows.write(lambda tx: tx.update(row, doc=doc, status=end.status))
        try:
            await self.leases.release(row)
        finally:
            await leftovers.remove(self.executor, self._home(row))
            self.shares.release(row.doc["_id"])
        log.info("notebook instance %s: %s %s", row.name, end.status, reason)
        return None

    async def _forget(self, row: Row) -> None:
        await leftovers.remove(self.executor, self._home(row))
        self.shares.release(row.doc["_id"])
        await asyncio.to_thread(remains.wipe, self.notebooks(row))
        await self.rows.write(lambda tx: tx.delete(row))


def opened(ml: Path) -> socket.socket:
    """A connection to the socket that the program in `ml` listens at; `OSError` where there is none.

    The program may have put a link there, to a socket of the host's that it cannot reach itself: none is followed.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with remains.opened(ml, "") as folder:
            path_only = getattr(os, "O_PATH", 0)
            if path_only:
                handle = os.open(notebook.SOCKET, path_only | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                try:
                    _check(os.fstat(handle).st_mode)
                    sock.connect(f"/proc/self/fd/{handle}")
                finally:
                    os.close(handle)
            else:
                _check(os.stat(notebook.SOCKET, dir_fd=folder, follow_symlinks=False).st_mode)
                sock.connect(str(ml / notebook.SOCKET))
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _check(mode: int) -> None:
    if not stat.S_ISSOCK(mode):
        raise OSError("what it left is no socket")
