from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import requirements


def unmet(tmp_path: Path, *lines: str) -> list[str]:
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    return requirements.unmet(requirements.read(tmp_path / "requirements.txt"))


def test_what_is_installed_is_met(tmp_path: Path) -> None:
    lines = (
        "# ours",
        "",
        "numpy>=1.20  # fast",
        "Boto3",
        "--index-url https://pypi.org/simple",
        "-fhttps://example.com/wheels",
        "--pre",
        "numpy>=1,\\",
        "  <99",
    )
    assert unmet(tmp_path, *lines) == []


def test_what_is_not_installed_or_in_another_version_is_named(tmp_path: Path) -> None:
    assert unmet(tmp_path, "numpy==0.1", "no-such-package") == ["numpy==0.1", "no-such-package"]


def test_a_requirement_for_another_system_is_met(tmp_path: Path) -> None:
    assert unmet(tmp_path, "no-such-package; sys_platform == 'win32'") == []


def test_what_an_extra_asks_for_counts(tmp_path: Path) -> None:
    assert unmet(tmp_path, "boto3[crt]") in ([], ["boto3[crt]"])
    assert unmet(tmp_path, "numpy[no-such-extra]") == []


@pytest.mark.parametrize("line", ["-r other.txt", "-e .", "git+https://example.com/x.git", "x @ https://example.com/x"])
def test_what_cannot_be_told_is_not_met(tmp_path: Path, line: str) -> None:
    assert unmet(tmp_path, line) == [line]


@pytest.mark.parametrize("line", ["-r more/other.txt", "--requirement=more/other.txt", "-rmore/other.txt"])
def test_included_files_count_and_those_elsewhere_do_not(tmp_path: Path, line: str) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "other.txt").write_text("numpy\nno-such-package\n-r other.txt\n")
    assert "no-such-package" in unmet(tmp_path, line)
    (tmp_path.parent / "elsewhere.txt").write_text("numpy")
    assert unmet(tmp_path, "-r ../elsewhere.txt") == ["-r ../elsewhere.txt"]


@pytest.mark.parametrize(
    ("line", "local"),
    [
        ("numpy>=1", False),
        ("numpy @ https://example.com/numpy.whl", False),
        ("git+https://example.com/x.git", False),
        ("https://example.com/numpy.whl", False),
        ("--find-links https://example.com/", False),
        ("--find-links wheels", True),
        ("-fwheels", True),
        ("-i file:///simple", True),
        ("./wheels/x-1-py3-none-any.whl", True),
        ("x @ file:///opt/ml/code/x.whl", True),
        (".", True),
        ("-e .[all]", True),
        ("-c constraints.txt", True),
        ("--no-index", False),
    ],
)
def test_lines_that_name_files_are_told(line: str, local: bool) -> None:
    assert requirements.names_source([line]) is local


def test_without_packaging_names_alone_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    monkeypatch.setattr(requirements, "import_module", absent)
    assert unmet(tmp_path, "numpy", "numpy>=1.20") == ["numpy>=1.20"]
