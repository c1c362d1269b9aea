"""S3 through boto3: small objects by one thread and by eight, a large one, and a long listing, beside moto_server."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

import potager
from benchmarks.control import moto
from benchmarks.measure import p50, say, seconds

KEYS = 10_000
LARGE = 256 * 10**6
WORKERS = 8
SETTINGS = Config(max_pool_connections=16)

SEED_MOTO = f"""
from moto.s3.models import s3_backends
backend = s3_backends["123456789012"]["aws"]
backend.create_bucket("listed", "us-east-1")
for number in range({KEYS}):
    backend.put_object("listed", f"claims/{{number:05}}.csv", b"x")
"""


def main() -> None:
    """Every row on Potager and at once on moto_server, and how many times as fast Potager is."""
    with tempfile.TemporaryDirectory() as base:
        data, file = Path(base) / "data", Path(base) / "large"
        file.write_bytes(os.urandom(LARGE))
        data.mkdir(mode=0o700)
        asyncio.run(seed(data))
        with potager.local(data) as server, moto(SEED_MOTO) as url:
            keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
            ours = rows(server.client("s3", config=SETTINGS), file)
            theirs = rows(boto3.client("s3", endpoint_url=url, config=SETTINGS, **keys), file)
            for what in ours:  # one right after the other, so that a busy machine is as busy for both
                mine, peer = ours[what](), theirs[what]()
                faster = peer / mine if what.endswith(" ms") else mine / peer
                say(f"{what:26} {mine:9.2f}   moto {peer:9.2f}   {faster:5.1f} x as fast")


async def seed(data: Path) -> None:
    """Makes a data folder with a bucket of many keys; a request each would take long. No server has it yet."""
    from potager.kernel.names import Scope
    from potager.store.blobs import Blobs
    from potager.store.database import Database
    from potager.store.objects import Objects

    database, blobs = await Database.open(f"sqlite:///{data / 'potager.db'}"), Blobs(data / "blobs")
    objects = Objects(database, blobs)
    await objects.create_bucket("listed", Scope("000000000000", "us-east-1"))
    first = ("listed", f"claims/{0:05}.csv")
    await objects.put(*first, await blobs.write(b"x"))
    copies = (objects.copy(first, ("listed", f"claims/{number:05}.csv")) for number in range(1, KEYS))
    await asyncio.gather(*copies)
    blobs.close()
    await database.close()


def rows(s3: Any, file: Path) -> dict[str, Callable[[], float]]:
    """What measures each row, in the unit that its name ends with; the large object last: it leaves the disk busy."""
    s3.create_bucket(Bucket="bench")
    body, numbers = os.urandom(1000), itertools.count()

    def put() -> None:
        s3.put_object(Bucket="bench", Key=f"small/{next(numbers)}", Body=body)

    def get() -> None:
        assert len(s3.get_object(Bucket="bench", Key="small/0")["Body"].read()) == len(body)

    def list_all() -> None:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="listed")
        assert sum(page["KeyCount"] for page in pages) == KEYS

    def upload() -> None:
        s3.upload_file(str(file), "bench", "large")

    def download() -> None:
        s3.download_file("bench", "large", str(file.with_suffix(".back")))

    return {
        "put 1 KB, p50 ms": lambda: p50(seconds(put, 500, 50)) * 1e3,
        "get 1 KB, p50 ms": lambda: p50(seconds(get, 500, 50)) * 1e3,
        f"put 1 KB, {WORKERS} threads, /s": lambda: rate(put, 2000),
        f"get 1 KB, {WORKERS} threads, /s": lambda: rate(get, 2000),
        "list 10,000 keys, ms": lambda: p50(seconds(list_all, 5, 1)) * 1e3,
        "upload 256 MB, MB/s": lambda: LARGE / 1e6 / p50(seconds(upload, 3)),
        "download 256 MB, MB/s": lambda: LARGE / 1e6 / p50(seconds(download, 3)),
    }


def rate(work: Callable[[], None], calls: int) -> float:
    """Calls a second by several threads that share a client."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda _: work(), range(WORKERS * 5)))
        began = time.perf_counter()
        list(pool.map(lambda _: work(), range(calls)))
        return calls / (time.perf_counter() - began)
