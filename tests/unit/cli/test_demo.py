from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from potager.cli import demo, folder, machine
from potager.cli.child import Child
from potager.cli.main import main

Start = Callable[..., Child]

# What the road is given, in place of the road itself: the stub's gateway would not take it far.
PROBE = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['AWS_ENDPOINT_URL']])); sys.exit(5)"

ON_A_PROBE = """
import runpy, sys
from pathlib import Path
from potager.cli import demo, machine
sys.argv[0] = {stub!r}
demo.road = lambda: Path({road!r})
machine.EXTRAS = {{"demo": ()}}
runpy.run_path({stub!r}, run_name="__main__")
"""


@pytest.fixture
def potager(stub: Sequence[str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `potager demo ...`, on a road that tells what it was given; temporary files go to `tmp_path / "tmp"`."""
    (tmp_path / "road.py").write_text(PROBE)
    (tmp_path / "tmp").mkdir()

    def call(*options: str) -> subprocess.CompletedProcess[str]:
        environ = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
        command = [stub[0], "-c", ON_A_PROBE.format(stub=stub[1], road=str(tmp_path / "road.py")), "demo", *options]
        return subprocess.run(command, env=environ, capture_output=True, text=True)

    return call


Potager = Callable[..., subprocess.CompletedProcess[str]]


def test_the_road_runs_on_a_private_server_that_leaves_nothing(potager: Potager, tmp_path: Path) -> None:
    result = potager()
    assert result.returncode == 5, result.stderr
    options, url = json.loads(result.stdout)
    assert options == []
    assert url.startswith("http://127.0.0.1:")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_it_passes_its_options_on(potager: Potager) -> None:
    result = potager(
        "--csv", "a.csv", "--target", "fraud", "--drop", "id", "--drop", "zip", "--report", "r.html", "--keep"
    )
    options, _ = json.loads(result.stdout)
    assert options == [
        "--drop",
        "id",
        "--drop",
        "zip",
        "--keep",
        "--csv",
        "a.csv",
        "--target",
        "fraud",
        "--report",
        "r.html",
    ]


def test_what_is_kept_can_be_looked_at(potager: Potager, tmp_path: Path) -> None:
    result = potager("--keep")
    (kept,) = (tmp_path / "tmp").iterdir()
    assert f"To look at it: potager up --data {kept}" in result.stderr
    assert (kept / "keys.json").exists()
    assert not folder.held(kept)


def test_a_server_that_is_up_is_used_when_its_folder_is_named(start: Start, potager: Potager) -> None:
    server = start()
    _, url = json.loads(potager("--data", str(server.data)).stdout)
    assert url == server.url
    assert folder.running(server.data)


def test_a_table_without_a_target_is_an_error_of_usage() -> None:
    for option in ("--csv", "--target"):
        result = CliRunner().invoke(main, ["demo", option, "x"])
        assert result.exit_code == 2
        assert "--csv and --target go together" in result.stderr


def test_a_missing_extra_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.EXTRAS, "demo", ("numpy", "no-such-distribution"))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "The demo needs no-such-distribution. Install with: pip install 'potager[demo]'" in result.stderr


def test_the_road_is_found() -> None:
    assert demo.road().name == "road.py"
