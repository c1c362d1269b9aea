"""Ranges as they come on the wire, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from potager.images.algorithm.hyperparameters import Catalogue
from potager.images.lightgbm.hyperparameters import CATALOGUE as LIGHTGBM
from potager.images.linear_learner.hyperparameters import CATALOGUE
from potager.images.xgboost.hyperparameters import CATALOGUE as XGBOOST
from potager.kernel.errors import Invalid
from potager.train.tuning.search import Space
from potager.train.tuning.search.ranges import Choice, Number
from tests.unit.train.tuning.search.wire import both, categorical, continuous, integer, space


def test_ranges_are_read_in_the_order_of_their_kinds() -> None:
    found = space(categorical("c", "a"), continuous("x", 0, 1), integer("n", "1", "9"), static={"epochs": "3"})
    assert [each.name for each in found.ranges] == ["n", "x", "c"]
    assert found.static == {"epochs": "3"}
    assert found.ranges[0] == Number("n", 1, 9, True, "Linear")


def test_values_and_places_are_each_others_inverse() -> None:
    found = space(continuous("x", 0, 1), categorical("c", "a", "b"))
    assert found.values([0.25, 0.75]) == {"x": "0.25", "c": "b"}
    assert found.places({"x": "0.25", "c": "b", "else": "1"}) == [0.25, 0.75]
    assert found.places({"x": "0.25"}) is None
    assert found.places({"x": "0.25", "c": "z"}) is None


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({}, "at least one hyperparameter range"),
        (integer("n", 9, 1), r"MinValue \[9\] of the hyperparameter \[n\] must be less than its MaxValue \[1\]"),
        (integer("n", 3, 3), "must be less than"),
        (integer("n", "1.5", 3), r"MinValue \[1.5\] of the hyperparameter \[n\] is not an integer"),
        (continuous("x", "low", 3), r"MinValue \[low\] of the hyperparameter \[x\] is not a number"),
        (continuous("x", 0, "inf"), "is not a number"),
        (continuous("x", 0, 3, "Logarithmic"), "only for ranges that have only values greater than 0"),
        (continuous("x", 0, 1, "ReverseLogarithmic"), "0 <= x < 1.0"),
        (continuous("x", -0.5, 0.5, "ReverseLogarithmic"), "0 <= x < 1.0"),
        (integer("n", 0, 5, "ReverseLogarithmic"), "only for continuous"),
        (both(integer("n", 0, 5), continuous("n", 0, 1)), r"Duplicate hyperparameter names: \[n\]"),
        (categorical("c"), "has no values"),
        (categorical("c", "a", "b", "a"), r"duplicate values: \[a\]"),
        (categorical("c", "1", '"1"'), r"duplicate values: \[1\]"),
        (integer("n", 0, 2**60), "is beyond"),
        (integer("n", 0, "9" * 250), "is beyond"),
        (continuous("x", "-1e308", "1e308"), "is not a number"),
        (integer("still", 0, 5), "both tuned and static"),
        (both(*(integer(f"n{number}", 0, 5) for number in range(31))), r"\[31\], is above the limit of \[30\]"),
        ({"AutoParameters": [{"Name": "n", "ValueHint": "3"}]}, "only with Autotune"),
    ],
)
def test_ranges_that_aws_refuses_are_refused_by_name(ranges: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        Space.of("", ranges, None, {"still": "1"})


def test_a_definition_is_named_where_it_has_a_name() -> None:
    with pytest.raises(Invalid, match=r"training job definition \[second\]"):
        Space.of("second", {})


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        (continuous("eta", 0, 1), r"\[eta\] is not one of the linear-learner algorithm's"),
        (integer("epochs", 1, 9), "isn't tunable"),
        (continuous("learning_rate", 0, 1), r"MinValue \[0\] of the hyperparameter \[learning_rate\] is outside"),
        (continuous("mini_batch_size", 100, 200), "Give it in IntegerParameterRanges"),
        (integer("wd", 1, 2), "Give it in ContinuousParameterRanges"),
        (integer("use_bias", 0, 1), "Give it in CategoricalParameterRanges"),
        (categorical("use_bias", "true", "perhaps"), "'use_bias' is 'perhaps'"),
    ],
)
def test_a_built_in_algorithms_catalogue_says_what_may_be_tuned(ranges: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        Space.of("", ranges, CATALOGUE)


def test_an_algorithm_that_is_a_script_to_aws_may_be_tuned_in_all_that_it_knows() -> None:
    assert Space.of("", integer("num_boost_round", 2, 30), LIGHTGBM).ranges[0].name == "num_boost_round"
    with pytest.raises(Invalid, match="is outside"):
        Space.of("", integer("num_boost_round", 0, 30), LIGHTGBM)
    with pytest.raises(Invalid, match="is not one of the lightgbm algorithm's"):
        Space.of("", integer("luck", 1, 30), LIGHTGBM)


@pytest.mark.parametrize(
    ("catalogue", "ranges"),
    [
        (
            XGBOOST,
            both(
                both(continuous("eta", 0, 1), continuous("min_child_weight", 1, 10)),
                both(continuous("alpha", 0, 2), integer("max_depth", 1, 10)),
            ),
        ),
        (XGBOOST, both(integer("num_round", 1, 4000), continuous("subsample", 0.5, 1))),
        (CATALOGUE, both(categorical("use_bias", "True", "False"), integer("mini_batch_size", 250, 750))),
    ],
)
def test_ranges_that_aws_s_notebooks_give_are_taken(catalogue: Catalogue, ranges: dict[str, Any]) -> None:
    Space.of("", ranges, catalogue)


def test_values_of_a_number_may_be_listed() -> None:
    assert Space.of("", categorical("mini_batch_size", '"100"', '"200"'), CATALOGUE).size == 2


def test_autotune_takes_what_the_catalogue_recommends_but_for_what_is_static() -> None:
    found = Space.of("", None, CATALOGUE, {"wd": "0.1"}, autotune=True)
    assert {each.name for each in found.ranges} == {
        "l1",
        "learning_rate",
        "mini_batch_size",
        "positive_example_weight_mult",
        "use_bias",
    }
    assert next(each for each in found.ranges if each.name == "l1") == Number("l1", 1e-7, 1, False, "Logarithmic")


def hint(name: str, value: str) -> dict[str, Any]:
    return {"AutoParameters": [{"Name": name, "ValueHint": value}]}


def test_a_hint_beside_the_recommended_range_widens_it() -> None:
    found = Space.of("", hint("mini_batch_size", "8000"), CATALOGUE, autotune=True)
    assert found.ranges == (Number("mini_batch_size", 100, 8000, True, "Linear"),)
    with pytest.raises(Invalid, match=r"ValueHint \[-3\]"):
        Space.of("", hint("learning_rate", "-3"), CATALOGUE, autotune=True)
    with pytest.raises(Invalid, match="isn't one that"):
        Space.of("", hint("epochs", "3"), CATALOGUE, autotune=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("32", Number("x", 8, 128, True, "Linear")),
        ("1", Number("x", 1, 4, True, "Linear")),
        ("0", Number("x", 0, 10, True, "Linear")),
        ("-4", Number("x", -16, -1, True, "Linear")),
        ("0.001", Number("x", 0.0001, 0.01, False, "Logarithmic")),
        ("0.5", Number("x", 0.05, 0.75, False, "Linear")),
        ("0.0", Number("x", 0, 1, False, "Linear")),
        ("5.0", Number("x", 0.5, 50, False, "Logarithmic")),
        ('"True"', Choice("x", ("True", "False"))),
    ],
)
def test_a_hint_for_a_program_of_ones_own_makes_a_range_round_it(value: str, expected: object) -> None:
    assert Space.of("", hint("x", value), autotune=True).ranges == (expected,)


def test_a_word_is_no_hint() -> None:
    with pytest.raises(Invalid, match="CategoricalParameterRanges"):
        Space.of("", hint("x", "adam"), autotune=True)
