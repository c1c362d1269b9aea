"""Summaries: what statistics say of many values, within the error that is promised."""

from __future__ import annotations

import random
import re

import pytest

from potager.kernel.errors import Invalid
from potager.store.summary import Summary, bucket, middle


def of(*values: float) -> Summary:
    made = Summary()
    for value in values:
        made.add(value)
    return made


def kept(summary: Summary) -> Summary:
    return Summary.unpacked(summary.count, summary.sum, summary.least, summary.greatest, summary.packed())


@pytest.mark.parametrize("value", [5e-324, 1e-9, 0.3, 0.5, 1.0, 1.5, 63.9, 64.0, 1e6 + 1, 1.7e308, -1.0, -123.4, 0.0])
def test_a_value_is_told_by_its_bucket_within_a_hundredth(value: float) -> None:
    assert middle(bucket(value)) == pytest.approx(value, rel=0.008, abs=1e-323)


def test_buckets_are_in_the_order_of_values() -> None:
    values = sorted(random.Random(1).uniform(-1, 1) * 10 ** random.Random(n).randint(-9, 9) for n in range(500))
    keys = [bucket(value) for value in values]
    assert keys == sorted(keys)


def test_basic_statistics_are_exact() -> None:
    summary = kept(of(3, 1, 2).merge(of(10)))
    found = [summary.statistic(name) for name in ("SampleCount", "Average", "Sum", "Minimum", "Maximum")]
    assert found == [4, 4, 16, 1, 10]


@pytest.mark.parametrize("share", [1, 25, 50, 90, 99, 99.9, 100])
def test_percentiles_are_within_a_hundredth_after_merging_and_keeping(share: float) -> None:
    draw = random.Random(7)
    values = sorted(draw.lognormvariate(8, 1) for _ in range(10_000))
    merged = kept(of(*values[::2]).merge(kept(of(*values[1::2]))))
    found = merged.statistic(f"p{share:g}")
    assert found == pytest.approx(values[max(0, round(share * 100) - 1)], rel=0.01)


def test_equal_values_are_exact_in_every_statistic() -> None:
    summary = of(*[1.37] * 100)
    for name in ("p50", "tm99", "wm99", "IQM", "TM(10%:90%)"):
        assert summary.statistic(name) == pytest.approx(1.37)


def test_shares_of_the_distribution() -> None:
    summary = of(*range(1, 101))
    assert summary.statistic("tc90") == pytest.approx(90)
    assert summary.statistic("tm90") == pytest.approx(45.5, rel=0.01)
    assert summary.statistic("ts90") == pytest.approx(4095, rel=0.01)
    assert summary.statistic("PR(:50)") == pytest.approx(50, abs=1)
    assert summary.statistic("TC(20:40)") == pytest.approx(20, abs=1)
    assert summary.statistic("wm90") == pytest.approx((4095 + 10 * 90) / 100, rel=0.01)


def test_a_distribution_that_nobody_told_gives_no_percentile() -> None:
    summary = Summary()
    summary.fold(10, 55, 1, 10)
    assert summary.statistic("Average") == 5.5
    assert summary.statistic("p50") is None
    same = Summary()
    same.fold(10, 70, 7, 7)
    assert same.statistic("p50") == 7


@pytest.mark.parametrize("name", ["p101", "p", "average", "PR(10%:20%)", "TM(:)", "TM(1%:5)", "q50", "PR(a:b)"])
def test_what_is_no_statistic_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(Invalid, match=re.escape(repr(name))):
        of(1).statistic(name)
