"""Places and values: every range maps [0, 1] onto itself, on its scale."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potager.train.tuning.search.ranges import Choice, Number, combinations, fitting, written

places = st.floats(0, 1)


@st.composite
def numbers(draw: st.DrawFn) -> Number:
    scaling = draw(st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]))
    if scaling == "ReverseLogarithmic":
        low, high = sorted((draw(st.floats(0, 0.99999)), draw(st.floats(0, 0.99999))))
        return Number("x", low, high + 1e-6, False, scaling)
    integer = draw(st.booleans())
    least = (1 if integer else 1e-9) if scaling == "Logarithmic" else -1000
    ends = st.integers(int(least), 10_000) if integer else st.floats(least, 1e6)
    low, high = sorted((float(draw(ends)), float(draw(ends))))
    return Number("x", low, high + 1, integer, scaling)


@given(numbers(), places)
def test_every_value_lies_in_its_range_and_is_of_its_kind(number: Number, place: float) -> None:
    text = number.text(place)
    assert number.low <= float(text) <= number.high
    assert not number.integer or str(int(text)) == text


@given(numbers(), places)
def test_a_value_stands_where_it_was_taken(number: Number, place: float) -> None:
    found = number.place(number.text(place))
    assert found is not None
    assert -1e-9 <= found <= 1 + 1e-9
    assert number.text(min(1.0, max(0.0, found))) == pytest.approx(number.text(place)) or not number.integer
    if number.integer:
        assert number.text(found) == number.text(place)
    elif number.scaling == "Linear":
        assert found == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize(
    ("number", "middle"),
    [
        (Number("x", 1e-4, 1, False, "Logarithmic"), 1e-2),
        (Number("x", 0, 1, False, "Linear"), 0.5),
        (Number("x", 0.9, 0.999, False, "ReverseLogarithmic"), 0.99),
    ],
)
def test_half_of_a_range_is_half_of_its_scale(number: Number, middle: float) -> None:
    assert float(number.text(0.5)) == pytest.approx(middle)


def test_whole_numbers_have_equal_parts_and_choices_too() -> None:
    number, choice = Number("x", 1, 4, True), Choice("x", ("a", "b", "c"))
    assert [number.text(place / 8) for place in range(8)] == ["1", "1", "2", "2", "3", "3", "4", "4"]
    assert [choice.text(place / 6) for place in range(7)] == ["a", "a", "b", "b", "c", "c", "c"]
    assert choice.place('"b"') == 0.5
    assert choice.place("d") is None


def test_quoted_choices_stay_quoted() -> None:
    choice = Choice("optimizer", ('"adam"', '"sgd"'))
    assert choice.text(0) == '"adam"'
    assert choice.place("sgd") == 0.75


def test_values_off_the_scale_have_no_place() -> None:
    assert Number("x", 1, 10, False, "Logarithmic").place("0") is None
    assert Number("x", 0, 0.9, False, "ReverseLogarithmic").place("1") is None
    assert Number("x", 0, 1).place("auto") is None
    assert Number("x", 0, 1).place("2") == 2


@pytest.mark.parametrize(
    ("low", "high", "integer", "scale"),
    [
        (1e-5, 0.1, False, "Logarithmic"),
        (0.5, 1, False, "Linear"),
        (0, 1, False, "Linear"),
        (1, 4000, True, "Logarithmic"),
        (1, 10, True, "Linear"),
        (0, 0.999, False, "ReverseLogarithmic"),
        (-1, 1000, False, "Linear"),
    ],
)
def test_auto_chooses_by_how_wide_a_range_is(low: float, high: float, integer: bool, scale: str) -> None:
    assert fitting(low, high, integer) == scale


def test_numbers_are_written_in_full() -> None:
    assert written(1.5e-07) == "0.00000015"
    assert written(0.25) == "0.25"
    assert float(written(5e-300)) == 5e-300


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_reads_back_as_itself(value: float) -> None:
    assert math.isclose(float(written(value)), value, rel_tol=0, abs_tol=0)


def test_combinations_multiply_and_end_nowhere_with_a_continuous_range() -> None:
    whole = (Number("n", 1, 3, True), Choice("c", ("a", "b")))
    assert combinations(whole) == 6
    assert combinations((*whole, Number("x", 0, 1))) is None
