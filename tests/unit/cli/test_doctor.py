from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from potager.cli import machine
from potager.cli.child import Child
from potager.cli.doctor import text
from potager.cli.machine import Finding
from potager.cli.main import main
from potager.cli.serve import listen
from potager.compute.process import isolation as levels
from potager.kernel.errors import Invalid
from potager.kernel.settings import Settings

Start = Callable[..., Child]
Found = dict[str, tuple[str, str]]


@pytest.fixture(autouse=True)
def walled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that offers namespaces: the real trial forks, which a process full of threads had better not."""
    monkeypatch.setattr(levels, "probe", lambda: levels.Isolation("namespaces"))


def examined(data: Path, port: int = 0) -> Found:
    settings = Settings(data=data, port=port)
    return {each.name: (each.value, each.problem) for each in machine.examine(settings)}


def test_it_tells_of_everything_and_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "potager", "doctor", "--data", str(tmp_path / "absent")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    for name in ("system", "isolation", "memory limits", "cores", "memory", "disk", "open files", "port", "extra demo"):
        assert name in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_program_reads_it_as_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--data", str(tmp_path), "--format", "json"])
    found = json.loads(result.stdout)
    assert {"name", "value", "problem"} == found[0].keys()


def test_problems_stand_at_the_end_with_their_remedies() -> None:
    told = text([Finding("disk", "full", "Make room."), Finding("cores", "2")])
    assert told.splitlines() == ["! disk   full", "  cores  2", "", "! disk: Make room."]
    assert text([Finding("cores", "2")]).endswith("No problems found.")


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 29, total=1 << 40))
    value, problem = examined(tmp_path)["disk"]
    assert value.startswith("0.5 GiB free of 1024.0 GiB")
    assert "Make room" in problem


def test_a_port_that_is_taken_says_whose_it_is(start: Start, tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.settimeout(0)
        port = taken.getsockname()[1]
        value, _ = examined(tmp_path)["port"]
        assert value == "0 of 127.0.0.1 is free"
        taken.close()
        value, _ = examined(tmp_path, port)["port"]
        assert value == f"{port} of 127.0.0.1 is free"
    server = start()
    port = int(server.url.rpartition(":")[2])
    found = examined(server.data, port)
    assert found["port"] == (f"{port} of 127.0.0.1 is another program's", "Start with --port 0, or another port.")
    assert found["server"] == (f"{server.url}, process {server.pid}, on {server.data}", "")


def test_it_says_where_rows_are_and_what_is_mounted(tmp_path: Path) -> None:
    found = examined(tmp_path)
    assert found["database"] == (f"SQLite, {tmp_path / 'potager.db'}", "")
    assert found["mounts"] == ("none", "")
    for bucket in ("claims", "gone"):
        (tmp_path / bucket).mkdir()
        CliRunner().invoke(main, ["mount", bucket, str(tmp_path / bucket), "--data", str(tmp_path)])
    (tmp_path / "gone").rmdir()
    value, problem = examined(tmp_path)["mounts"]
    assert value == "claims, gone"
    assert problem == f"No such folder: gone ({tmp_path / 'gone'}). Bring it back, or: potager unmount BUCKET."


def test_a_postgres_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as unserved:
        port = unserved.getsockname()[1]
    settings = Settings(data=tmp_path, port=0, database=f"postgresql://p:secret@127.0.0.1:{port}/rows")
    found = {each.name: each for each in machine.examine(settings)}["database"]
    assert found.value == "Postgres, rows on 127.0.0.1"
    assert found.problem
    assert "secret" not in found.value + found.problem


def test_the_server_that_is_up_says_whether_it_speaks_https(start: Start) -> None:
    server = start("--tls")
    assert examined(server.data)["tls"] == (
        "https by the server that is up; plain http by the settings of this command",
        "",
    )


def test_a_machine_without_namespaces_is_told_what_it_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "probe", lambda: levels.Isolation("process", "not permitted"))
    value, problem = examined(tmp_path)["isolation"]
    assert value == "process (not permitted)"
    assert "Jobs can reach whatever this user can" in problem
    assert machine.isolation("auto") == "process (not permitted)"
    with pytest.raises(Invalid, match="does not offer namespaces"):
        machine.isolation("namespaces")


def test_no_isolation_is_said_when_it_was_asked_for() -> None:
    assert machine.isolation("none") == "none, as the settings ask"


def test_an_extra_that_is_not_there_comes_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.EXTRAS, "demo", ("numpy", "no-such-distribution"))
    assert examined(tmp_path)["extra demo"] == (
        "without no-such-distribution",
        "If you want it: pip install 'potager[demo]'",
    )


def test_images_come_with_the_extra_that_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from potager.compute import catalog

    monkeypatch.setattr(catalog, "_version", lambda name: None if name == "faiss-cpu" else "1.0")
    found = examined(tmp_path)
    of_all = "catboost, factorization-machines, knn, lightgbm"
    assert found["extra algorithms"] == (f"for {of_all}: pip install 'potager[algorithms]'", "")
    assert found["extra xgboost"] == ("installed, for sagemaker-xgboost, xgboost", "")
    assert not [name for name in found if name.endswith("extra ")]


def test_the_extras_are_those_of_the_project() -> None:
    from importlib.metadata import requires

    declared = [text for text in requires("potager") or [] if "extra ==" in text]
    for extra, names in machine.EXTRAS.items():
        of_extra = [text for text in declared if text.endswith((f"extra == '{extra}'", f'extra == "{extra}"'))]
        assert sorted(names) == sorted(
            text.split("<")[0].split(">")[0].split("=")[0].split(";")[0].strip() for text in of_extra
        )
