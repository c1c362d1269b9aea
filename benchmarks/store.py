"""S3 beside moto_server, npm's s3rver and the disk by itself, row by row in turns.

Small objects are asked for in two ways: by boto3, most of whose time is its own, and by a bare client whose requests
were signed before, so that servers are compared and not boto3. A ratio in brackets says how many times as fast Potager
is: goals are 3 beside the better peer for small objects, and 0.6 of the disk for large ones. `POTAGER_BENCH_SCALE=0.1`
makes everything smaller, for a look; figures that are published are taken at 1.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

import potager
from benchmarks.control import moto
from benchmarks.disk import Disk
from benchmarks.measure import p50, proportional_memory, say, seconds
from benchmarks.peers import s3rver, s3rver_program, seed_s3rver
from benchmarks.raw import Line, Signer, burst, lines

SCALE = float(os.environ.get("POTAGER_BENCH_SCALE", "1"))
SMALL = 1000
"""Bytes of a small object."""
CALLS = max(50, int(1000 * SCALE))
"""Requests of one turn of a row of small objects."""
KEYS = 10_000
"""Keys of the bucket that is listed."""
MANY = int(1_000_000 * SCALE)
DELETED = int(100_000 * SCALE)
LARGE = int(256 * SCALE) * 10**6
HUGE = int(1000 * SCALE) * 10**6
WORKERS = 8
TURNS = 5
LARGE_TURNS = 3
BUCKETS = ("bench", "listed", "thousand", "million")
LIST = "?list-type=2&max-keys=1000&encoding-type=url"

SEED_MOTO = f"""
from moto.s3.models import s3_backends
backend = s3_backends["123456789012"]["aws"]
for name in ("listed", "bench"):
    backend.create_bucket(name, "us-east-1")
for number in range({KEYS}):
    backend.put_object("listed", f"claims/{{number:07}}.csv", b"x")
"""


@dataclass
class Side:
    """One server, as the rows see it."""

    name: str
    url: str
    access_key: str
    secret: str
    pid: int | None = None
    seen: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.signer = Signer(self.url, self.access_key, self.secret)
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(max_pool_connections=16, s3={"addressing_style": "path"}),
        )

    @contextlib.contextmanager
    def line(self) -> Iterator[Line]:
        """A connection of one's own: servers close those that nobody used for some seconds."""
        with lines(self.signer.place, 1) as (one,):
            yield one


def main() -> None:
    """Every row on each in turns, the median of the turns, and how Potager stands beside the better peer."""
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = _sides(stack, base)
        disk = Disk(base / "disk")
        large, huge = base / "large", base / "huge"
        _write(large, LARGE)
        say(f"| | {' | '.join(side.name for side in sides)} | the disk itself |\n|---|{'---:|' * (len(sides) + 1)}")
        _small(sides, disk)
        _listings(sides)
        _deletes(sides)
        _large(sides, disk, large)
        _write(huge, HUGE)
        _memory(sides[0], huge)


def _sides(stack: contextlib.ExitStack, base: Path) -> list[Side]:
    data = base / "data"
    data.mkdir(mode=0o700)
    server = stack.enter_context(potager.local(data))
    keys = server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"]
    ours = Side("Potager", server.url, *keys, pid=server.pid)
    for name in BUCKETS:
        ours.s3.create_bucket(Bucket=name)
    for bucket, count in (("listed", KEYS), ("thousand", 1000), ("million", MANY)):
        seed(data / "potager.db", bucket, count)
    sides = [ours, Side("moto", stack.enter_context(moto(SEED_MOTO)), "a", "b")]
    program = s3rver_program(base / "npm")
    if program is None:
        say("(no s3rver: npm is not there, or could not install it)")
        return sides
    for bucket in ("listed", "bench"):
        (base / "s3rver" / bucket).mkdir(parents=True)
    seed_s3rver(base / "s3rver", "listed", [f"claims/{number:07}.csv" for number in range(KEYS)])
    url = stack.enter_context(s3rver(program, base / "s3rver"))
    return [*sides, Side("s3rver", url, "S3RVER", "S3RVER")]


def seed(file: Path, bucket: str, count: int) -> None:
    """Makes many keys that name the bytes of one object, which a request each would take long for."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)"
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        connection.execute(
            f"{numbers} INSERT INTO objects (bucket, key, blob, size, etag, modified, doc) SELECT :bucket,"
            " printf('claims/%07d.csv', i), :blob, 1, '9dd4e461268c8034f5c8564e155c67a6', :now, '{}' FROM n",
            {"count": count, "bucket": bucket, "blob": secrets.token_hex(16), "now": time.time()},
        )


def _row(what: str, rows: Sequence[tuple[str, Callable[[], float]]], turns: int = TURNS, *, best: str = "low") -> None:
    """Measures a row, one turn of each after the other, and prints the medians and the ratios."""
    taken: dict[str, list[float]] = {name: [] for name, _ in rows}
    for _ in range(turns):
        for name, measure in rows:
            taken[name].append(measure())
    figures = {name: statistics.median(values) for name, values in taken.items()}
    mine = figures.pop("Potager")
    shown = [f"{mine:,.2f}" if mine < 100 else f"{mine:,.0f}"]
    for value in figures.values():
        ratio = value / mine if best == "low" else mine / value
        shown.append(f"{value:,.2f} ({ratio:.2f} x)" if value < 100 else f"{value:,.0f} ({ratio:.2f} x)")
    say(f"| {what} | {' | '.join(shown)} |")


# --- small objects


def _small(sides: list[Side], disk: Disk) -> None:
    body = os.urandom(SMALL)
    for side in sides:
        side.s3.put_object(Bucket="bench", Key="small/get", Body=body)
    disk.put("get", body)
    names = itertools.count()

    def disk_put() -> None:
        disk.put(str(next(names)), body)

    def per_call(work: Callable[[], object]) -> float:
        return p50(seconds(work, CALLS // 2, 20)) * 1e3

    for verb, request, alone in (("put", _put_bare, disk_put), ("get", _get_bare, lambda: disk.get("get"))):
        bare = [
            (side.name, lambda side=side, request=request: _one_by_one(side, request(side, body))) for side in sides
        ]
        _row(f"{verb} 1 KB, bare, p50 ms", [*bare, ("disk", lambda alone=alone: per_call(alone))])
        many = [(side.name, lambda side=side, request=request: _at_once(side, request(side, body))) for side in sides]
        _row(
            f"{verb} 1 KB, bare, {WORKERS} connections, /s",
            [*many, ("disk", lambda alone=alone: rate(alone, CALLS))],
            best="high",
        )
    for verb, work in (("put", _put_boto3), ("get", _get_boto3)):
        one = [(side.name, lambda side=side, work=work: per_call(work(side, body))) for side in sides]
        _row(f"{verb} 1 KB, boto3, p50 ms", one)
        many = [(side.name, lambda side=side, work=work: rate(work(side, body), CALLS)) for side in sides]
        _row(f"{verb} 1 KB, boto3, {WORKERS} threads, /s", many, best="high")
    for verb, request, work in (("put", _put_bare, _put_boto3), ("get", _get_bare, _get_boto3)):
        mine = sides[0]
        turns = [(_one_by_one(mine, request(mine, body)), per_call(work(mine, body))) for _ in range(TURNS)]
        share = statistics.median(1 - bare / full for bare, full in turns)
        say(f"| boto3's own share of a {verb} | {share:.0%} |" + " |" * len(sides))


def _put_bare(side: Side, body: bytes) -> list[bytes]:
    return [side.signer.request("PUT", f"/bench/small/{next(side.seen)}", body) for _ in range(CALLS)]


def _get_bare(side: Side, body: bytes) -> list[bytes]:
    return [side.signer.request("GET", "/bench/small/get")] * CALLS


def _put_boto3(side: Side, body: bytes) -> Callable[[], None]:
    return lambda: side.s3.put_object(Bucket="bench", Key=f"small/{next(side.seen)}", Body=body)


def _get_boto3(side: Side, body: bytes) -> Callable[[], None]:
    def get() -> None:
        assert side.s3.get_object(Bucket="bench", Key="small/get")["Body"].read() == body

    return get


def _one_by_one(side: Side, requests: Sequence[bytes]) -> float:
    """Milliseconds of the median request on one connection."""
    left = iter(requests)
    with side.line() as line:
        return p50(seconds(lambda: line.ask(next(left)), len(requests))) * 1e3


def _at_once(side: Side, requests: Sequence[bytes]) -> float:
    """Requests a second over several connections."""
    began = time.perf_counter()
    burst(side.signer.place, requests, WORKERS)
    return len(requests) / (time.perf_counter() - began)


def rate(work: Callable[[], object], calls: int) -> float:
    """Calls a second by several threads."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda _: work(), range(WORKERS * 2)))
        began = time.perf_counter()
        list(pool.map(lambda _: work(), range(calls)))
        return calls / (time.perf_counter() - began)


# --- listings and deletes


def _listings(sides: list[Side]) -> None:
    def list_all(side: Side) -> float:
        pages = side.s3.get_paginator("list_objects_v2").paginate(Bucket="listed")
        began = time.perf_counter()
        assert sum(len(page["Contents"]) for page in pages) == KEYS
        return (time.perf_counter() - began) * 1e3

    _row("list 10,000 keys, boto3, ms", [(side.name, lambda side=side: list_all(side)) for side in sides])
    mine = sides[0]

    def pages(bucket: str, after: str = "") -> float:
        requests = [mine.signer.request("GET", f"/{bucket}{LIST}{after}")] * 20
        return _one_by_one(mine, requests)

    middle = f"&start-after=claims%2F{MANY // 2:07}.csv"
    rows = [("Potager", lambda: pages("thousand")), ("million", lambda: pages("million", middle))]
    taken = {name: [measure() for _ in range(TURNS)] for name, measure in rows}
    few, many = (statistics.median(values) for values in taken.values())
    say(f"| a page of 1,000 out of 1,000 keys, bare, ms | {few:.2f} |" + " |" * len(sides))
    say(f"| a page of 1,000 out of {MANY:,} keys, bare, ms | {many:.2f} ({many / few:.2f} x) |" + " |" * len(sides))


def _deletes(sides: list[Side]) -> None:
    """Keys a second; the peers get a tenth of the keys, for they would take long."""
    measured: list[tuple[str, Callable[[], float]]] = []
    for side in sides:
        count = DELETED if side is sides[0] else DELETED // 10
        measured.append((side.name, lambda side=side, count=count: _delete(side, count)))
    _row(f"delete {DELETED:,} keys by 1,000 (peers: a tenth), keys/s", measured, 1, best="high")


def _delete(side: Side, count: int) -> float:
    keys = [f"gone/{number:07}" for number in range(count)]
    side.s3.put_object(Bucket="bench", Key="gone/stays")  # s3rver trips over a folder that two deletes find empty
    for at in range(0, count, 1000):
        puts = [side.signer.request("PUT", f"/bench/{key}", b"x" * SMALL) for key in keys[at : at + 1000]]
        burst(side.signer.place, puts, WORKERS)
    requests: list[bytes] = []
    for at in range(0, count, 1000):
        listed = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys[at : at + 1000])
        body = f"<Delete><Quiet>true</Quiet>{listed}</Delete>".encode()
        requests.append(side.signer.request("POST", "/bench?delete=", body, {"Content-Type": "application/xml"}))
    with side.line() as line:
        began = time.perf_counter()
        for request in requests:
            line.ask(request)
        return count / (time.perf_counter() - began)


# --- large objects


def _large(sides: list[Side], disk: Disk, file: Path) -> None:
    back = file.with_suffix(".back")
    with file.open("rb") as source:
        hashed = hashlib.file_digest(source, "sha256").hexdigest()

    def speed(work: Callable[[], object]) -> float:
        return LARGE / 1e6 / seconds(work, 1)[0]

    def bare_up(side: Side) -> None:
        with file.open("rb") as source, side.line() as line:
            line.stream_up(side.signer.head("PUT", "/bench/stream", LARGE, hashed), source)

    def bare_down(side: Side) -> None:
        with side.line() as line:
            assert line.stream_down(side.signer.request("GET", "/bench/stream")) == LARGE

    size = f"{LARGE // 10**6} MB"
    rows: list[tuple[str, Callable[[Side], object], Callable[[], object]]] = [
        (f"up {size}, one bare stream, MB/s", bare_up, lambda: disk.keep("stream", file, crc=False)),
        (f"down {size}, one bare stream, MB/s", bare_down, lambda: disk.keep("stream", file, crc=False)),
        (
            f"up {size}, boto3 upload_file, MB/s",
            lambda side: side.s3.upload_file(str(file), "bench", "large"),
            lambda: disk.keep("large", file, crc=True),
        ),
        (
            f"down {size}, boto3 download_file, MB/s",
            lambda side: side.s3.download_file("bench", "large", str(back)),
            lambda: disk.keep("large", file, crc=True),
        ),
    ]
    for what, work, alone in rows:
        each = [(side.name, lambda side=side, work=work: speed(lambda: work(side))) for side in sides]
        _row(what, [*each, ("disk", lambda alone=alone: speed(alone))], LARGE_TURNS, best="high")
    reading = statistics.median(speed(lambda: disk.read("stream", None)) for _ in range(LARGE_TURNS))
    say(f"| reading {size} in plain Python, from the page cache, MB/s |{' |' * len(sides)} {reading:,.0f} |")


# --- memory


def _memory(ours: Side, huge: Path) -> None:
    """The server's memory while a small and a huge object go both ways; what it has at rest is told beside."""
    back, small = huge.with_suffix(".back"), huge.with_suffix(".small")
    _write(small, 16 * 10**6)
    rest = proportional_memory([ours.pid or 0])
    peaks: dict[str, float] = {}
    for file in (small, huge):
        with _watched(ours.pid or 0) as peak:
            ours.s3.upload_file(str(file), "bench", file.name)
            ours.s3.download_file("bench", file.name, str(back))
            with file.open("rb") as source, ours.line() as line:
                head = ours.signer.head("PUT", "/bench/memory", file.stat().st_size, "UNSIGNED-PAYLOAD")
                line.stream_up(head, source)
                line.stream_down(ours.signer.request("GET", "/bench/memory"))
        peaks[file.name] = peak[0]
    few, many = peaks[small.name], peaks[huge.name]
    say(
        f"memory of the server (PSS): {rest:.0f} MB at rest; while 16 MB go up and down, by boto3 and as one stream, at"
    )
    say(f"most {few:.0f} MB; while {HUGE // 10**6:,} MB do, at most {many:.0f} MB: {many / few:.2f} x   (goal: flat)")


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """The most memory that a process had while the block ran, looked at every 20 ms."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], proportional_memory([pid]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _write(path: Path, size: int) -> None:
    block = os.urandom(2**20)
    with path.open("wb") as file:
        while (left := size - file.tell()) > 0:
            file.write(block[:left])
