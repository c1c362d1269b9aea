"""Two tables to one file."""

import join
import pytest
from errors import DataError


def test_every_row_of_the_first_table_is_kept_and_words_for_nothing_stay(csv_file):
    left = csv_file("id,a\n2,None\n1,NA\n3,x\n", "left.csv")
    right = csv_file("id,b\n1,N/A\n2,5\n", "right.csv")
    assert join.join(left, right, "id").to_numpy().tolist() == [["2", "None", "5"], ["1", "NA", "N/A"], ["3", "x", ""]]


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("id,b\n1,1\n1,2\n", "'1' is there more than once"),
        ("id,a\n1,1\n", "both have the columns a"),
        ("key,b\n1,1\n", "has no column id. Its columns are: key, b"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_the_reason(csv_file, right, message):
    with pytest.raises(DataError, match=message):
        join.join(csv_file("id,a\n1,2\n", "left.csv"), csv_file(right, "right.csv"), "id")


def test_a_missing_table_is_named(csv_file, tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*absent\.csv"):
        join.join(csv_file("id,a\n1,2\n"), tmp_path / "absent.csv", "id")
