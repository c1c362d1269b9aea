"""Programs for workloads to run: module functions, as an image's are."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from potager.kernel.prediction import Answer, Query


def greet(ml: Path) -> None:
    print("hello")
    print("and on standard error", file=sys.stderr)
    (ml / "model" / "made").write_text("by the job")


def leave(ml: Path) -> None:
    sys.exit(int(os.environ["CODE"]))


def fail(ml: Path) -> None:
    raise ValueError("no such column")


def perish(ml: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def say(ml: Path) -> None:
    os.write(1, (ml / "input" / "said").read_bytes())


def count(ml: Path) -> None:
    """Shows how often it ran."""
    with open(ml / "output" / "runs", "a") as file:
        file.write("x")


def hang(ml: Path) -> None:
    _started(ml)
    signal.pause()


def hang_stubbornly(ml: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _started(ml)
    while True:
        signal.pause()


def save_on_term(ml: Path) -> None:
    def save(*_: object) -> None:
        (ml / "model" / "saved").write_text("checkpoint")
        sys.exit(0)

    signal.signal(signal.SIGTERM, save)
    _started(ml)
    signal.pause()


def spawn_and_hang(ml: Path) -> None:
    """Children in its group, in sessions of their own, orphaned, and deaf to SIGTERM."""
    _descend()
    _started(ml)
    signal.pause()


def spawn_and_leave(ml: Path) -> None:
    _descend()
    _started(ml)
    (ml / "output" / "go").read_text()


def _descend() -> None:
    deaf = "import os, signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    orphan = f"import os\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n{deaf}"
    for text in (deaf, orphan):
        for session in (False, True):
            child = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, start_new_session=session)
            assert child.stdout is not None
            child.stdout.readline()


def eat(ml: Path) -> None:
    """Takes memory until stopped."""
    held: list[bytearray] = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)) * 8)
        time.sleep(0.001)


def describe(ml: Path) -> None:
    """Writes down what it finds itself to be."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    found = {
        "ml": str(ml),
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "block": Path("/proc/self/environ").read_text(errors="replace"),
        "status": status,
        "uid": os.getuid(),
        "groups": os.getgroups(),
        "host": socket.gethostname(),
        "descriptors": sorted(_descriptors()),
        "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()],
        "threads": threading.active_count(),
        "umask": os.umask(0o022),
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    }
    (ml / "output" / "found.json").write_text(json.dumps(found))


def _descriptors() -> list[str]:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return [os.readlink(link) for link in links if os.path.lexists(link)]


def meet(ml: Path) -> None:
    """Binds the port that its peer binds too, waits for the peer to bind it, and writes down where it met whom."""
    peers = ["algo-1", "algo-2"]
    me = socket.gethostname()
    with socket.create_server((me, 6174)) as server:
        while True:
            try:
                socket.create_connection((peers[1 - peers.index(me)], 6174)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        server.accept()[0].close()
    found = {
        "host": me,
        "addresses": [socket.gethostbyname(peer) for peer in peers],
        "net": os.readlink("/proc/self/ns/net"),
        "pid": os.readlink("/proc/self/ns/pid"),
    }
    (ml / "output" / "found.json").write_text(json.dumps(found))


def attempt(ml: Path) -> None:
    """Tries each of a list of things and writes down how it went: the answer, or the error's name."""
    steps: list[list[str]] = json.loads((ml / "input" / "attempts.json").read_text())
    (ml / "output" / "found.json").write_text(json.dumps([_tried(*step) for step in steps]))


def _tried(verb: str, argument: str) -> Any:
    try:
        return VERBS[verb](argument)
    except OSError as error:
        return type(error).__name__


def _listen_and_connect(_: str) -> str:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        return "connected"


def _connect(address: str) -> str:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 2):
        return "connected"


def _break_out(path: str) -> list[str]:
    """Tries to undo the walls with the power that a user namespace gives over itself."""
    script = f"""
import os
from potager.compute.process import syscalls as s
s.unshare(s.CLONE_NEWUSER | s.CLONE_NEWNS | s.CLONE_NEWPID)
if os.fork():
    os.wait()
    os._exit(0)
def attempt(what, *arguments, **options):
    try:
        what(*arguments, **options)
        print("done", what.__name__, arguments, flush=True)
    except OSError:
        pass
def unmount(path):
    s._checked("umount", s._libc.umount2(os.fsencode(path), 2))
for path in ({path!r}, "/tmp", "/dev", "/run", "/proc", "/opt"):
    attempt(unmount, path)
for path in ("/", "/proc", "/run", {path!r}):
    attempt(s.mount_attributes, path, clear=s.ATTR_RDONLY)
    attempt(s.mount, "none", path, flags=0x20 | s.MS_BIND)
attempt(open, "/proc/sys/kernel/core_pattern", "r+b", buffering=0)
os.mkdir("/tmp/proc")
try:
    s.mount("proc", "/tmp/proc", "proc")
except OSError:
    pass
attempt(open, "/tmp/proc/sys/kernel/core_pattern", "r+b", buffering=0)
attempt(open, "/tmp/proc/sysrq-trigger", "r+b", buffering=0)
try:
    s.mount("/", "/tmp/proc", flags=s.MS_BIND)
except OSError:
    pass
attempt(os.listdir, "/tmp/proc/root/.ssh")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() + ([done.stderr] if "PermissionError" not in done.stderr and done.stderr else [])


def _overwrite(path: str) -> str:
    with open(path, "r+b"):
        return "opened"


VERBS: dict[str, Callable[[str], Any]] = {
    "read": lambda path: Path(path).read_text(),
    "write": lambda path: Path(path).write_text("x"),
    "open to write": _overwrite,
    "list": lambda path: sorted(os.listdir(path)),
    "remove": lambda path: os.unlink(path),
    "make executable": lambda path: os.chmod(path, 0o755),
    "connect": _connect,
    "talk to itself": _listen_and_connect,
    "kill": lambda pid: os.kill(int(pid), 0),
    "become": lambda uid: os.setuid(int(uid)),
    "unmount": lambda path: subprocess.run(["umount", path], check=False, capture_output=True).returncode,
    "break out": _break_out,
    "import": lambda name: bool(__import__(name)),
}


def draw(ml: Path) -> None:
    """Random numbers, and how many threads BLAS may use."""
    import numpy as np

    square = np.random.rand(300, 300)
    (square @ square).sum()
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
    (ml / "output" / "found.json").write_text(json.dumps({"drawn": float(np.random.rand()), "threads": threads}))


class Unsupported(Exception):
    status = 415


class Echo:
    """Answers with what it was asked, and does what a few words tell it."""

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        if body == b"bad":
            raise ValueError("row 1, column 2: 'x' is not a number")
        if body == b"broken":
            raise KeyError("weights")
        if body == b"unsupported":
            raise Unsupported("text/html is not supported")
        if body == b"die":
            os._exit(9)
        if body == b"hang":
            signal.pause()
        if body == b"types":
            body = f"{content_type} -> {accept}".encode()
        return body, accept


def echo(model: Path) -> Echo:
    return Echo()


class Streamer:
    """Answers `<parts> <bytes of each>` in parts, and what it is asked about itself in one."""

    def __init__(self) -> None:
        self.made = self.ended = 0

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        return f"{self.made} {self.ended}".encode(), "text/plain"

    def stream(self, query: Query) -> tuple[Answer, Iterator[bytes]]:
        return Answer(b"", "text/x-parts", query.attributes), self._parts(*query.body.decode().split())

    def _parts(self, count: str, size: str, then: str = "") -> Iterator[bytes]:
        try:
            for number in range(int(count)):
                self.made += 1
                yield bytes([number % 256]) * int(size)
            if then == "fail":
                raise ValueError("no more words")
            if then == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if then == "hang":
                signal.pause()
        finally:
            self.ended += 1


def streamer(model: Path) -> Streamer:
    return Streamer()


def unloadable(model: Path) -> Echo:
    raise FileNotFoundError(f"no model in {model}")


def _started(ml: Path) -> None:
    """Tells the test, which listens at a named pipe, that the program is where it should be."""
    (ml / "output" / "started").write_text("started")


def hang_in_silence(ml: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        signal.pause()


def stamp(ml: Path) -> None:
    """When it was called."""
    (ml / "output" / "at").write_text(str(time.time()))


class Words:
    """Answers with one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        return self.text.encode(), "text/plain"


def load_version(model: Path) -> Words:
    import packaging

    return Words(packaging.__version__)


def load_installing(model: Path) -> Words:
    """Installs what it needs when it is loaded, as scripts do that were written for bare containers."""
    command = [sys.executable, "-m", "pip", "install", "--no-index", "-f", str(model / "wheels"), "tidings"]
    subprocess.check_call(command)
    return Words(__import__("tidings").VERSION)


def read_pipes(ml: Path) -> None:
    for epoch in range(3):
        (ml / "output" / f"epoch-{epoch}").write_bytes((ml / "input" / "data" / f"train_{epoch}").read_bytes())


def list_pipes(ml: Path) -> None:
    """Which pipes there are before the first one is opened, while it is read, and when it has been."""
    data = ml / "input" / "data"
    found = [sorted(os.listdir(data))]
    with (data / "train_0").open("rb") as pipe:
        pipe.read(1)
        found.append(sorted(os.listdir(data)))
        pipe.read()
    found.append(sorted(os.listdir(data)))
    (ml / "output" / "found.json").write_text(json.dumps(found))


def peek_at_pipes(ml: Path) -> None:
    for epoch in range(3):
        with (ml / "input" / "data" / f"train_{epoch}").open("rb", buffering=0) as pipe:
            pipe.read(10)
    whole = (ml / "input" / "data" / "train_3").read_bytes()
    (ml / "output" / "found.json").write_text(json.dumps(len(whole)))


def look_around(ml: Path) -> None:
    try:
        (ml / "input" / "data" / "train_7").write_text("x")
        writes = "done"
    except OSError:
        writes = "OSError"
    found = {
        "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "writes": writes,
        "pipes": (ml.parent / "pipes").exists(),
    }
    (ml / "output" / "found.json").write_text(json.dumps(found))


def swap_pipes(ml: Path) -> None:
    """Puts a folder of its own where its pipes were, whose next pipe is a link to somewhere else."""
    (ml / "input").rename(ml / "other")
    data = ml / "input" / "data"
    data.mkdir(parents=True)
    (data / "train_0").touch()
    (data / "train_1").symlink_to(os.environ["AIM"])
    (ml / "other" / "data" / "train_0").read_bytes()
    while not (data / "train_2").exists() and not (ml / "other" / "data" / "train_1").exists():
        time.sleep(0.01)


def burn(ml: Path) -> None:
    """Holds 64 MiB, computes for a fifth of a second and says so, then sleeps until stopped."""
    held = bytearray(os.urandom(64 << 20))
    while time.process_time() < 0.3:
        sum(range(1000))
    (ml / "output" / "started").write_text(str(len(held)))
    signal.pause()
