from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.compute import frames

FRAMES = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=300)))


@given(FRAMES, st.lists(st.integers(1, 50)))
def test_frames_come_back_however_the_bytes_are_cut(sent: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    data = b"".join(frames.frame(*one) for one in sent)
    reader, got = frames.Reader(), list[tuple[int, int, bytes]]()
    for cut in [*cuts, len(data)]:
        piece, data = data[:cut], data[cut:]
        got += reader.feed(piece)
    got += reader.feed(data)
    assert got == sent


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), min_size=1), st.binary())
def test_a_head_and_a_body_come_apart_again_but_for_empty_fields_at_the_end(fields: list[str], body: bytes) -> None:
    while len(fields) > 1 and not fields[-1]:
        fields.pop()
    assert frames.parted(frames.headed(tuple(fields), body)) == (fields, body)


def test_a_line_feed_cannot_make_two_fields_of_one() -> None:
    assert frames.parted(frames.headed(("a\nb", "c"), b"")) == (["a b", "c"], b"")


def test_a_frame_past_the_limit_is_refused_on_both_sides() -> None:
    with pytest.raises(frames.TooLarge):
        frames.frame(1, frames.INVOKE, bytes(frames.MAX))
    with pytest.raises(frames.TooLarge):
        list(frames.Reader().feed(b"\xff" * 9))


def test_a_frame_too_short_to_be_one_is_refused() -> None:
    with pytest.raises(frames.TooLarge):
        list(frames.Reader().feed(bytes(9)))
