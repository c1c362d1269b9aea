"""A disk that is full, a blob that has rotted, a second server: each while clients write."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import FlexibleChecksumError

from potager.cli.child import Child, NotStarted
from tests.clients.road import until
from tests.faults.store.audit import Folder
from tests.faults.store.client import Client
from tests.faults.store.crowd import md5, read
from tests.faults.store.mortal import Mortal

SIZES = (700, 40_000, 300_000, 1_500_000)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Mortal]:
    """A server on a disk of 64 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a small disk takes the right to mount one")
    server = Mortal(folder / "data")
    try:
        yield server
    finally:
        server.close()
        subprocess.run(["umount", "-l", folder], check=True)


class Filler(threading.Thread):
    """Writes until the disk is full, and ten times more."""

    def __init__(self, number: int, s3: Client) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.kept: dict[str, str] = {}
        self.refused: list[tuple[int, str]] = []
        self.fault: BaseException | None = None
        self._s3 = s3

    def run(self) -> None:
        try:
            for turn in range(2000):
                self._write(turn)
                if len(self.refused) >= 10:
                    return
        except BaseException as error:
            self.fault = error

    def _write(self, turn: int) -> None:
        key = f"{self.number}/{turn % 150}"
        body = f"{self.number} {turn} ".encode() * (SIZES[turn % len(SIZES)] // 8)
        answer = self._multipart(key, body) if turn % 7 == 6 else self._s3("PUT", "full", key, body=body)
        if answer.status == 200:
            self.kept[key] = md5(body)
        else:
            self.refused.append((answer.status, answer.code))

    def _multipart(self, key: str, body: bytes) -> Any:
        begun = self._s3("POST", "full", key, {"uploads": ""})
        if begun.status != 200:
            return begun
        upload = {"uploadId": begun.text("UploadId")}
        part = self._s3("PUT", "full", key, {"partNumber": 1, **upload}, body)
        if part.status != 200:
            self._s3("DELETE", "full", key, upload)
            return part
        listed = f"<Part><PartNumber>1</PartNumber><ETag>{part.headers['etag']}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        return self._s3("POST", "full", key, upload, whole)


def test_a_full_disk_refuses_writes_and_keeps_all_else(small: Mortal) -> None:
    small.start()
    s3 = Client(small.url, small.env)
    assert s3("PUT", "full").status == 200
    fillers = [Filler(each, Client(small.url, small.env)) for each in range(4)]
    for filler in fillers:
        filler.start()
    for filler in fillers:
        filler.join(120)
        assert filler.fault is None, filler.fault
        assert len(filler.refused) >= 10
        assert set(filler.refused) == {(507, "InsufficientStorage")}
    check_kept(s3, fillers)
    small.kill()
    s3.close()
    small.start()
    check_kept(s3, fillers)
    folder = Folder(small.data)
    used = folder.used()
    for filler in fillers:
        for key in filler.kept:
            assert s3("DELETE", "full", key).status == 204, key
    for upload, key in listed(s3):
        assert s3("DELETE", "full", key, {"uploadId": upload}).status == 204
    until(lambda: not folder.files(), "an empty disk")
    assert folder.complaints() == []
    assert folder.used() == 0 < used
    assert s3("PUT", "full", "again", body=bytes(20_000_000)).status == 200


def listed(s3: Client) -> list[tuple[str, str]]:
    uploads = s3("GET", "full", query={"uploads": ""})
    return list(zip(uploads.texts("UploadId"), uploads.texts("Key"), strict=True))


def check_kept(s3: Client, fillers: list[Filler]) -> None:
    """Every key holds what was acknowledged last, whatever was refused since."""
    for filler in fillers:
        for key, digest in filler.kept.items():
            assert read(s3("GET", "full", key)) == digest, key


def test_a_blob_that_has_rotted_is_seen_by_the_client_that_reads_it(fresh_server: Any) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="rot")
    for key in ("sound", "rotten"):
        s3.put_object(Bucket="rot", Key=key, Body=key.encode() * 50_000, ChecksumAlgorithm="CRC32")
    (path,) = (each for each in Folder(fresh_server.data).files().values() if each.read_bytes().startswith(b"rotten"))
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(150_000)
        file.write(b"R")
    with pytest.raises(FlexibleChecksumError):
        s3.get_object(Bucket="rot", Key="rotten")["Body"].read()
    assert s3.get_object(Bucket="rot", Key="sound")["Body"].read() == b"sound" * 50_000
    assert any(path.name in each for each in Folder(fresh_server.data).complaints())


def test_a_second_server_is_refused_by_name_and_the_first_goes_on(mortal: Mortal) -> None:
    mortal.start()
    s3 = Client(mortal.url, mortal.env)
    assert s3("PUT", "one").status == 200
    for turn in range(3):
        assert s3("PUT", "one", f"{turn}", body=bytes(300_000)).status == 200
        with pytest.raises(NotStarted, match=f"process {mortal.pid} at {mortal.url}"):
            Child(mortal.data, ["--port", "0"]).start()
        assert mortal.alive
        assert s3("GET", "one", f"{turn}").body == bytes(300_000)
    assert Folder(mortal.data).complaints() == []
