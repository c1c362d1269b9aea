"""Events: who came from where, in a CSV of two columns, as numbers.

    user_1, 192.168.1.2   ->   entity: a slot in [0, num_entity_vectors), address: 0xC0A80102

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-training-data-formats.html
"""

from __future__ import annotations

import csv
import hashlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm import formats
from potager.images.algorithm.arrays import Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, say

Addresses = NDArray[np.uint32]

_BLOCK = 100_000  # rows whose text is held at once
_CSV = ("text/csv", "", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True)
class Events:
    """`entities`: `(n_events,)`, slots; `addresses`: `(n_events,)`, IPv4 addresses as numbers."""

    entities: Ints
    addresses: Addresses

    def __len__(self) -> int:
        return len(self.entities)


class BadEvent(ValueError):
    """A row that is no event; `row` counts from 1."""

    def __init__(self, row: int, fault: str) -> None:
        super().__init__(fault)
        self.row = row


class Reader:
    """Makes events of text. A slot is a hash of the entity's text, the same in every process."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._known: dict[str, int] = {}

    def events(self, rows: Sequence[Sequence[str]]) -> Events:
        """The events of rows `[entity, address]`, blanks around both left out; `BadEvent` for the first that is none.

        Any number of threads may ask.
        """
        try:
            texts = [(entity.strip(), address.strip()) for entity, address in rows]
            packed = b"".join([socket.inet_pton(socket.AF_INET, address) for _, address in texts])
            slots = [self._slot(entity) for entity, _ in texts]
        except (ValueError, OSError, UnicodeError) as error:
            raise _first_fault(rows) from error
        return Events(np.array(slots, np.int64), np.frombuffer(packed, ">u4").astype(np.uint32))

    def _slot(self, entity: str) -> int:
        if not entity:
            raise ValueError("no entity")
        slot = self._known.get(entity)
        if slot is None:
            slot = self._known[entity] = slot_of(entity, self._slots)
            if len(self._known) > 1_000_000:
                self._known.clear()
        return slot


def slot_of(entity: str, slots: int) -> int:
    """The slot of an entity: the first eight bytes of its BLAKE2b digest, modulo the slots."""
    return int.from_bytes(hashlib.blake2b(entity.encode("utf-8", "replace"), digest_size=8).digest(), "big") % slots


def _first_fault(rows: Sequence[Sequence[str]]) -> BadEvent:
    for number, row in enumerate(rows, 1):
        if fault := _fault(row):
            return BadEvent(number, fault)
    return BadEvent(1, "the row is no event")


def _fault(row: Sequence[str]) -> str | None:
    if len(row) != 2:
        return f"has {len(row)} columns, but 2 are expected: an entity and its IPv4 address"
    entity, address = row[0].strip(), row[1].strip()
    if not entity:
        return "column 1: the entity is empty. Give it a name or drop the row"
    try:
        socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):
        hint = " (IPv6 is not supported)" if ":" in address else ""
        return (
            f"column 2: '{address[:40]}' is not an IPv4 address{hint}. Write it as four numbers from 0 to 255, as in "
            "192.168.1.2, or drop the row"
        )
    return None


def load(job: Job, channel: str, reader: Reader) -> Events:
    """The events of a channel; `ClientError` names file, row, column and value of what is none."""
    _check(channel, job.channels.get(channel) or {})
    folder = job.folder(channel)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    parts = [part for path in files for part in _file(path, f"{channel}/{path.relative_to(folder)}", reader)]
    if not any(map(len, parts)):  # blank lines alone are no events
        raise ClientError(f"Channel '{channel}' holds no data: its files are empty or absent. Check its S3Uri.")
    entities, addresses = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("entities", "addresses")
    )
    say(f"Channel '{channel}': {len(entities)} events of {len(np.unique(entities))} entities")
    return Events(entities, addresses)


def _check(channel: str, config: Any) -> None:
    kind = str(config.get("ContentType") or "").partition(";")[0].strip().lower()
    if kind not in _CSV:
        raise ClientError(f"{channel}: ContentType '{kind}' cannot be trained on. Use text/csv.")
    if config.get("TrainingInputMode") == "Pipe":
        raise ClientError(
            f"{channel}: ipinsights trains in File mode only, as on AWS. Set the channel's InputMode to File."
        )


def _file(path: Path, name: str, reader: Reader) -> Iterator[Events]:
    formats.check_csv(path, name)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = csv.reader(file, skipinitialspace=True)
        before = 0
        try:
            while block := list(islice(lines, _BLOCK)):
                yield _block(block, before, name, reader)
                before += len(block)
        except csv.Error as error:
            raise ClientError(f"{name}: line {lines.line_num}: {error}. Is a quotation mark left open?") from error


def _block(block: list[list[str]], before: int, name: str, reader: Reader) -> Events:
    numbers: Iterable[int] = [number for number, row in enumerate(block, before + 1) if not _blank(row)]
    try:
        return reader.events([row for row in block if not _blank(row)])
    except BadEvent as error:
        row = list(numbers)[error.row - 1]
        hint = " If row 1 is a header line, remove it." if row == 1 else ""
        raise ClientError(f"{name}: row {row}{'' if str(error).startswith('has') else ','} {error}.{hint}") from error


def _blank(row: list[str]) -> bool:
    return len(row) < 2 and not any(map(str.strip, row))
