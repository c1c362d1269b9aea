"""`potager run`: programs that know only AWS, unmodified, over http and https."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import potager

Run = Callable[[str], str]


@pytest.fixture
def run(server: potager.Local) -> Run:
    """Runs a Python program under `potager run` on the session's server; gives what it printed."""

    def call(code: str) -> str:
        command = [sys.executable, "-m", "potager", "run", "--data", str(server.data), "--", sys.executable, "-c", code]
        result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"AWS_PROFILE": "absent"})
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return call


def test_plain_boto3_lands_here(run: Run) -> None:
    assert run("import boto3; print(boto3.client('sts').get_caller_identity()['Account'])") == "000000000000"


def test_an_https_endpoint_of_awss_lands_here(run: Run) -> None:
    code = """
import boto3
sts = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
print(sts.get_caller_identity()["Account"])
"""
    assert run(code) == "000000000000"


def test_s3_over_https_in_chunks_and_with_virtual_hosts_lands_here(run: Run) -> None:
    code = """
import boto3, os
from botocore.config import Config
del os.environ["AWS_ENDPOINT_URL"]
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "virtual"}))
s3.create_bucket(Bucket="run-claims")
body = os.urandom(3_000_000)
s3.put_object(Bucket="run-claims", Key="a b/ü.bin", Body=body)
assert s3.get_object(Bucket="run-claims", Key="a b/ü.bin")["Body"].read() == body
print([each["Key"] for each in s3.list_objects_v2(Bucket="run-claims")["Contents"]])
"""
    assert run(code) == "['a b/ü.bin']"


def test_a_presigned_https_url_is_read_by_urllib(run: Run) -> None:
    code = """
import boto3, os, urllib.request
del os.environ["AWS_ENDPOINT_URL"]
s3 = boto3.client("s3")
s3.create_bucket(Bucket="run-presigned")
s3.put_object(Bucket="run-presigned", Key="k", Body=b"claims")
url = s3.generate_presigned_url("get_object", Params={"Bucket": "run-presigned", "Key": "k"})
assert url.startswith("https://")
print(urllib.request.urlopen(url).read().decode())
"""
    assert run(code) == "claims"


def test_requests_reads_it_too(run: Run) -> None:
    pytest.importorskip("requests")
    code = """
import requests
print(requests.get("https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15").status_code)
"""
    assert run(code) == "403"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_reads_it_too(server: potager.Local) -> None:
    command = [sys.executable, "-m", "potager", "run", "--data", str(server.data)]
    curl = ["curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}"]
    result = subprocess.run(
        [*command, *curl, "https://claims.s3.us-east-1.amazonaws.com/absent"], capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == ("404", "")  # nobody signed it, and there is no such bucket


def test_without_a_server_one_is_started_and_what_it_kept_is_there_the_next_time(tmp_path: Path) -> None:
    def go(code: str) -> str:
        command = [sys.executable, "-m", "potager", "run", "--data", str(tmp_path / "data"), sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    go("import boto3; boto3.client('s3').create_bucket(Bucket='mine')")
    told = go("import boto3; print([each['Name'] for each in boto3.client('s3').list_buckets()['Buckets']])")
    assert "'mine'" in told
