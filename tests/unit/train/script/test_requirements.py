from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from potager.train.script import requirements


def unmet(tmp_path: Path, *lines: str) -> list[str] | None:
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    return requirements.unmet(tmp_path / "requirements.txt")


def test_no_file_asks_for_nothing(tmp_path: Path) -> None:
    assert requirements.unmet(tmp_path / "requirements.txt") is None


def test_what_is_installed_is_met(tmp_path: Path) -> None:
    lines = (
        "# ours",
        "",
        "numpy>=1.20  # fast",
        "Boto3",
        "--index-url https://pypi.org/simple",
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


def test_without_packaging_names_alone_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    monkeypatch.setattr(requirements, "import_module", absent)
    assert unmet(tmp_path, "numpy", "numpy>=1.20") == ["numpy>=1.20"]
