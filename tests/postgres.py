"""A Postgres server for the tests: the one that POTAGER_TEST_POSTGRES names, else one of their own, on a unix socket.

Each test process has its own, in a folder of its own, without the disk's sync; it ends with the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "POTAGER_TEST_POSTGRES"
REQUIRED = "POTAGER_TEST_REQUIRE"
"""Names what a test may not be skipped for want of, such as `postgres`."""
ABSENT = (
    "there is no Postgres here: install one (Debian, Ubuntu: apt install postgresql), "
    f"or name an empty database in {VARIABLE}, such as postgresql://potager@localhost/test"
)
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_size": "128MB",
    "autovacuum": "off",
}
_SIGNALLED_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Absent(Exception):
    """There is no Postgres on this machine."""


class Server:
    """A Postgres server that is up. `restart` and `kill` are for one's own alone."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self._url = url
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def schema(self) -> str:
        """The URL of a database of one's own: a fresh schema, to which it keeps."""
        name = f"t{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}")  # pyright: ignore
        return f"{self._url}{'&' if '?' in self._url else '?'}options=-csearch_path%3D{name}"

    def drop(self, url: str) -> None:
        """Removes a schema that `schema` made."""
        with self.connect() as connection:
            connection.execute("SET client_min_messages = error")
            connection.execute(f"DROP SCHEMA IF EXISTS {url.rpartition('%3D')[2]} CASCADE")  # pyright: ignore

    def connect(self):
        """A connection of psycopg's, each statement a transaction."""
        import psycopg

        return psycopg.connect(self._url, autocommit=True)

    def start(self) -> None:
        assert self._folder is not None, "a server that is not the tests' own is left as it is"
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        argv = [program("postgres"), "-D", self._folder / "data", "-k", self._folder, *options]
        with (self._folder / "log").open("ab") as log:
            self._process = _spawn([str(part) for part in argv], log.fileno())
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(Exception), self.connect():
                return
            said = (self._folder / "log").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def stop(self, how: int = signal.SIGQUIT) -> None:
        """Ends it: SIGQUIT at once, as a crash; SIGINT with its sessions cut off and its work written down."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


def program(name: str) -> str:
    """Where a program of Postgres is; `Absent` where it is not."""
    found = shutil.which(name)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found and not places:
        raise Absent(ABSENT)
    return found or str(places[-1])


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server for the block; `Absent` where there is none."""
    if url := os.environ.get(VARIABLE):
        yield Server(url)
        return
    initdb = program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="potager-pg-", dir="/tmp"))
    try:
        _give(folder)
        made = _spawn(
            [initdb, "-D", str(folder / "data"), "-U", "potager", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        )
        said = made.communicate()[0]
        assert made.returncode == 0, said.decode()
        running = Server(f"postgresql://potager@/postgres?host={folder}", folder)
        running.start()
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Whom Postgres runs as where we are root, for which it refuses to."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name: each for each in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _give(folder: Path) -> None:
    if user := _user():
        os.chown(folder, user.pw_uid, user.pw_gid)


def _spawn(argv: list[str], output: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    user = _user()
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return subprocess.Popen(
        argv,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        preexec_fn=_end_with_parent,
        start_new_session=True,
        **who,
    )


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SIGNALLED_WITH_PARENT, signal.SIGQUIT)
