"""The process that minds one workload, whatever becomes of the server.

    claim ─► equip ─► feeder, keeper ─► { output to the log, time limit, stop, bounds } ─► exit record ─► tidy up

It answers the server once, when the claim stands or is another's. SIGTERM tells it to look at `stop.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from potager.compute.process import feeding, keeper, limits, network, records, syscalls
from potager.compute.process.equipment import Ended, Equipment, NotInstalled
from potager.compute.process.isolation import Isolation
from potager.compute.process.output import CHUNK, Output
from potager.compute.process.watch import LOOK, Breach, Watch
from potager.compute.workload import Exited, Reason, Workload
from potager.kernel import remains

HARD = 5.0
"""Seconds between telling the keeper to kill and killing it."""

INSTALLING = 3600.0
"""Seconds that installing what a program needs may take where the program itself has no limit."""

PAUSE = 0.1
"""Seconds between two looks whether another workload has installed what this one needs."""

LAST = 16 * 1024
"""Bytes of a program's last output that are remembered."""

FORSAKEN = 60.0
"""Seconds between two looks whether the folder is still there. Without it nobody can ask, read or stop any more."""

Reply = Callable[[str], None]


def mind(
    folder: Path,
    level: Isolation,
    reply: Reply,
    secrets: Mapping[str, str] | None = None,
    kept: Path | None = None,
) -> None:
    """Runs the workload in `folder` to its end, if nobody did or does. `reply("")` says that it is taken care of.

    kept : where environments are kept (`layers.py`).
    """
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, keeper.BLOCKED)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    run = folder / "run"
    if not _claimable(run):
        reply("")
        return
    workload = replace(Workload.loads((run / "workload.json").read_bytes()), secrets=secrets or {})
    if (run / "stop.json").exists():
        records.record(run, Exited(None, None, "stopped", time.time()))
        reply("")
        return
    minder = _Minder(workload, level, kept)
    try:
        minder.claim()
    except FileExistsError:
        reply("")
        return
    reply("")
    try:
        minder.run()
    except BaseException:
        _own_fault(workload, traceback.format_exc())
        raise


def _claimable(run: Path) -> bool:
    """Whether this shim may claim the workload: it then holds the lock until its process ends."""
    while not (records.shim(run) or records.exited(run)):
        handle = records.lock(run)
        if handle is not None and records.locked(run, handle):
            return not (records.shim(run) or records.exited(run))
        time.sleep(0.002)  # another shim is about to claim it, or to die of the attempt
    return False


def _own_fault(workload: Workload, text: str) -> None:
    """The shim itself failed: the log says so, and the workload counts as lost."""
    with contextlib.suppress(OSError):
        output = Output(workload.log)
        output.take(f"Potager could not mind this program.\n{text}".encode())
        output.close()
    records.record(workload.run, Exited(None, None, "lost", time.time()))


class _Minder:
    def __init__(self, workload: Workload, level: Isolation, kept: Path | None) -> None:
        self.workload = workload
        self.level = level
        self.kept = kept
        self.started = time.time()
        self.asked: Reason | None = None
        self.kill_at: float | None = None
        self.killed = 0
        self.look_at = time.monotonic() + FORSAKEN
        self.watch_at = time.monotonic() + LOOK
        self.breach: Breach | None = None
        self.said = bytearray()
        self.last = b""
        self.keeper = 0
        self.child = 0
        self.group: limits.Group | None = None
        self.listener: socket.socket | None = None
        self.feeder: feeding.Feeder | None = None
        self.unfed = ""

    def claim(self) -> None:
        """Makes the workload this shim's for ever; a server listens from here on."""
        work = self.workload
        (work.folder / "tmp").mkdir(mode=0o700, exist_ok=True)
        if work.requirements or work.package:
            (work.run / records.EQUIPPING).touch()
        self.listener = _listen(work.run) if work.kind == "server" else None
        self.group = limits.Group.make(work.id, work.memory_bytes, work.processes)
        start, boot = records.started(os.getpid()), records.boot()
        group = str(self.group.path) if self.group else None
        doc = {"pid": os.getpid(), "start": start, "boot": boot, "at": self.started, "group": group}
        records.write(self.workload.run / "shim.json", doc, once=True)
        records.ballast(self.workload.run).make()

    def run(self) -> None:
        """Runs it to its end, and records that."""
        limit = self.workload.time_limit
        self.deadline = None if limit is None else time.monotonic() + limit
        self.output = Output(self.workload.log, self.workload.log_bytes)
        self.watch = Watch(self.workload, self.output)
        self._open_log()
        records.record(self.workload.run, self._ran())
        self.output.close()
        self._tidy()

    def _ran(self) -> Exited:
        """How the workload ended, from having installed what it needs to its last process."""
        try:
            work = Equipment(self.workload, self.kept, self._say, self._install, self._pause).ready()
        except NotInstalled as fault:
            self._say(str(fault))
            _leave_reason(self.workload.ml, str(fault))
            return Exited(1, None, "exited", time.time(), self.started)
        except Ended as ended:
            detail = self.breach.detail if self.breach else ""
            return Exited(None, None, ended.reason, time.time(), self.started, detail=detail)
        (self.workload.run / records.EQUIPPING).unlink(missing_ok=True)
        self._say(*work.announcement)
        self.feeder = feeding.Feeder.start(work)  # before the walls: it reads what lies outside of them
        return self._one(work, self.deadline, self.listener)

    def _install(self, work: Workload) -> tuple[Exited, str]:
        """Runs a workload before this one, in its folder; its end, and the last of what it said."""
        deadline = self.deadline or time.monotonic() + INSTALLING
        end = self._one(work, deadline, None, apart=True)
        self.said.clear()
        if self.asked is not None:
            end = replace(end, reason=self.asked)
        return end, self.last.decode("utf-8", "replace")

    def _one(
        self, work: Workload, deadline: float | None, listener: socket.socket | None, *, apart: bool = False
    ) -> Exited:
        reader, link = self._fork(work, listener, apart=apart)
        self.watch.follow(self.keeper, self.group)
        records.enter(self.workload.run, self.keeper)
        try:
            self._watch(reader, link, deadline)
            return self._end(reader)
        finally:
            os.close(reader)
            link.close()

    def _pause(self) -> None:
        """Waits a moment for another workload; `Ended` when this one shall wait no longer."""
        time.sleep(PAUSE)
        self._stop_if_asked()
        self._enforce(self.deadline)
        if self.asked is not None:
            raise Ended(self.asked)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.output.take(f"{line}\n".encode())

    def _open_log(self) -> None:
        work = self.workload
        if work.preface:
            self.output.take("\n".join([f"Isolation: {self.level}, {self._reach}", *work.preface, ""]).encode())

    @property
    def _reach(self) -> str:
        if self.workload.network or self.level.level == "process":
            return "the host's network"
        return "no network but that of its hosts" if self.workload.hosts else "no network"

    def _fork(self, work: Workload, listener: socket.socket | None, *, apart: bool) -> tuple[int, socket.socket]:
        """Forks the keeper; gives the program's output and the link to the keeper.

        apart : whether another one comes after it: a process has its children in one new pid namespace, once.
        """
        reader, writer = os.pipe()
        link, far = socket.socketpair()
        if self.level.level == "namespaces" and apart:
            self.child, self.keeper = self._fork_apart(work, far, writer)
        else:
            if self.level.level == "namespaces":
                network.leave(work)
            elif syscalls.LINUX:
                syscalls.adopt_orphans()
            self.child = self.keeper = os.fork()
            if self.keeper == 0:
                link.close()
                keeper.keep(work, self.level, far, writer, listener)
        os.close(writer)
        far.close()
        if listener is not None:
            listener.close()
        if self.group is not None and not self.group.add(self.keeper):
            self.group = None
        link.sendall(b"g")
        return reader, link

    def _fork_apart(self, work: Workload, far: socket.socket, writer: int) -> tuple[int, int]:
        """Forks a process that forks the keeper and waits for it; the two of them."""
        told, tell = os.pipe()
        between = os.fork()
        if between == 0:
            with contextlib.suppress(BaseException):
                syscalls.die_with_parent(signal.SIGKILL)
                network.leave(work)
                pid = os.fork()
                if pid == 0:
                    keeper.keep(work, self.level, far, writer, None)
                os.write(tell, b"%d\n" % pid)
                os.closerange(3, 1 << 16)
                _, status = os.waitpid(pid, 0)
                os._exit(0 if status == 0 else 1)
            os._exit(1)
        os.close(tell)
        with os.fdopen(told) as file:
            line = file.readline()
        if not line:
            raise OSError("the process that installs what the program needs could not be walled off")
        return between, int(line)

    def _watch(self, reader: int, link: socket.socket, deadline: float | None) -> None:
        """Until the keeper has ended: moves output, minds the limits, passes a stop on."""
        waker, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGTERM, _noticed)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.BLOCKED)
        self._stop_if_asked()  # it may have been before the handler stood
        poll = select.poll()
        for handle in (reader, link.fileno(), waker):
            poll.register(handle, select.POLLIN)
        if self.feeder is not None:
            poll.register(self.feeder, select.POLLIN)
        try:
            self._look(poll, reader, link, waker, deadline)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, keeper.BLOCKED)
            signal.set_wakeup_fd(-1)
            os.close(waker)
            os.close(woken)

    def _look(self, poll: select.poll, reader: int, link: socket.socket, waker: int, deadline: float | None) -> None:
        while True:
            for handle, _ in poll.poll(self._patience(deadline)):
                if handle == reader and not self._pump(reader):
                    poll.unregister(reader)
                elif handle == waker:
                    os.read(waker, 512)
                    self._stop_if_asked()
                elif handle == link.fileno() and not self._hear(link):
                    return
                elif self.feeder is not None and handle == self.feeder.fileno():
                    poll.unregister(self.feeder)
                    if self._starve(self.feeder.hear()):
                        self._ask("input", 0)  # it must not take what it had for all there is
            self._enforce(deadline)

    def _patience(self, deadline: float | None) -> float:
        """Milliseconds until the next thing to enforce."""
        times = [at for at in (None if self.asked else deadline, self.kill_at) if at is not None]
        times.append(self.watch_at)
        return max(0.0, min(times) - time.monotonic()) * 1000 + 1

    def _pump(self, reader: int) -> bool:
        data = os.read(reader, CHUNK)
        if data:
            self.output.take(data)
            self.last = (self.last + data)[-LAST:]
        return bool(data)

    def _hear(self, link: socket.socket) -> bool:
        data = link.recv(65536)
        self.said += data
        return bool(data)

    def _stop_if_asked(self) -> None:
        doc = records.read(self.workload.run / "stop.json")
        if doc is not None:
            grace = doc.get("grace")
            self._ask("stopped", self.workload.grace if grace is None else grace)

    def _starve(self, why: str) -> bool:
        """Takes down why the program can have no more input; False when there is no reason, or an earlier one."""
        if not why or self.asked is not None:
            return False
        self.unfed = why
        self.output.take(f"Potager could not feed this program. {why}\n".encode())
        return True

    def _enforce(self, deadline: float | None) -> None:
        now = time.monotonic()
        if deadline is not None and now >= deadline and self.asked is None:
            self._ask("time limit", self.workload.grace)
        if now >= self.look_at:
            self.look_at = now + FORSAKEN
            if records.missing(self.workload.run):
                self._ask("stopped", self.workload.grace)
        if now >= self.watch_at:
            self.watch_at = now + self.watch.rest()
            self.breach = self.breach or self.watch.look()
            if self.breach is not None:
                self._ask(self.breach.reason, 0)
        if self.kill_at is not None and now >= self.kill_at:
            self._signal(signal.SIGKILL if self.killed else keeper.KILL)
            self.killed += 1
            self.kill_at = now + HARD

    def _ask(self, reason: Reason, grace: float) -> None:
        """Has the program end, within `grace` seconds; an earlier reason stands, a later hour does not."""
        at = time.monotonic() + grace
        if self.asked is None:
            self.asked = reason
            self._signal(signal.SIGTERM)
        self.kill_at = at if self.kill_at is None else min(self.kill_at, at)

    def _signal(self, number: int) -> None:
        if not self.keeper:  # it waits for another workload, and has no process yet
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.keeper, number)

    def _end(self, reader: int) -> Exited:
        """How it ended, once nothing of it is left and its last output is in the log."""
        _, status, used = os.wait4(self.child, 0)
        if self.feeder is not None and self._starve(self.feeder.end()):
            self.asked = "input"
        if self.level.level == "process":
            keeper.kill_below(os.getpid())
        os.set_blocking(reader, False)
        with contextlib.suppress(BlockingIOError):
            while self._pump(reader):
                pass
        said: dict[str, Any] = json.loads(self.said) if self.said.endswith(b"\n") else {}
        if "failed" in said:
            self.output.take(f"Potager could not start this program: {said['failed']}\n".encode())
        code = said.get("status", os.waitstatus_to_exitcode(status))
        peak = said.get("peak", used.ru_maxrss * (1024 if syscalls.LINUX else 1))
        cpu = said.get("cpu", used.ru_utime + used.ru_stime)
        breach = self.breach = self.breach or self.watch.end(code)
        if breach is not None:
            self.output.say(f"Potager: {breach.detail}")
        reason = "lost" if "failed" in said else self._reason(code, breach)
        number = None if code >= 0 else -code
        detail = breach.detail if breach else self.unfed if reason == "input" else ""
        return Exited(None if number else code, number, reason, time.time(), self.started, peak, cpu, detail)

    def _reason(self, code: int, breach: Breach | None) -> Reason:
        if breach is not None:
            return breach.reason
        return self.asked or ("killed" if code < 0 else "exited")

    def _tidy(self) -> None:
        if self.group is not None:
            self.group.remove()
        with contextlib.suppress(OSError):
            (self.workload.run / records.SOCKET).unlink()
        with contextlib.suppress(OSError):
            remains.wipe(self.workload.folder / "tmp")


def _leave_reason(ml: Path, text: str) -> None:
    """Leaves why the program did not start where it would say so itself; the folder was a stranger's to change."""
    with contextlib.suppress(OSError):
        folder = os.open(ml / "output", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        file = os.open("failure", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder)
        os.write(file, text.encode())
        os.close(file)
        os.close(folder)


def _noticed(number: int, frame: FrameType | None) -> None:
    """Does nothing: the wakeup descriptor tells the loop, and a handler keeps the signal from ending the process."""


def _listen(run: Path) -> socket.socket:
    """A socket that listens in `run`, by a relative path: an absolute one may be too long for an address."""
    here = os.getcwd()
    os.chdir(run)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(records.SOCKET)
        listener.bind(records.SOCKET)
    finally:
        os.chdir(here)
    os.chmod(run / records.SOCKET, 0o600)
    listener.listen(64)
    return listener


def quiet(run: Path) -> None:
    """Points the standard streams away from the server's: its terminal may close while the shim lives."""
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open(run / "shim.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for target, source in ((0, nothing), (1, errors), (2, errors)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(errors)
