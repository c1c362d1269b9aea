"""Downloads as raw bytes on a socket: what a client that hangs up, or hurries, does to the server."""

from __future__ import annotations

import os
import socket
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients.road import until

SIZE = 128 * 2**20


@pytest.fixture(scope="module")
def url(server: Any) -> str:
    """A presigned URL of an object of `SIZE` bytes."""
    s3, bucket = server.client("s3"), f"download-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="big", Body=b"x" * SIZE)
    return s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "big"})


def ask(url: str, *more: str) -> socket.socket:
    """A connection on which a GET of `url`, and of the paths behind it, have been sent in one go."""
    parts = urlsplit(url)
    gets = [f"{parts.path}?{parts.query}", *more]
    sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
    sock.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n" for path in gets).encode())
    return sock


def bytes_read(pid: int) -> int:
    """What a process has read so far, of files and sockets."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def open_blobs(pid: int) -> list[str]:
    """The blobs that a process has open; `keep` is the lock of removals (`store/removal.py`), and holds no bytes."""
    found: list[str] = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(entry.path))
        except FileNotFoundError:
            continue
    return [path for path in found if "/blobs/" in path and not path.endswith("/blobs/keep")]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_client_that_hangs_up_ends_the_reading_of_its_object(server: Any, url: str) -> None:
    before = bytes_read(server.pid)
    with ask(url) as sock:
        assert sock.recv(1024).startswith(b"HTTP/1.1 200 ")
        assert open_blobs(server.pid)
    until(lambda: not open_blobs(server.pid), "the end of the download")
    assert bytes_read(server.pid) - before < SIZE // 2


def test_a_request_that_is_sent_while_a_body_streams_is_answered_after_it(url: str) -> None:
    with ask(url, "/health") as sock, sock.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        while answer.readline().strip():
            pass
        assert len(answer.read(SIZE)) == SIZE
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
