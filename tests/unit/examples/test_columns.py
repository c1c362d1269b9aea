"""What a column is taken for, and what becomes of it."""

import columns
import numpy as np
import pandas as pd
import pytest


def texts(values, name="c"):
    return pd.Series([None if value is None else str(value) for value in values], name=name, dtype=object)


def encoded(plan, values):
    return columns.encode([plan], pd.DataFrame({plan.name: texts(values)}))


def test_numbers_keep_their_value_and_gaps_get_the_training_median_and_a_flag():
    plan = columns.plan_column(texts(["1", "3", None, "10"]))
    table = encoded(plan, ["7", None])
    assert table["c"].tolist() == [7, 3]
    assert table["c: unknown"].tolist() == [0, 1]


def test_a_column_without_gaps_in_training_gets_no_flag_and_still_no_gaps_later():
    plan = columns.plan_column(texts([1, 2, 3]))
    assert encoded(plan, [None]).to_dict("list") == {"c": [2.0]}


def test_a_stray_word_among_numbers_is_a_gap():
    plan = columns.plan_column(texts([*range(99), "broken"]))
    assert isinstance(plan, columns.Number)
    assert plan.flagged


@pytest.mark.parametrize("huge", ["inf", "-inf", "1e39", "nan"])
def test_what_no_32_bit_number_can_hold_is_a_gap(huge):
    plan = columns.plan_column(texts([1, 2, 3]))
    assert encoded(plan, [huge])["c"].tolist() == [2]


def test_dates_turn_to_year_month_day_and_weekday():
    plan = columns.plan_column(texts(["2024-02-29", "2025-12-31", None]))
    table = encoded(plan, ["2024-02-29", None])
    assert table.iloc[0].tolist() == [2024, 2, 29, 3]
    assert not table.isna().any(axis=None)


def test_a_day_above_twelve_tells_which_part_of_a_slashed_date_is_the_day():
    day_first = columns.plan_column(texts(["31/01/2025", "02/03/2025"]))
    month_first = columns.plan_column(texts(["01/31/2025", "02/03/2025"]))
    assert encoded(day_first, ["02/03/2025"])["c: month"].tolist() == [3]
    assert encoded(month_first, ["02/03/2025"])["c: month"].tolist() == [2]


def test_what_looks_like_dates_and_is_none_gives_numbers_all_the_same():
    plan = columns.plan_column(texts(["2025-99-99", "2025-98-98"]))
    assert not encoded(plan, ["2025-99-99", None]).isna().any(axis=None)


def test_a_category_gets_a_column_a_level_and_one_for_gaps():
    plan = columns.plan_column(texts(["a", "b", "a", None]))
    assert encoded(plan, ["a", None]).to_dict("list") == {"c=a": [1, 0], "c=b": [0, 0], "c: unknown": [0, 1]}


def test_rare_levels_and_levels_never_seen_share_one_column():
    plan = columns.plan_column(texts(["a"] * 150 + ["b"] * 150 + ["rare"]))
    table = encoded(plan, ["rare", "new", "a"])
    assert table["c: other"].tolist() == [1, 1, 0]
    assert "c=rare" not in table


def test_a_category_never_takes_more_than_the_most_columns():
    plan = columns.plan_column(texts([f"level {number % 40}" for number in range(400)]))
    assert encoded(plan, ["level 1"]).shape[1] == columns.MAX_LEVELS + 1


@pytest.mark.parametrize("name", ["policy_number", "policy_id", "insured_zip", "customer_zip", "ID", "phone"])
def test_an_identifying_name_with_many_values_is_dropped(name):
    assert isinstance(columns.plan_column(texts([n * 7 % 1000 for n in range(500)], name)), columns.Dropped)


def test_an_identifying_name_with_few_values_is_kept():
    assert isinstance(columns.plan_column(texts([n % 4 for n in range(500)], "zone_id")), columns.Number)


def test_numbers_that_count_the_rows_are_dropped_whatever_their_name():
    assert isinstance(columns.plan_column(texts(np.random.default_rng(0).permutation(500))), columns.Dropped)


def test_distinct_codes_of_one_width_are_dropped_and_distinct_amounts_are_kept():
    codes = np.random.default_rng(0).choice(900_000, 500, replace=False) + 100_000
    longer = codes * 10.0**14
    amounts = np.random.default_rng(0).choice(90_000, 500, replace=False) * 10
    assert isinstance(columns.plan_column(texts(codes)), columns.Dropped)
    assert isinstance(columns.plan_column(texts(longer)), columns.Dropped)
    assert isinstance(columns.plan_column(texts(amounts)), columns.Number)


def test_texts_of_which_nearly_every_one_is_its_own_are_dropped():
    assert isinstance(columns.plan_column(texts([f"remark {n}" for n in range(100)])), columns.Dropped)


def test_distinct_dates_are_dates_and_not_identifiers():
    days = pd.date_range("2020-01-01", periods=300).strftime("%Y-%m-%d")
    assert isinstance(columns.plan_column(texts(days)), columns.Date)


@pytest.mark.parametrize(("values", "reason"), [(["x"] * 5, "always the same"), ([None] * 5, "empty")])
def test_constants_and_empty_columns_are_dropped_with_the_reason(values, reason):
    plan = columns.plan_column(texts(values))
    assert isinstance(plan, columns.Dropped)
    assert plan.reason == reason
