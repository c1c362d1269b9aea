from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

import potager
from potager.cli.main import COMMANDS, main

HEAVY = ("boto3", "botocore", "httptools", "uvloop", "numpy", "sqlalchemy", "cryptography", "asyncio", "ssl", "pandas")


def loaded(code: str) -> set[str]:
    said = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(said.stdout.split())


def test_help_imports_nothing_of_ours_but_the_command() -> None:
    modules = loaded("import potager.cli.main as m\nm.main(['--help'], standalone_mode=False)")
    ours = {name for name in modules if name.startswith("potager")}
    assert ours == {"potager", "potager.cli", "potager.cli.main"}
    assert not modules.intersection(HEAVY)


def test_env_imports_no_client_and_no_server() -> None:
    modules = loaded(
        "import click, potager.cli.main as m\n"
        "try: m.main(['env', '--data', '/nowhere'], standalone_mode=False)\nexcept click.ClickException: pass"
    )
    assert not modules.intersection(HEAVY)


def test_importing_potager_is_light() -> None:
    assert not loaded("import potager, potager.kernel.settings").intersection({*HEAVY, "click"})


def test_every_command_is_there_and_tells_of_itself() -> None:
    for name in COMMANDS:
        command: click.Command = import_module(f"potager.cli.{name}").command
        assert command.name == name
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0
        assert "Usage:" in result.stdout


def test_the_help_names_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    for name, told in COMMANDS.items():
        assert name in result.stdout
        assert told.split()[0] in result.stdout


def test_an_unknown_command_is_an_error() -> None:
    assert CliRunner().invoke(main, ["plant"]).exit_code == 2


def test_the_version_is_the_packages() -> None:
    assert potager.__version__ in CliRunner().invoke(main, ["--version"]).stdout


def test_python_m_potager_is_the_command() -> None:
    said = subprocess.run([sys.executable, "-m", "potager", "--help"], capture_output=True, text=True, check=True)
    assert "Commands:" in said.stdout


def test_an_unknown_attribute_of_the_package_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = potager.nothing
