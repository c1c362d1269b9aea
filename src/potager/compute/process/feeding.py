"""The process that feeds a workload's named pipes.

    shim ──fork──► feeder: a thread a channel
      ▲               │  open <channel>_<epoch>, which waits for a reader ─► make the next epoch's ─► write ─► remove
      └──── link ─────┘  what went wrong, once; the feeder ends when the shim's end closes, and so with its workload

It is forked before the shim leaves its namespaces, so it sees the files that the workload does not, and the workload
does not see it. A reader that closes early has had its epoch. Where something cannot be read the pipe stays open,
and the shim ends the workload: a program must not take half an epoch for a whole one.

What lies below /opt/ml is the program's to move about, and the feeder has more power than the program. So it holds the
pipes' folder open from before the start, and writes to nothing there but pipes.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import io
import itertools
import json
import os
import signal
import socket
import stat
import threading
import traceback
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from potager.compute.process import keeper, recordio
from potager.compute.workload import Workload
from potager.kernel import remains
from potager.kernel.pipes import Pipe, order

CHUNK = 1 << 20
"""Bytes that are read at once, and that a pipe holds where the system lets it."""

DIED = "The process that feeds the pipes has died."


class Feeder:
    """The shim's end of it."""

    def __init__(self, pid: int, link: socket.socket) -> None:
        self._pid = pid
        self._link = link

    @classmethod
    def start(cls, workload: Workload) -> Feeder | None:
        """Forks the feeder; the first epoch's pipes are there on return. None where there is nothing to feed."""
        if not workload.pipes:
            return None
        places = [_Place(workload.ml, pipe) for pipe in workload.pipes]
        for place in places:
            place.make(0)
        link, far = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _feed(places, far)
        far.close()
        for place in places:
            place.close()
        return cls(pid, link)

    def fileno(self) -> int:
        """Readable when something went wrong."""
        return self._link.fileno()

    def hear(self) -> str:
        """What went wrong, "" when nothing did so far; does not wait."""
        try:
            said = self._link.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return ""
        return said.decode("utf-8", "replace") or DIED

    def end(self) -> str:
        """Ends the feeder; what went wrong until then, "" when nothing did."""
        said = self.hear()
        self._link.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        return said


class _Place:
    """Where a channel's pipes are: a folder that is held open, for the program may put another one at its path."""

    def __init__(self, ml: Path, pipe: Pipe) -> None:
        self.pipe = pipe
        self._name = Path(pipe.name).name
        with remains.opened(ml, str(Path(pipe.name).parent)) as folder:
            self.folder = os.dup(folder)

    def make(self, epoch: int) -> None:
        """Makes an epoch's pipe, unless it is there."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo(f"{self._name}_{epoch}", 0o644, dir_fd=self.folder)

    def open(self, epoch: int) -> int:
        """Opens an epoch's pipe for writing, once somebody reads from it."""
        path = f"{self._name}_{epoch}"
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder)
        if not stat.S_ISFIFO(os.fstat(handle).st_mode):
            os.close(handle)
            raise Fault(f"{path} is no longer a pipe.")
        return handle

    def remove(self, epoch: int) -> None:
        """Removes an epoch's pipe."""
        os.unlink(f"{self._name}_{epoch}", dir_fd=self.folder)

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self.folder)


def _feed(places: Sequence[_Place], link: socket.socket) -> NoReturn:
    """Runs in a fork of the shim; ends the process."""
    try:
        keeper.close_others({link.fileno(), *(place.folder for place in places)})
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for place in places:
            threading.Thread(target=_feed_all, args=(place, link), daemon=True).start()
        link.recv(1)  # nothing ever comes: the shim has ended or wants this to end
    except BaseException:
        traceback.print_exc()
    os._exit(0)


def _feed_all(place: _Place, link: socket.socket) -> NoReturn:
    """A channel's epochs, without end; tells the link of a fault and holds the pipe open then."""
    name = Path(place.pipe.name).name
    try:
        plan = _Plan(place.pipe)
        for epoch in itertools.count():
            target = place.open(epoch)
            _widen(target)
            place.make(epoch + 1)
            with contextlib.suppress(BrokenPipeError):
                for chunk in plan.epoch(epoch):
                    _write(target, chunk)
            place.remove(epoch)  # before its end can be seen: nobody may wait at it for a second one
            os.close(target)
    except Fault as fault:
        link.sendall(f"Channel '{name}': {fault}".encode("utf-8", "replace")[:1024])
    except BaseException:
        link.sendall(f"Channel '{name}': {traceback.format_exc(limit=-3)}".encode()[-1024:])
    threading.Event().wait()
    raise AssertionError("nobody sets it")


class Fault(Exception):
    """Something that a program was to be fed with cannot be had."""


class _Plan:
    """A plan as it is read: where its lines begin is all of it that is kept."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._file = pipe.plan.open("rb")
        self._starts = array("Q", itertools.accumulate((len(line) for line in self._file), initial=0))
        self._starts.pop()

    def epoch(self, number: int) -> Iterator[bytes]:
        """All the bytes of an epoch."""
        pipe = self._pipe
        for line in order(len(self._starts), pipe.seed, number, pipe.host, pipe.hosts):
            self._file.seek(self._starts[line])
            for part in json.loads(self._file.readline()):
                yield from self._text(part) if isinstance(part, str) else self._object(part)

    def _text(self, text: str) -> Iterator[bytes]:
        raw = text.encode("utf-8", "replace")
        yield from recordio.framed(io.BytesIO(raw), io.BytesIO(raw)) if self._pipe.record else [raw]

    def _object(self, part: dict[str, str]) -> Iterator[bytes]:
        try:
            with contextlib.ExitStack() as stack:
                source = stack.enter_context(self._open(part["file"]))
                if self._pipe.record:
                    yield from recordio.framed(source, stack.enter_context(self._open(part["file"])))
                else:
                    yield from iter(lambda: source.read(CHUNK), b"")
        except BrokenPipeError:
            raise
        except (OSError, EOFError, zlib.error, ValueError) as error:
            what = "could not be unpacked by gzip" if self._pipe.gzip else "could not be read"
            raise Fault(f"{part['of']} {what}: {error}.") from error

    def _open(self, name: str) -> BinaryIO:
        path = self._pipe.plan.parent / name
        return cast("BinaryIO", gzip.open(path, "rb")) if self._pipe.gzip else path.open("rb")


def _widen(pipe: int) -> None:
    """Lets a pipe hold a chunk, where the system can: fewer turns between writer and reader."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
