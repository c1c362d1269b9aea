"""From a raw file to three tables of numbers, and what stands in the way."""

import claims
import join
import numpy as np
import pandas as pd
import prepare
import pytest
from errors import DataError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("claims") / "claims.csv"
    claims.write(path, rows=1000, seed=7)
    return prepare.read(path, "fraud_reported")


@pytest.fixture(scope="module")
def prepared(raw):
    return prepare.prepare(raw, seed=7)


def small(lines, header="x,y"):
    return "\n".join([header, *lines]) + "\n"


def binary(rows=40, extra=str):
    return [f"{extra(n)},{'yes' if n % 2 else 'no'}" for n in range(rows)]


def test_duplicate_rows_are_left_out_before_the_split(raw):
    assert len(raw.table) == 992
    assert ("duplicate rows left out", "8") in raw.facts


def test_the_parts_are_70_10_and_20_percent_without_a_row_in_common(prepared):
    parts = (prepared.train, prepared.validation, prepared.test)
    assert [round(len(part) / 992, 2) for part in parts] == [0.7, 0.1, 0.2]
    assert len(set().union(*(part.index for part in parts))) == 992


def test_every_part_has_the_same_share_of_positives(raw, prepared):
    for part in (prepared.train, prepared.validation, prepared.test):
        assert part["fraud_reported"].mean() == pytest.approx(raw.labels.mean(), abs=1 / len(part))


def test_the_label_comes_first_and_everything_is_a_finite_number(prepared):
    for part in (prepared.train, prepared.validation, prepared.test):
        assert part.columns[0] == "fraud_reported"
        assert set(part.iloc[:, 0]) == {0, 1}
        assert np.isfinite(part.to_numpy(dtype=float)).all()


def test_the_identifiers_of_the_claims_are_dropped_and_nothing_else(prepared):
    assert [column.name for column in prepared.dropped] == ["policy_number", "insured_zip"]


def test_a_linear_model_learns_the_claims_well_and_not_perfectly(prepared):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    model.fit(prepared.train.iloc[:, 1:], prepared.train.iloc[:, 0])
    auc = roc_auc_score(prepared.test.iloc[:, 0], model.predict_proba(prepared.test.iloc[:, 1:])[:, 1])
    assert 0.80 < auc < 0.92


def test_nothing_but_training_rows_shapes_the_columns(raw, prepared):
    """Spoil every row outside the training part: what was learned must stay as it was."""
    spoiled = raw.table.copy()
    held_out = spoiled.index.difference(prepared.train.index)
    spoiled.loc[held_out, "total_claim_amount"] = "999999999"
    spoiled.loc[held_out, "auto_make"] = "Unheard-of"
    spoiled.loc[held_out, "police_report_available"] = None
    again = prepare.prepare(prepare.Raw(spoiled, raw.labels, []), seed=7)
    assert again.columns == prepared.columns
    pd.testing.assert_frame_equal(again.train, prepared.train)


def test_the_same_seed_splits_the_same_way_and_another_seed_does_not(raw, prepared):
    assert prepare.prepare(raw, seed=7).test.index.equals(prepared.test.index)
    assert not prepare.prepare(raw, seed=8).test.index.equals(prepared.test.index)


def test_a_channel_has_the_label_first_and_no_header_and_a_payload_has_no_label(prepared):
    first_row = prepare.channel_csv(prepared.train).splitlines()[0].split(",")
    assert [float(cell) for cell in first_row] == pytest.approx(prepared.train.iloc[0].tolist())
    asked = prepare.payload_csv(prepared.train).splitlines()
    assert asked[0].split(",") == first_row[1:]
    assert len(asked) == len(prepared.train)


def test_two_tables_joined_on_a_policy_run_through_preparation(csv_file):
    contacted = ("None", "N/A", "Police")
    left = small(
        (f"{n},{contacted[n % 3]},{n * 37.5},{int(n % 5 == 0)}" for n in range(200)), "policy_id,contact,amount,fraud"
    )
    right = small(
        (f"{n},{20 + n % 50},{'NA' if n % 2 else 'yes'}" for n in reversed(range(200))), "policy_id,age,degree"
    )
    joined = join.join(csv_file(left, "left.csv"), csv_file(right, "right.csv"), "policy_id")
    raw = prepare.read(csv_file(joined.to_csv(index=False)), "fraud")
    names = list(prepare.prepare(raw, seed=1).train.columns)
    assert names == [
        "fraud",
        *("contact=N/A", "contact=None", "contact=Police"),
        *("amount", "age", "degree=NA", "degree=yes"),
    ]


def test_question_marks_and_empty_cells_are_gaps_and_words_for_nothing_are_values(csv_file):
    cells = ("?", "", " ? ", "None", "NA", "N/A")
    raw = prepare.read(csv_file(small(binary(60, lambda n: f"{n},{cells[n % 6]}"), "n,x,y")), "y")
    assert raw.table["x"].isna().mean() == 0.5
    assert set(raw.table["x"].dropna()) == {"None", "NA", "N/A"}


def test_rows_without_a_label_are_left_out(csv_file):
    raw = prepare.read(csv_file(small([*binary(), "1,?", "2,"])), "y")
    assert raw.labels.notna().all()
    assert ("rows without a label left out", "2") in raw.facts


@pytest.mark.parametrize("pair", [("Y", "N"), ("yes", "No"), ("TRUE", "false"), ("t", "F"), ("1", "0"), ("1.0", "0.0")])
def test_a_target_may_be_spelled_in_any_usual_way(pair):
    assert prepare.as_labels(pd.Series([*pair, pair[0]])).tolist() == [1, 0, 1]


def test_a_target_of_other_words_is_refused_with_what_would_do():
    with pytest.raises(DataError, match=r"grade is not binary: it holds 'good', 'bad'.*Use a column of Y/N"):
        prepare.as_labels(pd.Series(["good", "bad", "0"], name="grade"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*nowhere\.csv"):
        prepare.read(tmp_path / "nowhere.csv", "y")


def test_a_missing_target_lists_the_columns_that_are_there(csv_file):
    with pytest.raises(DataError, match=r"no column z. Its columns are: x, y\."):
        prepare.read(csv_file(small(binary())), "z")


@pytest.mark.parametrize("text", ["", "x,y\n1,2,3,4\n1\n", 'x,y\n"open,1\n'])
def test_what_is_no_csv_is_refused_in_one_sentence(csv_file, text):
    with pytest.raises(DataError):
        prepare.read(csv_file(text), "y")


def test_two_columns_of_one_name_are_refused(csv_file):
    with pytest.raises(DataError, match="more than one column x"):
        prepare.read(csv_file(small(binary(40, lambda n: f"{n},{n}"), "x,x ,y")), "y")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,y\n\xff\xfe\xfa,1\n")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        prepare.read(path, "y")


def test_a_class_with_too_few_rows_is_refused(csv_file):
    rows = [*(f"{n},no" for n in range(100)), *(f"{n},yes" for n in range(9))]
    with pytest.raises(DataError, match="y has 9 positive rows; at least 10"):
        prepare.read(csv_file(small(rows)), "y")


def test_a_file_with_nothing_to_learn_from_is_refused(csv_file):
    raw = prepare.read(csv_file(small(binary(40, lambda n: f"{n},same"), "row_id,x,y")), "y")
    with pytest.raises(DataError, match=r"No column is left to learn from: row_id is .*; x is always the same"):
        prepare.prepare(raw, seed=1)


def test_columns_can_be_left_out_by_name(csv_file):
    path = csv_file(small(binary(40, lambda n: f"{n},{n % 4}"), "a,b,y"))
    assert list(prepare.read(path, "y", drop=["a"]).table.columns) == ["b"]
