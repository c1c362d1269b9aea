"""Each number agrees with pandas' or SciPy's."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from potager.images.profile import look, sample
from potager.images.profile.moments import Moments
from potager.images.profile.power import groups, power
from potager.images.profile.relations import cramer, pearson, ranks, ratio, spearman
from potager.images.profile.sketch import Sketch
from tests.unit.images.profile.conftest import Make, codes, column, csv_of


def made(rows: int = 800) -> pd.DataFrame:
    """Numbers, some of them far away or missing, categories that have to do with them, and days."""
    random = np.random.default_rng(5)
    kind = random.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1])
    size = random.lognormal(3, 1, rows) + 10 * (kind == "blue")
    frame = pd.DataFrame(
        {
            "size": size,
            "double": 2 * size + random.normal(0, 1, rows),
            "count": random.poisson(0.7, rows) - 1,
            "kind": kind,
            "other": np.where(random.random(rows) < 0.7, kind, random.choice(["red", "green"], rows)),
            "day": pd.Timestamp("2024-02-27") + pd.to_timedelta(random.integers(0, 400, rows), "D"),
            "late": random.choice(["yes", "no"], rows, p=[0.1, 0.9]),
        }
    )
    for name, share in (("size", 0.1), ("count", 0.05), ("other", 0.2)):
        frame.loc[random.random(rows) < share, name] = None
    return pd.concat([frame, frame.iloc[:3]], ignore_index=True)


def test_what_is_said_of_numbers_is_what_pandas_says(profile: Make) -> None:
    frame = made()
    told = profile(frame.to_csv(index=False))
    assert told["table"]["rows"] == len(frame)
    assert told["table"]["sample"]["whole"]
    assert told["table"]["duplicate_rows"]["count"] == frame.duplicated().sum() == 3
    assert told["table"]["gaps"]["count"] == frame.isna().sum().sum()
    for name in ("size", "double", "count"):
        values, one = frame[name], column(told, name)
        numbers = one["numbers"]
        assert one["gaps"]["count"] == values.isna().sum()
        assert one["distinct"] == {"count": values.nunique(), "exact": True}
        for asked in ("min", "max", "mean", "std", "skew"):
            assert numbers[asked] == pytest.approx(getattr(values, asked)(), rel=1e-9), (name, asked)
        assert numbers["zeros"]["count"] == (values == 0).sum()
        assert numbers["negative"]["share"] == pytest.approx((values < 0).sum() / values.count())
        for share, value in one["quantiles"].items():
            assert value == pytest.approx(values.quantile(float(share)), rel=1e-9)
        first, third = values.quantile(0.25), values.quantile(0.75)
        far = (values < first - 1.5 * (third - first)) | (values > third + 1.5 * (third - first))
        assert one["outliers"]["count"] == far.sum()
        histogram = one["histogram"]
        assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] == values.count()


def test_types_dates_and_most_frequent_values_are_those_of_the_table(profile: Make) -> None:
    frame = made()
    told = profile(frame.to_csv(index=False))
    kinds = {one["name"]: one["type"] for one in told["columns"]}
    assert kinds == {
        "size": "number",
        "double": "number",
        "count": "integer",
        "kind": "category",
        "other": "category",
        "day": "date",
        "late": "boolean",
    }
    dates = column(told, "day")["dates"]
    assert dates == {"min": str(frame.day.min().date()), "max": str(frame.day.max().date())}
    for name in ("kind", "other", "late"):
        counts = frame[name].value_counts()
        assert {one["value"]: one["count"] for one in column(told, name)["top"]} == counts.to_dict()


def test_correlations_are_those_of_pandas_also_where_there_are_gaps(profile: Make) -> None:
    frame = made()
    relations = profile(frame.to_csv(index=False))["relations"]
    names = ["size", "double", "count"]
    assert relations["numbers"] == [*names, "day"]
    for wanted, method in ((frame[names].corr(), "pearson"), (frame[names].corr(method="spearman"), "spearman")):
        assert np.array(relations[method])[:3, :3] == pytest.approx(wanted.to_numpy(), abs=1e-12)


def test_ranks_and_correlations_of_odd_columns() -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 20, (300, 3)).astype(float)
    values[random.random(300) < 0.3, 0] = math.nan
    values[:, 2] = 1e300
    assert ranks(values[:, 1]) == pytest.approx(stats.rankdata(values[:, 1]))
    frame = pd.DataFrame(values)
    for found, wanted in ((pearson(values), frame.corr()), (spearman(values), frame.corr(method="spearman"))):
        assert found[0, 1] == pytest.approx(wanted.iloc[0, 1], abs=1e-12)
        assert np.isnan(found[2]).all()
    assert pearson(np.array([[1e9 + 1, 2], [1e9 + 2, 4], [1e9 + 3, 6.0]]))[0, 1] == pytest.approx(1)


def test_cramer_s_v_is_scipy_s_but_for_bergsma_s_correction() -> None:
    random = np.random.default_rng(1)
    one = random.integers(0, 4, 500)
    other = np.where(random.random(500) < 0.5, one, random.integers(0, 3, 500))
    table = pd.crosstab(one, other).to_numpy()
    n, (rows, columns) = table.sum(), table.shape
    phi = stats.chi2_contingency(table, correction=False)[0] / n
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    assert cramer(one, other) == pytest.approx(math.sqrt(corrected / least))
    assert cramer(one, other) < stats.contingency.association(table, method="cramer")
    assert cramer(one, random.integers(0, 3, 500)) < 0.1
    assert cramer(one, one) == pytest.approx(1)
    assert math.isnan(cramer(one, np.zeros(500, int)))
    assert math.isnan(cramer(np.full(500, -1), one))


def test_the_correlation_ratio_is_that_of_an_analysis_of_variance_but_for_kelley_s_correction() -> None:
    random = np.random.default_rng(2)
    codes = random.integers(0, 4, 400)
    values = codes + random.normal(0, 2, 400)
    f = stats.f_oneway(*(values[codes == at] for at in range(4))).statistic
    eta2 = f * 3 / (f * 3 + 396)
    assert ratio(codes, values) == pytest.approx(math.sqrt(1 - (1 - eta2) * 399 / 396))
    assert ratio(np.arange(400), values) != ratio(np.arange(400), values)  # as many categories as rows: nobody knows
    assert ratio(codes, codes.astype(float)) == pytest.approx(1)


def test_moments_of_blocks_are_those_of_the_whole_however_far_from_zero() -> None:
    random = np.random.default_rng(3)
    values = 1e9 + random.exponential(1, 5000)
    found = Moments()
    for part in np.array_split(values, 7):
        found.add(part, np.ones(len(part)))
    wanted = pd.Series(values - 1e9)
    assert found.mean - 1e9 == pytest.approx(wanted.mean(), abs=1e-6)
    assert found.deviation == pytest.approx(wanted.std(), rel=1e-6)
    assert found.skew == pytest.approx(wanted.skew(), rel=1e-4)
    weighted = Moments()
    weighted.add(np.array([1.0, 5.0]), np.array([3.0, 1.0]))
    assert weighted.skew == pytest.approx(pd.Series([1, 1, 1, 5]).skew())
    assert math.isnan(Moments().deviation)
    same = Moments()
    same.add(np.full(10, 0.1), np.ones(10))
    assert same.skew == 0.0


def test_different_values_are_estimated_within_a_few_percent_where_they_are_too_many() -> None:
    for many in (1, 4000, 60_000):
        found = Sketch()
        for first in range(0, many, 10_000):
            found.add(f"customer-{at}" for at in range(first, min(first + 10_000, many)))
        found.add(f"customer-{at}" for at in range(min(many, 5000)))
        assert found.estimate() == pytest.approx(many, rel=0.05 if many > 4096 else 0)


def test_a_large_table_is_counted_whole_and_sampled_for_the_rest(
    profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_ROWS", 2000)
    random = np.random.default_rng(4)
    values = np.sort(random.normal(10, 3, 20_000))
    kind = np.where(values > 13, "high", "low")
    told = profile(csv_of(value=values.tolist(), kind=kind))
    assert told["table"]["sample"] == {"rows": 2000, "whole": False, "seed": 0}
    one = column(told, "value")
    assert one["numbers"]["mean"] == pytest.approx(values.mean())
    assert one["numbers"]["max"] == values.max()
    assert {each["value"]: each["count"] for each in column(told, "kind")["top"]}["high"] == (kind == "high").sum()
    assert one["quantiles"]["0.5"] == pytest.approx(np.median(values), abs=0.3)
    assert one["quantiles"]["0.95"] == pytest.approx(np.quantile(values, 0.95), abs=0.5)
    again = profile(csv_of(value=values.tolist(), kind=kind))
    assert again == told
    other = profile(csv_of(value=values.tolist(), kind=kind), seed="7")
    assert column(other, "value")["quantiles"] != one["quantiles"]


def test_power_is_high_for_what_foretells_and_none_for_chance() -> None:
    random = np.random.default_rng(6)
    signal, noise = random.normal(size=4000), random.normal(size=4000)
    binary = (signal + 0.3 * random.normal(size=4000) > 0).astype(float)
    assert power(groups(signal), binary, "binary") > 0.9
    assert power(groups(noise), binary, "binary") < 0.1
    assert power(np.arange(4000) % 1990, binary, "binary") < 0.1
    assert power(groups(signal), signal, "regression") > 0.9
    assert power(groups(noise), signal, "regression") < 0.02
    classes = np.digitize(signal, [-0.5, 0.5]).astype(float)
    assert power(groups(signal), classes, "multiclass") > 0.85
    assert power(groups(noise), classes, "multiclass") < 0.05
    assert math.isnan(power(groups(signal), np.ones(4000), "binary"))


def test_parquet_and_json_lines_say_the_same_as_csv(profile: Make) -> None:
    frame = made(200)
    text = profile(frame.to_csv(index=False))
    stream = io.BytesIO()
    frame.to_parquet(stream)
    lines = frame.assign(day=frame.day.astype(str)).to_json(orient="records", lines=True)
    for name, content in (("t.parquet", stream.getvalue()), ("t.jsonl", lines)):
        told = profile(content, name)
        assert [one["type"] for one in told["columns"]] == [one["type"] for one in text["columns"]]
        assert column(told, "kind")["top"] == column(text, "kind")["top"]
        assert column(told, "size")["numbers"]["mean"] == pytest.approx(column(text, "size")["numbers"]["mean"])
        assert codes(told) == codes(text)


def test_a_hundred_thousand_columns_are_looked_at_in_part_and_what_is_left_out_is_said(
    profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MOST_COLUMNS", 50)
    names = [f"c{at}" for at in range(99_999)]
    rows = [",".join([str(at / 2)] * 99_999 + [str(at % 2)]) for at in range(3)]
    told = profile("\n".join([",".join([*names, "label"]), *rows]), target="c777")
    assert told["table"]["columns"] == 100_000
    assert told["table"]["left_out"]["count"] == 100_000 - 52
    assert [one["name"] for one in told["columns"]][-3:] == ["c49", "c777", "label"]
