"""Describe and List through boto3, beside a bare signed request and beside moto_server in the same run."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3

import potager
from benchmarks.measure import milliseconds, say, seconds
from benchmarks.raw import Raw
from tests.clients.road import IMAGE, ROLE, Road


def main() -> None:
    """DescribeModel and a ListModels page of 100, on Potager and on moto_server."""
    with potager.local() as server:
        road = Road(server)
        road.put("any/model.tar.gz", b"not opened here")
        make(road.sagemaker, f"s3://{road.bucket}/any/model.tar.gz")
        raw = Raw(server, "sagemaker")
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.DescribeModel"}
        body = json.dumps({"ModelName": "bench-5"}).encode()
        report("potager", road.sagemaker)
        bare = seconds(lambda: raw.post("/", body, headers), 1000, 100)
        say(f"potager describe bare     {milliseconds(bare)}")
    with moto() as url:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        client = boto3.client("sagemaker", endpoint_url=url, **keys)
        make(client, "s3://any/model.tar.gz")
        report("moto   ", client)


def make(client: Any, data: str) -> None:
    for number in range(150):
        container = {"Image": IMAGE, "ModelDataUrl": data}
        client.create_model(ModelName=f"bench-{number}", PrimaryContainer=container, ExecutionRoleArn=ROLE)


def report(who: str, client: Any) -> None:
    described = seconds(lambda: client.describe_model(ModelName="bench-5"), 1000, 100)
    listed = seconds(lambda: client.list_models(MaxResults=100), 200, 20)
    say(f"{who} describe boto3    {milliseconds(described)}")
    say(f"{who} list 100 boto3    {milliseconds(listed)}")


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """The URL of a moto_server that ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url + "/moto-api/", timeout=1).read()
                break
        yield url
    finally:
        process.terminate()
        process.wait()
