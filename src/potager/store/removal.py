"""Files that nobody names any more are removed, but not while a backup copies: it may name them still.

    backup     holds BLOBS/keep, shared, from before its snapshot of the rows until the last file is copied
    server     takes BLOBS/keep for itself around each removal; what comes while it is held waits in memory for its end;
               bytes inside a file that nobody names any more stay as they are meanwhile (`alone`)

The lock is the kernel's (flock): it ends with the process that holds it, however that ends. What waits when the server
ends is swept at the next start.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

FILE = "keep"


@contextmanager
def withheld(blobs: Path) -> Generator[None]:
    """While it is entered, no file of a folder of blobs is removed by anybody; waits for a removal under way."""
    handle = _opened(blobs)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


class Removal:
    """Removes the files of one folder of blobs, at once or when the backup is over.

    Parameters
    ----------
    remove : removes files by their ids; called in any thread.
    """

    def __init__(self, folder: Path, remove: Callable[[Iterable[str]], None]) -> None:
        self._folder = folder
        self._remove = remove
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._waiting: set[str] = set()

    def __call__(self, blobs: Iterable[str]) -> None:
        """Has the files removed; does not wait for a backup."""
        with self._lock:
            if self._alone(lambda: self._remove(blobs)):
                return
            first, self._waiting = not self._waiting, self._waiting.union(blobs)
            if first and self._waiting:
                threading.Thread(target=self._later, name="removal", daemon=True).start()

    def _later(self) -> None:
        handle = _opened(self._folder)  # its own: the kernel's locks are those of an opened file
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with self._lock:
                waiting, self._waiting = self._waiting, set()
                self._remove(waiting)
        finally:
            os.close(handle)

    def alone(self, do: Callable[[], None]) -> bool:
        """Does what changes bytes that no row names any more, unless a backup may name them still; whether it did."""
        with self._lock:
            return self._alone(do)

    def _alone(self, do: Callable[[], None]) -> bool:
        if self._waiting:
            return False
        if self._handle is None:
            self._handle = _opened(self._folder)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            do()
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        """Removes nothing more."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None


def _opened(folder: Path) -> int:
    return os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
