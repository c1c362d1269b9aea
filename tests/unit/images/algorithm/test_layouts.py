"""How many labels stand before the features, where a channel does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.tables import Layout, load


@pytest.mark.parametrize(
    ("content_type", "width", "unsaid", "features"),
    [
        ("text/csv;label_size=0", None, 1, [[1, 2, 3]]),
        ("text/csv;label_size=1", None, 0, [[2, 3]]),
        ("text/csv", 3, 1, [[1, 2, 3]]),
        ("text/csv", 2, 0, [[2, 3]]),
        ("text/csv", None, 0, [[1, 2, 3]]),
        ("text/csv", None, 1, [[2, 3]]),
        (None, 2, 0, [[2, 3]]),
    ],
)
def test_label_size_says_then_the_number_of_features_then_the_algorithm(
    tmp_path: Path, content_type: str | None, width: int | None, unsaid: int, features: list[list[float]]
):
    (tmp_path / "part.csv").write_text("1,2,3\n")
    layout = Layout("an algorithm", None, unsaid, width=width)
    table = load(tmp_path, "train", {"ContentType": content_type}, layout, None)
    assert table.features.tolist() == features


def test_a_file_of_blank_lines_holds_no_data_with_labels_and_without(tmp_path: Path):
    (tmp_path / "part.csv").write_text("\n\n")
    for labels in (0, 1):
        with pytest.raises(ClientError, match=r"blank lines only|no data"):
            load(tmp_path, "train", {}, Layout("an algorithm", labels), None)
