from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from potager.cli import environment
from potager.cli.child import Child
from potager.cli.main import main

Start = Callable[..., Child]

AWKWARD = {"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": 'it\'s $HOME "and" `x` \\ #'}


def test_a_shell_that_evaluates_it_reaches_the_server(start: Start) -> None:
    server = start(
        "--region", "eu-west-1", environ={"POTAGER_ACCESS_KEY_ID": "admin", "POTAGER_SECRET_ACCESS_KEY": "a'b$(c)\"d"}
    )
    text = CliRunner().invoke(main, ["env", "--data", str(server.data)]).stdout
    before = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_S3": "http://elsewhere"}
    said = subprocess.run(["sh", "-c", f"{text}\nenv"], env=before, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("AWS_"))
    assert found.pop("AWS_ENDPOINT_URL_S3") == "http://elsewhere"  # was not in the environment of `potager env`
    assert found == {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "admin",
        "AWS_SECRET_ACCESS_KEY": "a'b$(c)\"d",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_json_holds_the_same(start: Start) -> None:
    server = start()
    text = CliRunner().invoke(main, ["env", "--data", str(server.data), "--format", "json"]).stdout
    assert json.loads(text) == environment.of(server.data)


def test_an_env_file_reads_back_as_it_was(tmp_path: Path) -> None:
    dotenv = pytest.importorskip("dotenv")
    path = tmp_path / ".env"
    path.write_text(environment.dotenv(AWKWARD))
    assert dotenv.dotenv_values(path, interpolate=False) == AWKWARD


def test_an_endpoint_for_one_service_is_unset() -> None:
    text = environment.shell(AWKWARD, ["PATH", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_$(reboot)"])
    assert text.splitlines()[-1].startswith("unset AWS_SESSION_TOKEN ")
    assert text.endswith(" AWS_ENDPOINT_URL_S3")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(start: Start) -> None:
    server = start()
    proxied = {"HTTP_PROXY": "http://corporate:3128", "NO_PROXY": ".internal,localhost", "no_proxy": ""}
    result = CliRunner().invoke(main, ["env", "--data", str(server.data), "--format", "json"], env=proxied)
    assert json.loads(result.stdout)["no_proxy"] == "127.0.0.1,::1,.internal,localhost"
    assert environment.direct({"NO_PROXY": ".internal"}) == {}


def test_no_server_is_an_error_on_standard_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["env", "--data", str(tmp_path), "--format", "json"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{tmp_path}: no server is up on this data folder. Start one with `potager up`" in result.stderr


def test_no_server_makes_the_eval_of_a_shell_fail(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["env", "--data", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "false\n")


def test_the_server_that_was_killed_is_not_up(start: Start) -> None:
    server = start()
    server.kill()
    assert CliRunner().invoke(main, ["env", "--data", str(server.data)]).exit_code == 1


def test_the_folder_may_come_from_the_environment(start: Start) -> None:
    server = start()
    result = CliRunner().invoke(main, ["env"], env={"POTAGER_DATA": str(server.data)})
    assert f"export AWS_ENDPOINT_URL={server.url}" in result.stdout
