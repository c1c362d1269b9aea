"""What regular expressions find in logs; also a program, which `metrics` runs apart from the server.

    stdin   {"definitions": [{"Name", "Regex"}], "logs": [path], "limit": seconds}
    stdout  a line of JSON for each definition, in their order: [value, milliseconds], or null where nothing was found

    stdin   {"regex": "...", "follow": [[path, offset]], "limit": seconds}
    stdout  a line of JSON for each log, in their order: [values behind the offset, where whole lines end]

    stdin   {"definitions": [{"Name", "Regex"}], "windows": [[path, from, to]], "limit": seconds}
    stdout  a line of JSON for each definition, in their order: for each window, [[milliseconds, value], ...]

The program ends by SIGALRM when one definition takes longer than `limit`: nothing in Python interrupts `re`, and a
server that was killed meanwhile could not either. It imports little, for it starts once a job.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import itemgetter

from potager.kernel import logfile

Definition = tuple[str, re.Pattern[str]]
"""The name of a metric, and its expression, whose first group is the value."""


def last(definitions: Sequence[Definition], events: Iterable[tuple[int, str]]) -> dict[str, tuple[float, int]]:
    """The last value of each metric that was seen, and its milliseconds since 1970, by name."""
    found: dict[str, tuple[float, int]] = {}
    for at, text in events:
        for name, regex in definitions:
            if match := regex.search(text):
                value = _number(match)
                if value is not None:
                    found[name] = (value, at)
    return found


def _number(found: re.Match[str]) -> float | None:
    try:
        return float(found.group(1) if found.re.groups else found.group())
    except (TypeError, ValueError):
        return None


def events(logs: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Timestamp (milliseconds) and text of each whole line of some logs, oldest first."""
    return merge(*map(_events, logs), key=itemgetter(0))


def _events(log: str) -> Iterator[tuple[int, str]]:
    """The same of one log; none where there is no log."""
    try:
        file = open(log, "rb")  # noqa: SIM115  closed below; pathlib would cost the program a quarter of its start
    except FileNotFoundError:
        return
    with file:
        for line in file:
            if event := logfile.decode(line):
                yield event


def follow(regex: re.Pattern[str], log: str, offset: int) -> tuple[list[float], int]:
    """Every value that a log has behind `offset`, and where its whole lines end."""
    values: list[float] = []
    try:
        file = open(log, "rb")  # noqa: SIM115  as in `_events`
    except FileNotFoundError:
        return values, offset
    with file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            event = logfile.decode(line)
            match = regex.search(event[1]) if event else None
            value = _number(match) if match else None
            if value is not None:
                values.append(value)
    return values, offset


def course(regex: re.Pattern[str], windows: Sequence[Sequence[tuple[int, str]]]) -> list[list[tuple[int, float]]]:
    """Every value in each window's events, with its milliseconds since 1970; those that are no finite number, too."""
    return [
        [(at, value) for at, text in events if (match := regex.search(text)) and (value := _number(match)) is not None]
        for events in windows
    ]


def window(log: str, begin: int, end: int) -> tuple[list[tuple[int, str]], int]:
    """The events of the whole lines that lie between two places of a log, and where the last of them ends."""
    found: list[tuple[int, str]] = []
    try:
        file = open(log, "rb")  # noqa: SIM115  as in `_events`
    except FileNotFoundError:
        return found, begin
    with file:
        file.seek(begin)
        for line in file:
            if not line.endswith(b"\n") or begin + len(line) > end:
                break
            begin += len(line)
            if event := logfile.decode(line):
                found.append(event)
    return found, begin


def main() -> None:
    """Answers the request on standard input."""
    asked = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if "follow" in asked:
        regex = re.compile(asked["regex"])
        for log, offset in asked["follow"]:
            signal.setitimer(signal.ITIMER_REAL, asked["limit"])
            print(json.dumps(follow(regex, log, offset)), flush=True)
        return
    if "windows" in asked:
        windows = [window(*place)[0] for place in asked["windows"]]
        for definition in asked["definitions"]:
            signal.setitimer(signal.ITIMER_REAL, asked["limit"])
            print(json.dumps(course(re.compile(definition["Regex"]), windows)), flush=True)
        return
    for definition in asked["definitions"]:
        signal.setitimer(signal.ITIMER_REAL, asked["limit"])
        found = last([("", re.compile(definition["Regex"]))], events(asked["logs"]))
        print(json.dumps(found.get("")), flush=True)


if __name__ == "__main__":
    main()
