from hypothesis import given
from hypothesis import strategies as st

from potager.kernel import logfile


@given(st.integers(0, 2**45), st.text(st.characters(exclude_categories=["Cs"])))
def test_an_event_comes_back_as_it_went_in(at: int, text: str) -> None:
    line = logfile.encode(at, text)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert logfile.decode(line) == (at, text)


@given(st.binary())
def test_any_bytes_make_one_line_and_any_line_is_read_or_refused(data: bytes) -> None:
    assert logfile.encode(1, data).count(b"\n") == 1
    decoded = logfile.decode(data)
    assert decoded is None or data.endswith(b"\n")


def test_a_torn_line_is_no_event() -> None:
    assert logfile.decode(b"1700000000000 half a li") is None


def test_an_event_too_long_is_cut() -> None:
    decoded = logfile.decode(logfile.encode(1, b"x" * (logfile.MAX_MESSAGE + 10)))
    assert decoded is not None
    assert len(decoded[1]) == logfile.MAX_MESSAGE
