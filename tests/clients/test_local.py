"""`potager.local()` with its gateway: clients of boto3's against a server that is theirs alone."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from subprocess import run

import pytest
from botocore.exceptions import ClientError

import potager


def test_a_private_server_answers_s3_and_sts(server: potager.Local) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="local-claims")
    s3.put_object(Bucket="local-claims", Key="raw/claims.csv", Body=b"a,b\n")
    assert s3.get_object(Bucket="local-claims", Key="raw/claims.csv")["Body"].read() == b"a,b\n"
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_region_of_ones_own_is_served(server: potager.Local) -> None:
    arns = server.client("sagemaker", region="eu-west-1").list_models()["Models"]
    assert arns == []


def test_the_endpoint_that_the_sdk_builds_for_sts_comes_here(server: potager.Local) -> None:
    sts = server.session().client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
    assert sts.get_caller_identity()["Account"] == "000000000000"


def test_the_account_is_the_one_that_was_asked_for() -> None:
    with potager.local(account_id="123456789012", region="eu-west-1") as p:
        assert p.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_wrong_key_is_refused(server: potager.Local) -> None:
    stranger = server.client("sts", aws_access_key_id="AKIASTRANGER00000000", aws_secret_access_key="x" * 40)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.get_caller_identity()


def test_data_survives_a_kill_and_old_clients_find_the_server_again(fresh_server: potager.Local) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="k", Body=b"v")
    fresh_server.kill()
    fresh_server.start()
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"v"


def test_it_works_in_a_thread_as_a_notebook_has_it(tmp_path: Path) -> None:
    seen: list[str] = []

    def work() -> None:
        with potager.local(data=tmp_path) as p:
            seen.append(p.client("sts").get_caller_identity()["Account"])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["000000000000"]


def test_without_a_block_it_ends_with_the_program() -> None:
    code = "import potager; p = potager.local(); print(p.data)"
    said = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stderr == ""
    assert said.stdout.strip()
