from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from potager.kernel.errors import Invalid
from potager.prepare.processing.paths import inside, names_a_file


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/opt/ml/processing/input/", "processing/input"),
        ("/opt/ml/processing", "processing"),
        ("/opt/ml//processing/./a b", "processing/a b"),
    ],
)
def test_a_local_path_is_taken_below_opt_ml(path: str, expected: str) -> None:
    assert inside(path, "it") == PurePosixPath(expected)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "opt/ml/processing/a",
        "/opt/ml/input",
        "/opt/ml/processing2",
        "/opt/ml/processing/../model",
        "/opt/ml/processing/a\0",
        "/opt/ml/processing/" + "é" * 128,
    ],
)
def test_a_local_path_elsewhere_is_refused_by_name(path: str) -> None:
    with pytest.raises(Invalid, match="ProcessingInput 'a' has the LocalPath"):
        inside(path, "ProcessingInput 'a'")


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("processing/report.json", True),
        ("processing/model.tar.gz", True),
        ("processing/out", False),
        ("v1.0", False),
        (".hidden", False),
    ],
)
def test_a_suffix_of_letters_names_a_file(path: str, file: bool) -> None:
    assert names_a_file(PurePosixPath(path)) is file
