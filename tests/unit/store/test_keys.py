"""Folding keys at a delimiter, against the plain way of doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from potager.store.keys import Listing, folded, successor


@dataclass
class Entry:
    key: str


ALPHABET = st.text(alphabet="ab/é😀", max_size=6)


def plain(keys: Sequence[str], prefix: str, delimiter: str) -> list[str]:
    """Keys and folded prefixes in order, each prefix once."""
    found: list[str] = []
    for key in keys:
        if not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        item = key if cut < 0 else key[: cut + len(delimiter)]
        if item not in found:
            found.append(item)
    return found


def page(keys: Sequence[str], prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
    def fetch(key: str, inclusive: bool, most: int) -> list[Entry]:
        under = [each for each in keys if each.startswith(prefix) and (each >= key if inclusive else each > key)]
        return [Entry(each) for each in under[:most]]

    return folded(fetch, prefix, delimiter, after, limit)


@given(st.sets(ALPHABET, max_size=30), ALPHABET, st.sampled_from(["", "/", "a", "b/", "é"]), st.integers(1, 5))
def test_pages_hold_every_key_and_prefix_once_and_in_order(
    names: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    keys = sorted(names - {""}, key=str.encode)
    expected = plain(keys, prefix, delimiter)
    entries: list[str] = []
    prefixes: list[str] = []
    after: str | None = ""
    for _ in range(len(expected) + 2):
        if after is None:
            break
        got = page(keys, prefix, delimiter, after, limit)
        assert len(got.entries) + len(got.prefixes) <= limit
        entries += [entry.key for entry in got.entries]
        prefixes += got.prefixes
        after = got.after
    assert after is None
    assert entries == [
        item for item in expected if item in keys and (not delimiter or item.find(delimiter, len(prefix)) < 0)
    ]
    assert prefixes == [item for item in expected if item not in entries]


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
)
def test_the_successor_is_above_all_that_the_prefix_begins(prefix: str, rest: str) -> None:
    above = successor(prefix)
    if above:
        assert above.encode() > (prefix + rest).encode()
        assert not above.startswith(prefix)


def test_nothing_is_asked_for_and_nothing_comes() -> None:
    got = page(["a", "b"], "", "", "", 0)
    assert (got.entries, got.prefixes, got.after) == ([], [], None)
