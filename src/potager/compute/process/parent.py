"""The server's end of the zygote: started in the background, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potager.compute.process import harness, venv
from potager.compute.process.isolation import Isolation
from potager.kernel.errors import LimitReached

STEADY = 1.0
"""Seconds that a zygote must have lived to be replaced at once; one that cannot live waits for the next need."""


PATIENCE = 30.0
"""Seconds in which a shim answers, or is taken to have died of its own start."""


class Gone(Exception):
    """The zygote died before it answered."""


class Parent:
    """Has workloads forked. Belongs to one event loop."""

    def __init__(self, preload: Sequence[str], *, isolate: bool, kept: Path | None = None, warm: bool = False) -> None:
        self._first = {
            "preload": list(preload),
            "isolate": isolate,
            "kept": str(kept) if kept else None,
            "warm": warm,
        }
        self.warmed = False
        """Whether its imports are done and left it with one thread."""
        self._imports: asyncio.Future[bool] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._isolation: asyncio.Future[Isolation] | None = None
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._number = 0
        self._starting = asyncio.Lock()
        self._closed = False
        self._since = 0.0

    @property
    def pid(self) -> int | None:
        """The zygote's process id, None while there is none."""
        return self._process.pid if self._process is not None else None

    async def open(self) -> None:
        """Starts the zygote and returns before its imports are done."""
        async with self._starting:
            if self._writer is None and not self._closed:
                await self._start()

    async def isolation(self) -> Isolation:
        """What the zygote found to be possible here."""
        await self.open()
        if self._isolation is None:
            raise Gone
        return await asyncio.shield(self._isolation)

    async def imported(self) -> bool:
        """Whether it has everything imported and one thread, as soon as that is known; False once it is gone."""
        await self.open()
        return self._imports is not None and await asyncio.shield(self._imports)

    async def spawn(self, folder: Path, secrets: Mapping[str, str]) -> None:
        """Has the workload in `folder` minded by a shim; `Gone` when the zygote died first.

        `secrets` are the part of its environment that does not stand in the folder.
        """
        await self.open()
        if self._writer is None:
            raise Gone
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            order = {"id": number, "folder": str(folder), "secrets": dict(secrets)}
            self._writer.write(json.dumps(order).encode() + b"\n")
            error = await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError:
            raise Gone from None
        finally:
            del self._waiting[number]
        if error:
            raise LimitReached(f"No process could be started for {folder.name}: {error}.")

    async def close(self) -> None:
        """Ends the zygote; workloads live on."""
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        self._forget()

    async def _start(self) -> None:
        self._since = time.monotonic()
        near, far = socket.socketpair()
        with far:
            self._process = await asyncio.to_thread(_launch, far.fileno())
        near.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=near, limit=1 << 20)
        self._isolation = asyncio.get_running_loop().create_future()
        self._imports = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"paths": _paths(), **self._first}).encode() + b"\n")
        self._listening = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                async for line in reader:
                    self._hear(json.loads(line))
        finally:
            self._forget()
        if time.monotonic() - self._since > STEADY:
            await self.open()

    def _hear(self, doc: dict[str, Any]) -> None:
        if "isolation" in doc and self._isolation is not None:
            self._isolation.set_result(Isolation(**doc["isolation"]))
        if "threads" in doc:
            self.warmed = doc["threads"] == 1
            if self._imports is not None:
                self._imports.set_result(self.warmed)
        answer = self._waiting.get(doc.get("id", 0))
        if answer is not None and not answer.done():
            answer.set_result(doc["error"])

    def _forget(self) -> None:
        """The zygote is gone, or shall be."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = None
        self.warmed = False
        if self._imports is not None and not self._imports.done():
            self._imports.set_result(False)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Gone())
        if self._isolation is not None and not self._isolation.done():
            self._isolation.set_exception(Gone())
            self._isolation.exception()  # so that nobody having asked is no news
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _paths() -> list[str]:
    """Where this process imports from, but for its current folder."""
    return [os.path.abspath(path) for path in sys.path if path]


def _launch(control: int) -> subprocess.Popen[bytes]:
    """Starts the interpreter; `-P` keeps the current folder out of its imports."""
    command = [sys.executable, "-P", "-m", "potager.compute.process.zygote", str(control)]
    environment = harness.clean(os.environ, network=True)
    own = ("HOME", "PYTHONPATH", "XDG_CONFIG_HOME", "PIP_CONFIG_FILE")
    environment |= {name: os.environ[name] for name in own if name in os.environ} | venv.told(os.environ)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, pass_fds=(control,), env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
