from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

import potager
from potager.cli import folder, local
from potager.cli.child import NotStarted
from potager.cli.session import session

ENV = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "admin",
    "AWS_SECRET_ACCESS_KEY": "opensesame",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(autouse=True)
def stubbed(stub: tuple[str, ...]) -> None:
    """Private servers have a stub in the gateway's place."""


def test_the_server_and_its_folder_are_gone_after_the_block() -> None:
    with potager.local() as p:
        assert folder.running(p.data)
        assert p.url == p.env["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{p.url.rpartition(':')[2]}"
    assert not p.data.exists()
    assert p.pid is None


def test_a_folder_that_is_given_stays(tmp_path: Path) -> None:
    with potager.local(data=tmp_path / "data") as p:
        before = p.env
    assert (tmp_path / "data/keys.json").exists()
    with potager.local(data=str(tmp_path / "data")) as p:
        assert p.env["AWS_SECRET_ACCESS_KEY"] == before["AWS_SECRET_ACCESS_KEY"]


def test_settings_go_by_name_and_the_environments_own_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POTAGER_REGION", "ap-south-1")
    monkeypatch.setenv("POTAGER_PORT", "1")
    with potager.local(region="eu-west-1", account_id="123456789012") as p:
        said = folder.running(p.data)
    assert said is not None
    assert (said.region, said.account_id) == ("eu-west-1", "123456789012")


def test_a_start_that_fails_tells_what_the_server_said_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local.tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    with pytest.raises(NotStarted, match="POTAGER_ACCOUNT_ID: '12' is not an account id"):
        potager.local(account_id="12")
    assert list(tmp_path.iterdir()) == []


def test_after_a_kill_it_comes_back_where_it_was() -> None:
    with potager.local() as p:
        before = p.env
        p.kill()
        assert p.pid is None
        assert folder.running(p.data) is None
        p.start()
        assert p.env == before
        p.kill()
    assert not p.data.exists()


def test_a_restart_that_fails_keeps_the_data() -> None:
    with potager.local() as p:
        p.kill()
        (p.data / "potager.toml").write_text("nonsense")
        with pytest.raises(NotStarted, match="not a TOML file"):
            p.start()
        assert (p.data / "keys.json").exists()


def test_it_ends_with_the_process_that_made_it(tmp_path: Path) -> None:
    code = f"""
import os, sys, tempfile
from potager.cli import child
child.PROGRAM = {local.Child.__init__.__globals__["PROGRAM"]!r}
tempfile.tempdir = {str(tmp_path)!r}
import potager
p = potager.local()
print(p.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == -9
    handle = os.pidfd_open(int(said.stdout)) if _lives(int(said.stdout)) else None
    if handle is not None:
        import select

        assert select.select([handle], [], [], 30)[0]
    assert list(tmp_path.iterdir()) == []


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def endpoint(client: Any) -> tuple[str, str]:
    return client.meta.endpoint_url, client.meta.region_name


def test_every_client_and_resource_of_the_session_comes_here() -> None:
    ours = session(ENV, "eu-west-1")
    assert endpoint(ours.client("s3")) == ("http://127.0.0.1:1", "eu-west-1")
    assert endpoint(ours.client("sts", region_name="eu-west-2")) == ("http://127.0.0.1:1", "eu-west-2")
    assert endpoint(ours.resource("s3").meta.client) == ("http://127.0.0.1:1", "eu-west-1")


def test_an_endpoint_of_awss_comes_here_and_any_other_stays() -> None:
    ours = session(ENV, "eu-west-1")
    for host in ("https://sts.eu-west-1.amazonaws.com", "https://s3.cn-north-1.amazonaws.com.cn"):
        assert endpoint(ours.client("sts", endpoint_url=host))[0] == "http://127.0.0.1:1"
    assert endpoint(ours.client("sts", endpoint_url="http://minio:9000"))[0] == "http://minio:9000"


def test_what_the_user_has_set_up_for_aws_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = us-west-2\ns3 =\n  addressing_style = virtual\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "absent",
        "AWS_ENDPOINT_URL": "http://elsewhere",
        "AWS_SESSION_TOKEN": "token",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    client: Any = session(ENV, "eu-west-1").client("s3")
    assert endpoint(client) == ("http://127.0.0.1:1", "eu-west-1")
    found = client._request_signer._credentials
    assert (found.access_key, found.secret_key, found.token) == ("admin", "opensesame", None)
    assert client._client_config.proxies == {}


def test_it_is_a_session_of_boto3s() -> None:
    assert isinstance(session(ENV, "eu-west-1"), boto3.Session)
