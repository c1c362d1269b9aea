"""Describe and List through boto3, beside a bare signed request and beside moto_server in the same run."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3

import potager
from benchmarks.measure import milliseconds, p50, say, seconds
from benchmarks.raw import Raw
from tests.clients.road import IMAGE, ROLE, Road


def main() -> None:
    """DescribeModel and a ListModels page of 100, on Potager and at once on moto_server."""
    with potager.local() as server, moto() as url:
        road = Road(server)
        road.put("any/model.tar.gz", b"not opened here")
        make(road.sagemaker, f"s3://{road.bucket}/any/model.tar.gz")
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        peer = boto3.client("sagemaker", endpoint_url=url, **keys)
        make(peer, "s3://any/model.tar.gz")
        raw = Raw(server, "sagemaker")
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.DescribeModel"}
        body = json.dumps({"ModelName": "bench-5"}).encode()
        described, peer_described = describing(road.sagemaker), describing(peer)
        bare = seconds(lambda: raw.post("/", body, headers), 1000, 100)
        listed, peer_listed = listing(road.sagemaker), listing(peer)
    say(f"DescribeModel boto3   {milliseconds(described)}   (goal: p50 at most 3 ms)")
    say(f"  the same by moto    {milliseconds(peer_described)}   {p50(peer_described) / p50(described):5.1f} x ours")
    say(f"DescribeModel bare    {milliseconds(bare)}   (one signed request on a kept connection)")
    say(f"boto3's own share     {(p50(described) - p50(bare)) / p50(described):8.0%} of the p50   (goal: most of it)")
    say(f"ListModels 100 boto3  {milliseconds(listed)}")
    say(f"  the same by moto    {milliseconds(peer_listed)}   {p50(peer_listed) / p50(listed):5.1f} x ours")


def make(client: Any, data: str) -> None:
    for number in range(150):
        container = {"Image": IMAGE, "ModelDataUrl": data}
        client.create_model(ModelName=f"bench-{number}", PrimaryContainer=container, ExecutionRoleArn=ROLE)


def describing(client: Any) -> list[float]:
    return seconds(lambda: client.describe_model(ModelName="bench-5"), 1000, 100)


def listing(client: Any) -> list[float]:
    return seconds(lambda: client.list_models(MaxResults=100), 200, 20)


@contextlib.contextmanager
def moto(prepare: str = "") -> Iterator[str]:
    """The URL of a moto_server that ends with the block; `prepare` is Python that runs in it before it serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = f"{prepare}\nimport moto.server\nmoto.server.main(['-p', '{port}'])"
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-c", program]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        try:
            while not answers(url):
                if process.poll() is not None:
                    log.seek(0)
                    said = log.read().decode(errors="replace")[-2000:]
                    sys.exit(f"moto_server ended with {process.returncode} before it answered:\n{said}")
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    """Whether a moto_server is up."""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url + "/moto-api/", timeout=1).read()
        return True
    return False
