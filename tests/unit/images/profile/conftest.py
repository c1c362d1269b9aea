from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potager.images.profile.process import main, run

Profile = dict[str, Any]
Make = Callable[..., Profile]


@pytest.fixture
def profile(tmp_path: Path) -> Make:
    """Profiles files, given as text or bytes by name; keywords are variables of the job."""

    def made(
        content: str | bytes, name: str = "table.csv", more: dict[str, bytes] | None = None, **said: str
    ) -> Profile:
        lay(tmp_path, {name: content, **(more or {})})
        run(tmp_path, said)
        return json.loads((tmp_path / "processing/output/profile.json").read_text())

    return made


@pytest.fixture
def refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a job says that the user is to blame for: its message, and the last line of its log."""

    def made(content: str | bytes, name: str = "table.csv") -> str:
        lay(tmp_path, {name: content})
        with pytest.raises(SystemExit) as stop:
            main(tmp_path)
        said = (tmp_path / "output/message").read_text()
        assert stop.value.code == 2
        assert said.startswith("ClientError: ")
        assert capsys.readouterr().out.splitlines()[-1] == said
        assert not (tmp_path / "processing/output/profile.json").exists()
        return said

    return made


def lay(ml: Path, files: dict[str, str | bytes]) -> None:
    """Puts files where a job finds them, and no others."""
    shutil.rmtree(ml / "processing", ignore_errors=True)
    for name, content in files.items():
        path = ml / "processing/input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def column(told: Profile, name: str) -> Profile:
    """A column of a profile."""
    return next(one for one in told["columns"] if one["name"] == name)


def warned(told: Profile, code: str) -> Profile:
    """The first warning of a kind."""
    found = [one for one in told["warnings"] if one["code"] == code]
    assert found, [one["code"] for one in told["warnings"]]
    return found[0]


def codes(told: Profile) -> set[str]:
    return {one["code"] for one in told["warnings"]}


def csv_of(**columns: Any) -> str:
    """A table of columns, all equally long; None is a gap."""
    rows = zip(*columns.values(), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    return "\n".join([",".join(columns), *lines]) + "\n"
