"""What a run has made, and its removal in the end: last made first, whatever happened in between.

with Leftovers(keep=False) as leftovers:
    leftovers.add("deleted bucket b", delete)   # before the bucket is made: an interruption can fall in between
    make_bucket()
"""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import stopping
from terminal import say


class Leftovers:
    """Removes what was added to it when its block ends, normally or not, unless told to `keep`."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._removals: list[tuple[str, Callable[[], bool]]] = []

    def add(self, done: str, remove: Callable[[], bool]) -> None:
        """Remember to remove something.

        Parameters
        ----------
        done : what to say afterwards, such as "deleted bucket b"
        remove : removes it if it is there, and tells whether it was
        """
        self._removals.append((done, remove))

    def __enter__(self) -> "Leftovers":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        stopping.heard()
        if not self._removals:
            return
        if self._keep:
            _mention("\nEnded early; what was made until here is kept." if kind else "")
            return
        _mention("\nCleaning up" if kind is None else "\nEnded early: cleaning up")
        while self._removals:
            _try_to_remove(*self._removals.pop())


def _try_to_remove(done: str, remove: Callable[[], bool]) -> None:
    try:
        if remove():
            _mention(f"  {done}")
    except Exception as error:  # the next thing can still go
        _mention(f"  NOT {done}: {error}")


def _mention(text: str) -> None:
    """Say it if anybody still listens: a closed pipe must not end the cleaning."""
    with suppress(OSError):
        say(text)
