"""The made-up claims: what they look like, and how much signal is in them."""

import csv
from datetime import date

import claims
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope="module")
def many():
    return claims.draw(20_000, seed=1)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_file_has_the_nineteen_columns_in_order_and_as_many_rows_as_asked(tmp_path):
    claims.write(tmp_path / "claims.csv", rows=300, seed=3)
    header, *rows = rows_of(tmp_path / "claims.csv")
    assert tuple(header) == claims.COLUMNS
    assert len(header) == 19
    assert len(rows) == 300


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    assert claims.raw_rows(200, seed=5) == claims.raw_rows(200, seed=5)
    assert claims.raw_rows(200, seed=5) != claims.raw_rows(200, seed=6)


def test_about_a_quarter_of_the_claims_are_fraudulent(many):
    assert (many["fraud_reported"] == "Y").mean() == pytest.approx(0.25, abs=0.015)


def test_knowing_the_formula_beats_guessing_and_still_is_not_perfect(many):
    auc = roc_auc_score(many["fraud_reported"] == "Y", claims.fraud_probability(many))
    assert auc == pytest.approx(0.883, abs=0.01)


def test_injury_property_and_vehicle_claims_add_up_to_the_total(many):
    parts = many["injury_claim"] + many["property_claim"] + many["vehicle_claim"]
    assert np.array_equal(parts, many["total_claim_amount"])
    assert min(many[name].min() for name in ("injury_claim", "property_claim", "vehicle_claim")) >= 0


def test_every_model_belongs_to_its_make(many):
    assert all(model in claims.MODELS[make] for make, model in zip(many["auto_make"], many["auto_model"], strict=True))


def test_no_policy_is_older_than_its_customer_or_bound_after_the_last_day(many):
    days = np.array([(claims.LAST_DAY - date.fromisoformat(bound)).days for bound in many["policy_bind_date"]])
    assert days.min() >= 0
    assert (days <= (many["months_as_customer"] + 1) * 30.4).all()
    assert (many["age"] >= 19).all()


def test_zip_codes_lie_in_their_state(many):
    for state, (low, high) in claims.ZIP_RANGES.items():
        codes = many["insured_zip"][many["policy_state"] == state]
        assert low <= codes.min() <= codes.max() <= high


def test_policy_numbers_are_distinct(many):
    assert len(np.unique(many["policy_number"])) == 20_000


def test_raw_rows_have_unknown_cells_in_several_columns_and_a_few_rows_twice():
    rows = claims.raw_rows(1000, seed=7)
    holed = {name for row in rows for name, cell in zip(claims.COLUMNS, row, strict=True) if cell == claims.UNKNOWN}
    assert holed == set(claims.UNKNOWN_SHARE)
    assert 1000 - len({tuple(row) for row in rows}) == 8
