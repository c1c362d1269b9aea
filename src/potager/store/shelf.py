"""Where the objects of a bucket lie: in rows and blobs here (`own.py`), or elsewhere (`mounts/shelf.py`).

`Objects` asks the shelf of a bucket, and knows nothing of what makes them differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from potager.store.blobs import Blob, Content
from potager.store.entries import Check, Entry
from potager.store.history import Version
from potager.store.keys import Listing
from potager.store.uploads import Part, Upload

R = TypeVar("R")

Choose = Callable[[Entry], tuple[int, int, R]]
"""Gets an object and gives its first byte, the one after the last, and whatever the caller wants back; it may raise."""
Finish = Callable[[Mapping[int, Part]], tuple[list[Part], Entry]]
"""Gets parts by number; gives those wanted, in order, and the object to be. It may raise."""


class Shelf(ABC):
    """What is done with objects of a bucket. What each does and raises is said where `Objects` has it."""

    @abstractmethod
    async def put(self, entry: Entry, blob: Blob, check: Check | None) -> Entry:
        """Makes a blob an object, in the place of one that was there; its file is removed when that fails."""

    @abstractmethod
    async def complete(self, upload: Upload, finish: Finish, check: Check | None) -> Entry:
        """Makes parts an object and ends their upload."""

    @abstractmethod
    async def delete(self, bucket: str, keys: Sequence[str], check: Check | None) -> list[Entry | None]:
        """Deletes objects; the delete marker of each, None where there is none."""

    @abstractmethod
    async def delete_version(self, bucket: str, key: str, version: str, check: Check | None) -> Entry | None:
        """Deletes one version for good."""

    @abstractmethod
    async def head(self, bucket: str, key: str, version: str | None) -> Entry:
        """What is known of an object or of a version."""

    @abstractmethod
    async def list(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        """A page of objects."""

    @abstractmethod
    async def versions(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
    ) -> Listing[Version]:
        """A page of versions and delete markers."""

    @abstractmethod
    async def open(self, entry: Entry, start: int, end: int, customer: bytes | None) -> Content:
        """An object's bytes from `start` up to and without `end`, held on return."""

    @abstractmethod
    async def fetch(
        self, bucket: str, key: str, choose: Choose[R], version: str | None, customer: bytes | None
    ) -> tuple[R, Content]:
        """Looks an object up and begins to read it."""

    @abstractmethod
    async def file(self, entry: Entry) -> Path:
        """An object as one file of this machine."""
