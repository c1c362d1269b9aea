"""What the road says while it runs: a heading and a clock for each step, aligned tables, what is waited for."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

WIDTH = 96


def say(text: str = "") -> None:
    """One line, at once even when the output is a pipe."""
    print(text, flush=True)


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    """A heading before, and the elapsed seconds after; a step that fails says nothing more here."""
    say(f"\n{number} {title} {'─' * max(3, WIDTH - len(title) - 3)}")
    begun = time.perf_counter()
    yield
    say(f"  done in {time.perf_counter() - begun:.1f} s")


def table(rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        say("  " + "  ".join([row[0].ljust(widths[0]), *others]))


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Name and value, one pair a line, both to the left."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        say(f"  {name.ljust(width)}  {value}")


@contextmanager
def watched(client: Any, operation: str, status: Callable[[dict], str]) -> Iterator[None]:
    """Show what each poll of a boto3 waiter finds, through botocore's own event for an answered call.

    Parameters
    ----------
    client : the boto3 client whose waiter runs inside the block
    operation : the call that the waiter repeats, such as ``DescribeTrainingJob``
    status : from the answer to a few words
    """
    begun, shown = time.perf_counter(), ""
    live = sys.stdout.isatty()

    def show(parsed: dict, **_: Any) -> None:
        nonlocal shown
        words = status(parsed)
        if live:
            print(f"\r\x1b[K  {words}, {time.perf_counter() - begun:.1f} s", end="", flush=True)
        elif words != shown:
            say(f"  {words}, {time.perf_counter() - begun:.1f} s")
        shown = words

    event = f"after-call.*.{operation}"
    client.meta.events.register(event, show, unique_id="watched")
    try:
        yield
    finally:
        client.meta.events.unregister(event, unique_id="watched")
        if live and shown:
            say()
