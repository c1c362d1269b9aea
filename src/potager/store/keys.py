"""Keys of a bucket in order, folded at a delimiter, as S3 lists them.

    prefix "2024/", delimiter "/":    2024/a.csv, 2024/jan/1.csv, 2024/jan/2.csv  ─►  2024/a.csv, [2024/jan/]

A folded prefix costs one jump of the index behind it, however many keys it hides. Keys sort by their UTF-8 bytes. Where
several items have one key (versions, uploads under way), a second mark says which of them a page ended with.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

MOST = 1000
"""Rows asked for at once, and items of one page, as on S3."""


class Keyed(Protocol):
    """Something with a key, such as an object's entry."""

    @property
    def key(self) -> str: ...


E = TypeVar("E", bound=Keyed)

Fetch = Callable[[str, bool, int], Sequence[E]]
"""`fetch(key, inclusive, limit)`: entries under the prefix from a key on, in order."""
FetchMarked = Callable[[str, bool, Any, int], Sequence[E]]
"""`fetch(key, inclusive, mark, limit)`: as `Fetch`; with a mark also those of that very key that follow the mark."""


@dataclass
class Listing(Generic[E]):
    """One page: entries and folded prefixes, both in order; where it ended, None when there is no more.

    `after` is the last key or folded prefix of the page: hand it back for the next one.
    """

    entries: list[E] = field(default_factory=list[E])
    prefixes: list[str] = field(default_factory=list[str])
    after: str | None = None

    @property
    def ended_with(self) -> E | None:
        """The entry that the page ended with; None where it ended with a prefix, or with everything."""
        return self.entries[-1] if self.entries and self.entries[-1].key == self.after else None


def folded(fetch: Fetch[E], prefix: str, delimiter: str, after: str, limit: int) -> Listing[E]:
    """The page of at most `limit` items that follows `after` (a key, a folded prefix, or "" for the start)."""

    def fetch_marked(key: str, inclusive: bool, mark: None, most: int) -> Sequence[E]:
        return fetch(key, inclusive, most)

    return folded_marked(fetch_marked, prefix, delimiter, (after, None), limit, lambda entry: None)


def folded_marked(
    fetch: FetchMarked[E],
    prefix: str,
    delimiter: str,
    after: tuple[str, Any],
    limit: int,
    mark_of: Callable[[E], Any],
) -> Listing[E]:
    """As `folded`, where several items may have one key: `after` is a key and the mark of one of its items, or None.

    The page ended with its last entry, not with a prefix, where `Listing.ended_with` gives that.
    """
    page: Listing[E] = Listing()
    if limit <= 0:
        return page
    at, inclusive = beginning(prefix, delimiter, after[0])
    mark = after[1] if (at, inclusive) == (after[0], False) else None
    step = limit + 1
    while True:
        size = min(step, MOST + 1)
        batch = fetch(at, inclusive, mark, size)
        gained = take(page, batch, prefix, delimiter, limit)
        if page.after is not None or len(batch) < size:
            return page
        at, inclusive = _behind(batch[-1].key, page.prefixes)
        mark = None if inclusive else mark_of(batch[-1])
        if not at:
            return page
        step = max(2, step // 4) if gained * 16 < len(batch) else step * 2


def take(page: Listing[E], batch: Sequence[E], prefix: str, delimiter: str, limit: int) -> int:
    """Puts entries and the prefixes that they fold to on the page; says how many, and on the page where it ends."""
    before = len(page.entries) + len(page.prefixes)
    for entry in batch:
        cut = entry.key.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0 and page.prefixes and entry.key.startswith(page.prefixes[-1]):
            continue
        if len(page.entries) + len(page.prefixes) >= limit:
            page.after = max(page.entries[-1].key if page.entries else "", page.prefixes[-1] if page.prefixes else "")
            break
        if cut >= 0:
            page.prefixes.append(entry.key[: cut + len(delimiter)])
        else:
            page.entries.append(entry)
    return len(page.entries) + len(page.prefixes) - before


def beginning(prefix: str, delimiter: str, after: str) -> tuple[str, bool]:
    """Where to begin: behind `after`, and behind all that it folds when it is a folded prefix itself."""
    if after < prefix and not after.startswith(prefix):
        return prefix, True
    if delimiter and after.startswith(prefix) and after.endswith(delimiter) and len(after) > len(prefix):
        found = after.find(delimiter, len(prefix))
        if found + len(delimiter) == len(after):
            return successor(after) or after, True
    return after, False


def _behind(key: str, prefixes: Sequence[str]) -> tuple[str, bool]:
    """Where to go on after a key: behind the prefix that folds it, if one does."""
    if prefixes and key.startswith(prefixes[-1]):
        return successor(prefixes[-1]), True
    return key, False


def successor(prefix: str) -> str:
    """The least text that is greater than every text which starts with `prefix`; "" when there is none.

    >>> successor("a/")
    'a0'
    """
    while prefix:
        code = ord(prefix[-1])
        if code < 0x10FFFF:
            following = 0xE000 if code == 0xD7FF else code + 1  # surrogates are no characters of their own
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return ""
