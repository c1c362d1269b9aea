"""`potager fsck` after a server was stopped: what clients put is sound; what is damaged is found and mended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3.s3.transfer
import pytest

import potager


def fsck(data: Path, *options: str) -> tuple[int, str]:
    """The exit status and what was said."""
    argv = [sys.executable, "-m", "potager", "fsck", "--data", str(data), *options]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What a server left that kept objects of every kind."""
    folder, big = tmp_path / "data", tmp_path / "big"
    big.write_bytes(os.urandom(12 * 2**20))
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    with potager.local(data=folder) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="claims")
        s3.put_bucket_versioning(Bucket="claims", VersioningConfiguration={"Status": "Enabled"})
        for algorithm in ("CRC32", "SHA1", "SHA256"):
            put(s3, algorithm, os.urandom(30_000), ChecksumAlgorithm=algorithm)
            s3.upload_file(
                str(big), "claims", f"parts/{algorithm}", Config=parts, ExtraArgs={"ChecksumAlgorithm": algorithm}
            )
        for size in (0, 10, 20_000, 20_000):
            put(s3, "again", os.urandom(size))
        s3.delete_object(Bucket="claims", Key="again")
        put(s3, "sealed", os.urandom(100_000), ServerSideEncryption="AES256")
        put(s3, "kms", os.urandom(100_000), ServerSideEncryption="aws:kms")
        s3.copy_object(Bucket="claims", Key="copy", CopySource="claims/parts/CRC32")
        s3.create_multipart_upload(Bucket="claims", Key="begun")
    return folder


def put(s3: Any, key: str, body: bytes, **more: Any) -> None:
    s3.put_object(Bucket="claims", Key=key, Body=body, **more)


def test_what_a_server_keeps_is_sound_and_what_is_damaged_is_found_and_mended(data: Path) -> None:
    assert fsck(data, "--deep") == (0, f"{data}: all is well.\n")
    sizes = {path: path.stat().st_size for path in (data / "blobs").glob("??/*")}
    victim = next(path for path, size in sizes.items() if size == 30_000)
    content = bytearray(victim.read_bytes())
    content[100] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(content)
    victim.chmod(0o444)
    orphan = data / "blobs" / "00" / ("0" * 32)
    orphan.write_bytes(b"nobody's")
    strange = orphan.with_name("a\n\x1b[31mb")
    strange.touch()
    status, said = fsck(data, "--deep")
    assert status == 2
    assert "is not whole" in said
    assert "Mend with --repair" in said
    assert r"a\n\x1b[31mb is no blob's file" in said
    strange.unlink()
    status, said = fsck(data, "--deep", "--repair")
    assert status == 1
    kept = next((data / "fsck").glob("*/blobs/*"))
    assert f"mended: It is put aside, as {kept}." in said
    assert f"Rows are kept in {kept.parents[1] / 'rows.jsonl'}." in said
    assert f"{orphan} has 8 bytes that nothing names. mended: It is removed." in said
    assert fsck(data, "--deep")[0] == 0
    assert not orphan.exists()
    assert [path.name for path in (data / "fsck").glob("*/blobs/*")] == [victim.name]


def test_a_folder_that_a_server_uses_is_refused_by_name(server: potager.Local, tmp_path: Path) -> None:
    status, said = fsck(server.data)
    assert status == 1
    assert f"a server uses this data folder already: process {server.pid}" in said
    assert "is no data folder" in fsck(tmp_path / "none")[1]
    assert not (tmp_path / "none").exists()
